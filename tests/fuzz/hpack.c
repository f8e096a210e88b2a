/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HPACK: blocks of any bytes, whole and in pieces, give the same fields; after a loss a field is what it was without
 * one, or unknown. First byte: size of the pieces. Then blocks, each behind a byte of its size.
 */

#include "../hpack_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static void check_same(const struct hpack_run *a, const struct hpack_run *b)
{
    check(a->count == b->count && a->malformed == b->malformed && a->decoder.size == b->decoder.size);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct hpack_run_field *left = &a->fields[i], *right = &b->fields[i];
        check(left->name_known == right->name_known && left->value_known == right->value_known);
        check(left->name_size == right->name_size && left->value_size == right->value_size);
        check(memcmp(left->name, right->name, left->name_size) == 0);
        check(memcmp(left->value, right->value, left->value_size) == 0);
    }
}

/* `lossy` missed earlier blocks; `full` is the truth. */
static void check_never_wrong(const struct hpack_run *full, const struct hpack_run *lossy)
{
    if (full->malformed)
        return;
    check(!lossy->malformed && full->count == lossy->count);
    for (uint32_t i = 0; i < full->count; i++) {
        const struct hpack_run_field *truth = &full->fields[i], *told = &lossy->fields[i];
        if (told->name_known && truth->name_known)
            check(told->name_size == truth->name_size && memcmp(told->name, truth->name, told->name_size) == 0);
        if (told->value_known && truth->value_known)
            check(told->value_size == truth->value_size && memcmp(told->value, truth->value, told->value_size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hpack_run whole, pieces, lossy;
    if (size < 1)
        return 0;
    uint32_t piece = data[0] % 32 + 1, number = 0;
    bool synchronous = true;
    hpack_run_init(&whole);
    hpack_run_init(&pieces);
    hpack_run_init(&lossy);
    for (size_t at = 1; at < size; number++) {
        uint32_t block = (uint32_t)(data[at] < size - at - 1 ? data[at] : size - at - 1);
        hpack_run_clear(&whole);
        hpack_run_clear(&pieces);
        hpack_run_clear(&lossy);
        hpack_run_block(&whole, data + at + 1, block, 0);
        hpack_run_block(&pieces, data + at + 1, block, piece);
        check_same(&whole, &pieces);
        check(whole.decoder.size <= HPACK_LARGE_SIZE);
        check(!whole.decoder.size_known || whole.decoder.size <= whole.decoder.size_max);
        synchronous = synchronous && !whole.malformed;
        if (number % 3 == 1)
            hpack_lose(&lossy.decoder);
        else
            hpack_run_block(&lossy, data + at + 1, block, 0);
        if (number % 3 != 1 && synchronous)
            check_never_wrong(&whole, &lossy);
        at += 1u + block;
    }
    hpack_run_free(&whole);
    hpack_run_free(&pieces);
    hpack_run_free(&lossy);
    return 0;
}
