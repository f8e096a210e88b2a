/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/1 responses: any bytes, any cuts, any hole. */

#include "../http1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return http1_fuzz(HTTP1_RESPONSES, data, size);
}
