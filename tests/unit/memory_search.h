/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Looks for bytes in all memory this process may write, as a core dump would show it. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Times `inverted`, every byte of it exclusive or 0xff, occurs. Given so, it is not found where it was asked for. The
 * shadow memory of sanitizers holds no copies and is too large to look at.
 */
static inline uint32_t memory_search(const uint8_t *inverted, uint32_t size)
{
    FILE *maps = fopen("/proc/self/maps", "r"), *memory = fopen("/proc/self/mem", "rb");
    enum { CHUNK = 1 << 16, REGION_MAX = 1 << 28 };
    uint8_t *buffer = calloc(1, CHUNK);
    char line[512];
    uint32_t found = 0;
    if (memory)
        setvbuf(memory, NULL, _IONBF, 0);
    while (maps && memory && buffer && fgets(line, sizeof(line), maps)) {
        unsigned long long from, to;
        char may[8];
        if (sscanf(line, "%llx-%llx %7s", &from, &to, may) != 3 || may[1] != 'w' || to - from > REGION_MAX)
            continue;
        for (unsigned long long at = from; at < to; at += CHUNK - size) {
            unsigned long long want = to - at < CHUNK ? to - at : CHUNK;
            /* The buffer itself may hold what an earlier chunk had. */
            memset(buffer, 0, CHUNK);
            if (at <= (uintptr_t)buffer + CHUNK && at + want >= (uintptr_t)buffer)
                continue;
            if (fseeko(memory, (off_t)at, SEEK_SET) != 0)
                break;
            size_t got = fread(buffer, 1, want, memory);
            for (size_t i = 0; i + size <= got; i++) {
                uint32_t same = 0;
                while (same < size && (buffer[i + same] ^ inverted[same]) == 0xff)
                    same++;
                found += same == size && i < CHUNK - size;
            }
        }
    }
    free(buffer);
    if (memory)
        fclose(memory);
    if (maps)
        fclose(maps);
    return found;
}
