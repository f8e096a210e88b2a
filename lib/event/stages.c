/* SPDX-License-Identifier: Apache-2.0 */

/* Stages as they are shown: time stamp cycles, which on every processor of the last decade pass at one constant rate.
 */

#include "event/stages.h"

/* Waiting is no work. */
static uint64_t busy(const uint64_t cycles[STAGE_COUNT])
{
    uint64_t sum = 0;
    for (int stage = STAGE_IDLE + 1; stage < STAGE_COUNT; stage++)
        sum += cycles[stage];
    return sum;
}

void stages_print(const uint64_t cycles[STAGE_COUNT], uint64_t calls, FILE *stream)
{
    uint64_t sum = busy(cycles);
    if (sum == 0)
        return;
    fprintf(stream, "\n%-12s %16s %7s %14s\n", "stage", "cycles", "share", "cycles a call");
    for (int stage = STAGE_IDLE + 1; stage < STAGE_COUNT; stage++) {
        fprintf(stream, "%-12s %16llu %6.1f%%", stage_name((enum stage)stage), (unsigned long long)cycles[stage],
                100 * (double)cycles[stage] / (double)sum);
        if (calls)
            fprintf(stream, " %14.0f", (double)cycles[stage] / (double)calls);
        fputc('\n', stream);
    }
}

void stages_json(const uint64_t cycles[STAGE_COUNT], struct json_writer *writer)
{
    if (busy(cycles) == 0)
        return;
    json_write_key(writer, "stage_cycles");
    json_write_object_begin(writer);
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        json_write_key(writer, stage_name((enum stage)stage));
        json_write_unsigned(writer, cycles[stage]);
    }
    json_write_object_end(writer);
}
