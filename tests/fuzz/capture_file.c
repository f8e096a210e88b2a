/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: reading a capture from memory. The first byte chooses the mode; the rest is the file. Both modes must
 * deliver packets that can be read to their last byte, and a preloaded file the same number again after a rewind.
 */

#include <stdlib.h>

#include "capture/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BURSTS_MAX 100000u /* more packets than a seed can hold */

static uint64_t read_all(struct capture_file *file)
{
    struct packet packets[PACKET_BURST_MAX];
    uint64_t count = 0, sum = 0;
    for (uint32_t burst = 0; burst < BURSTS_MAX; burst++) {
        int got = capture_file_next_burst(file, packets);
        if (got <= 0)
            break;
        for (int i = 0; i < got; i++) {
            if (packets[i].wire_size < packets[i].size)
                abort();
            for (uint32_t byte = 0; byte < packets[i].size; byte++)
                sum += packets[i].data[byte];
        }
        count += (uint64_t)got;
    }
    return sum == UINT64_MAX ? 0 : count; /* keeps the reading from being optimised away */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    FILE *stream = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "rb");
    if (!stream)
        return 0;
    enum capture_file_mode mode = data[0] & 1 ? CAPTURE_FILE_PRELOAD : CAPTURE_FILE_STREAM;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct capture_file *file;
    if (capture_file_open_stream(&file, stream, "seed", mode, &diagnostics) == 0) {
        uint64_t count = read_all(file);
        if (mode == CAPTURE_FILE_PRELOAD) {
            capture_file_rewind(file);
            if (read_all(file) != count)
                abort();
        }
        capture_file_close(file);
    } else if (diagnostics.errors == 0) {
        abort(); /* a refusal must say why */
    }
    diagnostics_deinit(&diagnostics);
    return 0;
}
