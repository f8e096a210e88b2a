/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Body window: byte 0 repeats the text, bytes 1 to 4 choose the cuts, byte 5 a hole. The views must be the same as
 * those of the uncut body, hold the right bytes, and own every offset exactly once.
 */

#include <stdlib.h>

#include "proto/body_window.h"

#define BODY_MAX 50000u /* four views */

struct run {
    uint64_t digest;
    uint64_t owned; /* the next offset nobody owns yet */
    const uint8_t *body;
    uint32_t hole_at;
    uint32_t hole_size;
};

static void check_view(struct run *run, const struct body_view *view)
{
    uint64_t shift = run->hole_size && view->offset >= run->hole_at + run->hole_size ? run->hole_size : 0;
    require(view->size > 0 && view->size <= BODY_WINDOW_SIZE);
    require(memcmp(view->data, run->body + (view->offset - shift), view->size) == 0);
    require(!view->after_loss || run->hole_size);
    if (view->after_loss)
        run->owned = view->offset;
    for (uint32_t i = 0; i < view->size; i++)
        if (body_view_owns(view, i))
            require(view->offset + i == run->owned++);
    uint64_t value = view->offset ^ (uint64_t)view->size << 20 ^ (uint64_t)view->fresh << 40 ^
                     (uint64_t)(view->final | view->cut << 1 | view->after_loss << 2 | view->behind << 3) << 60;
    run->digest = (run->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static void offer(struct body_window *window, struct run *run, const struct parse_input *piece)
{
    uint32_t at = 0;
    struct parse_step step = {0};
    for (uint32_t calls = 0; step.status == PARSE_ITEM; calls++) {
        require(calls <= 2 * piece->size + 2);
        struct parse_input input = *piece;
        input.data = piece->data ? piece->data + at : NULL;
        input.size = piece->size - at;
        struct body_view view;
        step = body_window_add(window, &input, &view);
        require(step.consumed <= input.size);
        at += step.consumed;
        if (step.status == PARSE_ITEM)
            check_view(run, &view);
    }
    require(at == piece->size && step.status == (piece->last ? PARSE_STOP : PARSE_MORE));
}

static uint64_t feed(struct pool *pool, const uint8_t *body, uint32_t size, const uint32_t *cuts, uint32_t hole_at,
                     uint32_t hole_size)
{
    struct body_window window;
    struct run run = {.body = body, .hole_at = hole_at, .hole_size = hole_size};
    body_window_init(&window, pool);
    uint32_t at = 0;
    bool lost = hole_size == 0;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t to = i < 2 ? min_u32(cuts[i], size) : size;
        if (!lost && hole_at <= to) {
            offer(&window, &run, &(struct parse_input){.data = body + at, .size = hole_at - at});
            offer(&window, &run, &(struct parse_input){.lost = hole_size});
            at = hole_at;
            lost = true;
        }
        offer(&window, &run, &(struct parse_input){.data = body + at, .size = to - at, .last = i == 2});
        at = to;
    }
    require(pool->used_count == 0);
    require(run.owned == (uint64_t)size + hole_size || size == hole_at || size == 0);
    return run.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 7)
        return 0;
    struct arena *arena = arena_new(1 << 16);
    struct pool pool;
    uint8_t *body = malloc(BODY_MAX);
    if (!arena || !body || pool_init(&pool, arena, BODY_WINDOW_SIZE, 1))
        abort();
    uint32_t text = (uint32_t)size - 6, total = 0;
    for (uint32_t i = 0; i <= (uint32_t)data[0] * 16 && total + text <= BODY_MAX; i++, total += text)
        memcpy(body + total, data + 6, text);
    uint32_t a = (uint32_t)(data[1] << 8 | data[2]) * 2 % (total + 1);
    uint32_t b = a + (uint32_t)(data[3] << 8 | data[4]) * 2 % (total - a + 1);
    uint32_t hole_size = data[5] & 1 ? data[5] * 100u : 0, hole_at = (uint32_t)data[5] * 257 % (total + 1);
    const uint32_t cuts[2] = {a, b}, ends[2] = {total, total};
    require(feed(&pool, body, total, cuts, hole_at, hole_size) == feed(&pool, body, total, ends, hole_at, hole_size));
    free(body);
    arena_free(arena);
    return 0;
}
