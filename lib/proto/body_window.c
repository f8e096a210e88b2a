/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Body window
 *
 * The one subtle point: a full buffer is given out only when it is known whether anything follows. Otherwise a body of
 * exactly one window would make one view or two, depending on whether its end was known with its last byte.
 */

#include "proto/body_window.h"

static_assert(BODY_WINDOW_OVERLAP + BODY_WINDOW_BEHIND < BODY_WINDOW_SIZE / 2, "most of a view is its own");

void body_window_init(struct body_window *window, struct pool *buffers)
{
    require(buffers->object_size >= BODY_WINDOW_SIZE);
    *window = (struct body_window){.buffers = buffers};
}

void body_window_forget(struct body_window *window)
{
    while (window->kept_count > 0)
        pool_give(window->buffers, window->kept[--window->kept_count]);
}

void body_window_release(struct body_window *window)
{
    body_window_forget(window);
    if (window->buffer)
        pool_give(window->buffers, window->buffer);
    window->buffer = NULL;
    window->used = window->fresh = 0;
    window->given = false;
}

static void give_view(const struct body_window *window, bool final, struct body_view *view_out)
{
    *view_out = (struct body_view){
        .data = window->buffer,
        .size = window->used,
        .fresh = window->fresh,
        .offset = window->offset,
        .behind = window->fresh ? BODY_WINDOW_BEHIND : 0,
        .final = final,
        .after_loss = window->after_loss && !window->fresh,
    };
}

/* Behind a full view: takes the overlap and what may be looked back at over to `buffer`, which may be its own. */
static void slide(struct body_window *window, uint8_t *buffer)
{
    memmove(buffer, window->buffer + BODY_WINDOW_STEP, BODY_WINDOW_SIZE - BODY_WINDOW_STEP);
    window->buffer = buffer;
    window->offset += BODY_WINDOW_STEP;
    window->used = window->fresh = BODY_WINDOW_SIZE - BODY_WINDOW_STEP;
    window->given = false;
}

bool body_window_keep(struct body_window *window)
{
    bool spare = window->buffers->used_count < window->buffers->count / BODY_KEPT_SHARE;
    if (!window->given || !spare || window->kept_count == BODY_KEPT_MAX)
        return false;
    uint8_t *next = pool_take(window->buffers);
    require(next);
    if (window->kept_count == 0)
        window->kept_offset = window->offset;
    require(window->offset == window->kept_offset + (uint64_t)window->kept_count * BODY_WINDOW_STEP);
    window->kept[window->kept_count++] = window->buffer;
    slide(window, next);
    return true;
}

struct body_view body_window_kept(const struct body_window *window, uint32_t n)
{
    require(n < window->kept_count);
    return (struct body_view){
        .data = window->kept[n],
        .size = BODY_WINDOW_SIZE,
        .offset = window->kept_offset + (uint64_t)n * BODY_WINDOW_STEP,
    };
}

/* Nothing contiguous follows what is in the buffer. True: there is a view of it. */
static bool finish(struct body_window *window, bool cut, struct body_view *view_out)
{
    uint32_t used = window->used;
    if (used > 0) {
        give_view(window, true, view_out);
        view_out->cut = cut;
    }
    window->offset += used;
    window->used = window->fresh = 0;
    return used > 0;
}

/* Bytes are missing: first the view before the hole, then, asked again, the hole itself. */
static struct parse_step lose(struct body_window *window, const struct parse_input *input, struct body_view *view_out)
{
    if (finish(window, true, view_out))
        return parse_step_of(PARSE_ITEM, 0, 0);
    window->offset += input->lost;
    window->after_loss = true;
    window->ended = input->last;
    if (input->last)
        body_window_release(window);
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, 0, 0);
}

/* The body as one piece: no copy. */
static struct parse_step give_whole(struct body_window *window, const struct parse_input *input,
                                    struct body_view *view_out)
{
    *view_out = (struct body_view){
        .data = input->data,
        .size = input->size,
        .offset = window->offset,
        .final = true,
        .after_loss = window->after_loss,
    };
    window->offset += input->size;
    window->ended = true;
    body_window_release(window);
    return parse_step_of(PARSE_ITEM, input->size, 0);
}

static struct parse_step give_up(struct body_window *window, const struct parse_input *input)
{
    window->no_buffer = true;
    window->ended = true;
    return parse_step_of(PARSE_STOP, input->size, 0);
}

struct parse_step body_window_add(struct body_window *window, const struct parse_input *input,
                                  struct body_view *view_out)
{
    if (window->ended) {
        body_window_release(window);
        return parse_step_of(PARSE_STOP, input->size, 0);
    }
    if (window->given)
        slide(window, window->buffer);
    if (!input->data && input->lost)
        return lose(window, input, view_out);
    if (!window->used && input->last && input->size > 0 && input->size <= BODY_WINDOW_SIZE)
        return give_whole(window, input, view_out);
    if (!window->buffer && input->size > 0)
        window->buffer = pool_take(window->buffers);
    if (!window->buffer && input->size > 0)
        return give_up(window, input);

    uint32_t size = min_u32(input->size, BODY_WINDOW_SIZE - window->used);
    if (size > 0)
        memcpy(window->buffer + window->used, input->data, size);
    window->used += size;
    if (size < input->size) {
        give_view(window, false, view_out);
        window->given = true;
        return parse_step_of(PARSE_ITEM, size, 0);
    }
    if (!input->last)
        return parse_step_of(PARSE_MORE, size, 0);
    window->ended = true;
    if (finish(window, false, view_out))
        return parse_step_of(PARSE_ITEM, size, 0);
    body_window_release(window);
    return parse_step_of(PARSE_STOP, size, 0);
}
