/* SPDX-License-Identifier: Apache-2.0 */

/* Key log lines: any text in any pieces gives the items it gives as a whole, and every item is well made. */

#include <stdlib.h>

#include "tls/keylog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ITEMS_MAX 512u

static void check(bool good)
{
    if (!good)
        abort();
}

struct result {
    struct tls_keylog parser;
    uint32_t count;
    uint32_t sums[ITEMS_MAX];
};

static uint32_t sum_of(const struct tls_keylog_item *item)
{
    uint32_t sum = (uint32_t)item->kind * 7 + (uint32_t)item->by * 31 + item->generation;
    check(item->kind < TLS_SECRET_KIND_COUNT && item->id_size <= sizeof(item->id));
    check(item->secret_size <= TLS_SECRET_MAX && tls_secret_kind_name(item->kind)[0]);
    for (uint32_t i = 0; i < item->id_size; i++)
        sum = sum * 16777619 + item->id[i];
    for (uint32_t i = 0; i < item->secret_size; i++)
        sum = sum * 16777619 + item->secret[i];
    return sum;
}

static void run(const uint8_t *data, uint32_t size, uint32_t piece, struct result *result_out)
{
    uint32_t consumed = 0, offered = 0;
    memset(result_out, 0, sizeof(*result_out));
    do {
        offered = offered + piece < size ? offered + piece : size;
        for (uint32_t calls = 0;; calls++) {
            uint32_t left = offered - consumed;
            uint8_t *copy = malloc(left + 1);
            check(copy != NULL && calls <= 2 * size + 2);
            memcpy(copy, data + consumed, left);
            struct parse_input input = {.data = copy, .size = left, .last = offered == size};
            struct tls_keylog_item item;
            struct parse_step step = tls_keylog_parse(&result_out->parser, &input, &item);
            check(step.consumed <= left);
            consumed += step.consumed;
            if (step.status == PARSE_ITEM && result_out->count < ITEMS_MAX)
                result_out->sums[result_out->count++] = sum_of(&item);
            free(copy);
            if (step.status != PARSE_ITEM)
                break;
        }
    } while (offered < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct result whole, cut;
    if (size < 2)
        return 0;
    run(data + 1, (uint32_t)size - 1, (uint32_t)size, &whole);
    run(data + 1, (uint32_t)size - 1, data[0] % 64 + 1u, &cut);
    check(whole.count == cut.count && whole.parser.lines == cut.parser.lines);
    check(whole.parser.refused == cut.parser.refused);
    check(memcmp(whole.sums, cut.sums, whole.count * sizeof(whole.sums[0])) == 0);
    return 0;
}
