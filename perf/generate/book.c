/* SPDX-License-Identifier: Apache-2.0 */

/* Book of calls: written once, before the first frame. */

#include "generate/book.h"

#include <errno.h>
#include <stdlib.h>

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

static int calls_write(struct book *book, struct traffic_author *author)
{
    const struct traffic_settings *settings = author->settings;
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < TRAFFIC_KINDS; kind++) {
        book->shelves[kind] = (struct book_shelf){total, variants_of(settings, kind)};
        total += book->shelves[kind].count;
    }
    book->scripts = arena_take_array(book->arena, struct traffic_script, total);
    if (!book->scripts)
        return -ENOMEM;
    for (uint32_t kind = 0; kind < TRAFFIC_KINDS; kind++) {
        struct traffic_script *scripts = book->scripts + book->shelves[kind].first;
        for (uint32_t i = 0; i < book->shelves[kind].count; i++) {
            int result = settings->protocol->write_call(author, kind, &scripts[i]);
            if (result < 0)
                return result;
        }
    }
    return 0;
}

static int sessions_write(struct book *book, struct traffic_author *author)
{
    const struct traffic_settings *settings = author->settings;
    uint32_t longest = 2 * settings->transactions_per_connection - 1;
    book->session_count = settings->variants / settings->transactions_per_connection + 1;
    book->sessions = arena_take_array(book->arena, struct book_shelf, book->session_count);
    uint8_t *kinds = arena_take(book->arena, longest, 1);
    if (!book->sessions || !kinds)
        return -ENOMEM;
    uint32_t total = 0, number = 0;
    for (uint32_t i = 0; i < book->session_count; i++) {
        uint32_t calls = 1 + random_below(&author->random, longest);
        book->sessions[i] = (struct book_shelf){total, calls + TRAFFIC_SESSION_ENDS};
        total += book->sessions[i].count;
    }
    book->scripts = arena_take_array(book->arena, struct traffic_script, total);
    if (!book->scripts)
        return -ENOMEM;
    for (uint32_t i = 0; i < book->session_count; i++) {
        const struct book_shelf *session = &book->sessions[i];
        uint32_t calls = session->count - TRAFFIC_SESSION_ENDS;
        for (uint32_t j = 0; j < calls; j++)
            kinds[j] = (uint8_t)book_kind(settings, number++);
        int result = settings->protocol->write_session(author, kinds, calls, book->scripts + session->first);
        if (result < 0)
            return result;
    }
    return 0;
}

int book_init(struct book *book, const struct traffic_settings *settings)
{
    *book = (struct book){.arena = arena_new_growing()};
    book->keylog_stream = open_memstream(&book->keylog, &book->keylog_size);
    if (!book->arena || !book->keylog_stream)
        return -ENOMEM;
    struct traffic_author author = {settings, book->arena, {settings->seed}, book->keylog_stream, NULL, false};
    const struct traffic_protocol *protocol = settings->protocol;
    int result = protocol->begin ? protocol->begin(&author) : 0;
    if (result == 0)
        result = protocol->write_call ? calls_write(book, &author) : sessions_write(book, &author);
    if (protocol->end)
        protocol->end(&author);
    return result == 0 && fflush(book->keylog_stream) != 0 ? -ENOMEM : result;
}

void book_deinit(struct book *book)
{
    if (book->keylog_stream)
        fclose(book->keylog_stream);
    free(book->keylog);
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

struct book_shelf book_choose_session(const struct book *book, struct random *random)
{
    return book->sessions[random_below(random, book->session_count)];
}
