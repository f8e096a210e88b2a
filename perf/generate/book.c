/* SPDX-License-Identifier: Apache-2.0 */

/* Book of calls: written once, before the first frame. */

#include "generate/book.h"

#include <errno.h>

/* Calls of a rare kind need less variety than those that make the load. */
#define RARE_VARIANTS_DIVISOR 16u

static uint32_t variants_of(const struct traffic_settings *settings, uint32_t kind)
{
    if ((kind & TRAFFIC_SENSITIVE && !settings->sensitive_percent) ||
        (kind & TRAFFIC_SHADOW && !settings->shadow_percent) ||
        (kind & TRAFFIC_MISSING_HEADER && !settings->missing_header_percent))
        return 0;
    bool rare = kind != (settings->sensitive_percent > 50 ? TRAFFIC_SENSITIVE : 0);
    uint32_t count = rare ? settings->variants / RARE_VARIANTS_DIVISOR : settings->variants;
    return count ? count : 1;
}

int book_init(struct book *book, const struct traffic_settings *settings)
{
    *book = (struct book){.arena = arena_new_growing()};
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < TRAFFIC_KINDS; kind++) {
        book->shelves[kind] = (struct book_shelf){total, variants_of(settings, kind)};
        total += book->shelves[kind].count;
    }
    book->scripts = book->arena ? arena_take_array(book->arena, struct traffic_script, total) : NULL;
    if (!book->scripts)
        return -ENOMEM;
    struct traffic_author author = {settings, book->arena, {settings->seed}};
    for (uint32_t kind = 0; kind < TRAFFIC_KINDS; kind++) {
        struct traffic_script *scripts = book->scripts + book->shelves[kind].first;
        for (uint32_t i = 0; i < book->shelves[kind].count; i++) {
            int result = settings->protocol->write_call(&author, kind, &scripts[i]);
            if (result < 0)
                return result;
        }
    }
    return 0;
}

void book_deinit(struct book *book)
{
    arena_free(book->arena);
    *book = (struct book){0};
}

/* True for `percent` of the numbers 0, 1, 2 ..., spread evenly: multiples modulo 100 return after each hundred. */
static bool falls(uint64_t number, uint32_t percent, uint32_t phase)
{
    return (number + phase) % 100 * percent % 100 < percent;
}

uint32_t book_kind(const struct traffic_settings *settings, uint64_t number)
{
    /* Different phases: equal shares are not to fall on the same calls. */
    uint32_t kind = 0;
    if (falls(number, settings->sensitive_percent, 0))
        kind |= TRAFFIC_SENSITIVE;
    if (falls(number, settings->shadow_percent, 37))
        kind |= TRAFFIC_SHADOW;
    if (falls(number, settings->missing_header_percent, 71))
        kind |= TRAFFIC_MISSING_HEADER;
    return kind;
}

uint32_t book_choose(const struct book *book, uint32_t kind, struct random *random)
{
    return book->shelves[kind].first + random_below(random, book->shelves[kind].count);
}
