/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Classification: whatever prefixes of a stream are offered one after another, the first answer that is not MORE is the
 * answer for the whole, and CLASSIFY_BYTES_MAX bytes always have one. The first byte chooses the direction.
 */

#include <stdlib.h>

#include "classify/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIXES_MAX 256u /* every prefix up to here, then steps */

static void check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum classify_direction direction = (enum classify_direction)(data[0] % 3);
    uint32_t stream_size = (uint32_t)size - 1;
    enum classify_protocol whole = classify_stream(direction, data + 1, stream_size);
    check(whole != CLASSIFY_MORE || stream_size < CLASSIFY_BYTES_MAX);
    check(classify_protocol_name(whole)[0] != '\0');
    for (uint32_t prefix = 0; prefix < stream_size; prefix += prefix < PREFIXES_MAX ? 1 : 97) {
        uint8_t *copy = malloc(prefix ? prefix : 1);
        check(copy != NULL);
        memcpy(copy, data + 1, prefix);
        enum classify_protocol answer = classify_stream(direction, copy, prefix);
        check(answer == CLASSIFY_MORE || answer == whole);
        free(copy);
    }
    return 0;
}
