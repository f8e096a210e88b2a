/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Body text: byte 0 chooses the kind, byte 1 repeats the text (few values often), bytes 2 to 5 the cuts. Places and
 * decoded pieces must be the same however the body is cut, and whether views that nobody asks about are walked at once
 * or put off; every offset a scanner may ask about gets an answer.
 */

#include <stdlib.h>

#include "proto/body_text.h"

#define BODY_MAX 36000u /* three views */

#define LONG_EACH   32u  /* one in so many values of byte 1 makes a long body */
#define MATCHES_MAX 256u /* asked about in one body; of a short one all */
#define POOL_COUNT  8u   /* more than twice the views of a body: all can be kept */

/* How a body is read. */
struct way {
    enum body_kind kind;
    uint64_t from; /* nothing in front of it is asked about */
    uint32_t step; /* and only of each so-manieth byte */
    bool lazy;     /* puts views off */
};

struct run {
    struct way way;
    struct body_locator locator;
    struct body_values values;
    uint64_t digest;
};

static void mix(struct run *run, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    /* Whole words: names and pieces are most of the work where each digit is asked about. */
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, size - i < sizeof(word) ? size - i : sizeof(word));
        run->digest = (run->digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        run->digest ^= run->digest >> 32;
    }
}

static void mix_place(struct run *run, const struct body_place *place)
{
    uint32_t head[4] = {place->kind, place->escaped, place->name_cut, place->name_size};
    require(place->name_size <= BODY_NAME_MAX);
    mix(run, head, sizeof(head));
    mix(run, place->name, place->name_size);
}

/* A "match" begins at digits and is as long as the digit says. */
static bool is_match(const struct run *run, const struct body_view *view, uint32_t i)
{
    uint8_t c = view->data[i];
    return c >= '0' && c <= '9' && body_view_owns(view, i) && view->offset + i >= run->way.from &&
           (view->offset + i) % run->way.step == 0;
}

static bool put_off(const struct run *run, struct body_window *window, const struct body_view *view)
{
    if (!run->way.lazy || body_needs_decoding(run->locator.kind, view) || body_locator_in_escaped(&run->locator))
        return false;
    for (uint32_t i = 0; i < view->size; i++)
        if (is_match(run, view, i))
            return false;
    return body_window_keep(window);
}

static void search(struct run *run, struct body_window *window, const struct body_view *view)
{
    if (put_off(run, window, view))
        return;
    for (uint32_t i = 0; i < window->kept_count; i++) {
        struct body_view kept = body_window_kept(window, i);
        body_locator_leave(&run->locator, &kept);
    }
    body_window_forget(window);
    bool any = body_values_enter(&run->values, &run->locator, view);
    for (uint32_t i = 0; i < view->size; i++) {
        if (!is_match(run, view, i))
            continue;
        struct body_place place;
        body_locate(&run->locator, view, i, min_u32(1 + (view->data[i] - '0') * 5u, view->size - i), &place);
        mix(run, &i, sizeof(i));
        mix_place(run, &place);
    }
    struct body_piece piece;
    while (any && body_values_next(&run->values, view, &piece)) {
        require(piece.size <= BODY_PIECE_MAX && piece.start_max <= piece.size && piece.end_min <= piece.size);
        require(piece.place.name_size <= BODY_NAME_MAX);
        mix_place(run, &piece.place);
        mix(run, piece.data, piece.size);
        mix(run, &piece.start_min, sizeof(uint32_t) * 3);
    }
    body_locator_leave(&run->locator, view);
    require(run->locator.offset <= view->offset + view->size);
    require(view->final || run->locator.offset >= view->offset + BODY_WINDOW_STEP ||
            run->locator.kind == BODY_MULTIPART || run->locator.kind == BODY_TEXT || run->locator.kind == BODY_BINARY);
}

static uint64_t feed(struct pool *pool, struct span text, const uint32_t *cuts, const struct way *way)
{
    static struct run run;
    struct body_window window;
    const uint8_t *body = text.data;
    uint32_t size = text.size;
    run.digest = 1;
    run.way = *way;
    body_window_init(&window, pool);
    body_locator_init(&run.locator, way->kind);
    body_values_init(&run.values);
    uint32_t at = 0;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t to = i < 2 ? cuts[i] : size;
        struct parse_step step = {0};
        while (step.status == PARSE_ITEM) {
            struct parse_input input = {.data = body + at, .size = to - at, .last = i == 2};
            struct body_view view;
            step = body_window_add(&window, &input, &view);
            at += step.consumed;
            if (step.status == PARSE_ITEM)
                search(&run, &window, &view);
        }
    }
    require(at == size);
    return run.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 7 || size > 4096)
        return 0;
    struct arena *arena = arena_new(1 << 18);
    struct pool pool;
    uint8_t *body = malloc(BODY_MAX);
    if (!arena || !body || pool_init(&pool, arena, BODY_WINDOW_SIZE, POOL_COUNT))
        abort();
    uint32_t text = (uint32_t)size - 6, total = 0;
    /* Bodies of several views are a hundred times the work of others: few of them, so that an engine gets to many. */
    uint32_t repeats = data[1] % LONG_EACH == 0 ? (uint32_t)data[1] * 4 : data[1] % 4;
    for (uint32_t i = 0; i <= repeats && total + text <= BODY_MAX; i++, total += text)
        memcpy(body + total, data + 6, text);
    uint32_t a = (uint32_t)(data[2] << 8 | data[3]) % (total + 1);
    uint32_t b = a + (uint32_t)(data[4] << 8 | data[5]) % (total - a + 1);
    const uint32_t cuts[2] = {a, b}, ends[2] = {total, total};
    enum body_kind kind = data[0] % BODY_KIND_COUNT;
    struct span whole = span_of(body, total);
    const uint32_t step = 1 + total / MATCHES_MAX;
    const struct way ways[] = {
        {kind, 0, step, false}, {kind, 0, step, true}, {kind, b, step, false}, {kind, b, step, true}};
    require(feed(&pool, whole, cuts, &ways[0]) == feed(&pool, whole, ends, &ways[1]));
    require(feed(&pool, whole, ends, &ways[2]) == feed(&pool, whole, cuts, &ways[3]));
    require(pool.used_count == 0);
    free(body);
    arena_free(arena);
    return 0;
}
