/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Body window
 *
 * Turns the pieces of a decoded body into views that scanners read: contiguous, overlapping, and cut by body offset
 * only, so that what is found never depends on how the body was cut on the wire. Under the parser contract: an item is
 * a view, every byte offered is consumed by the time of PARSE_MORE, PARSE_STOP is the end of the body.
 *
 *      view 0   [ owned by 0 .............. | OVERLAP ]
 *      view 1                         [BEHIND| owned by 1 .............. | OVERLAP ]
 *
 * A match belongs to the view that owns its first byte (body_view_owns()), so to exactly one. A match longer than the
 * overlap may be cut.
 *
 * Memory:  a body that comes in one piece with `last` and fits is offered by reference. Otherwise one buffer of
 *          BODY_WINDOW_SIZE from the pool, and one for each view that is kept; given back at the end or by
 *          body_window_release().
 * Threads: one owner.
 * Loss:    the view before the hole is final for all its matches and marked `cut`; the next begins behind the hole.
 * Errors:  pool empty: PARSE_STOP with `no_buffer` set; the rest of the body is not scanned and the caller counts that.
 */

#include "base/parse.h"
#include "base/pool.h"

#define BODY_WINDOW_SIZE    16384u /* nearly every API body fits; several fit into the L1 and L2 caches */
#define BODY_WINDOW_OVERLAP 1024u  /* longer than any value a detector knows, PEM blocks excepted */
#define BODY_WINDOW_BEHIND  128u   /* the words in front of a value, which tell what it is */
#define BODY_WINDOW_STEP    (BODY_WINDOW_SIZE - BODY_WINDOW_OVERLAP - BODY_WINDOW_BEHIND)
#define BODY_KEPT_MAX       16u /* a body of 240 KB, which with its buffers stays in the L2 cache */
#define BODY_KEPT_SHARE     2u  /* views are kept only while less than this part of the pool is in use */

struct body_view {
    const uint8_t *data; /* valid until the next call */
    uint32_t size;
    uint32_t fresh;  /* bytes before it were in the view before */
    uint64_t offset; /* of data[0] in the body, lost bytes counted */
    uint32_t behind; /* bytes at the front that are only there to be looked back at */
    bool final;      /* nothing contiguous follows: all matches belong to this view */
    bool cut;        /* final because bytes are missing behind it */
    bool after_loss; /* begins behind missing bytes */
};

struct body_window {
    struct pool *buffers; /* objects of BODY_WINDOW_SIZE */
    uint8_t *buffer;      /* NULL until needed */
    uint64_t offset;      /* of buffer[0] in the body */
    uint32_t used;
    uint32_t fresh;
    bool given; /* the buffer was given out as a view that is not final: slide before the next byte */
    bool after_loss;
    bool no_buffer;
    bool ended;
    uint32_t kept_count;
    uint64_t kept_offset; /* of the first kept view in the body; each next one begins BODY_WINDOW_STEP behind */
    uint8_t *kept[BODY_KEPT_MAX];
};

void body_window_init(struct body_window *window, struct pool *buffers);

/* Gives the buffer back. May be called at any time, also twice. */
void body_window_release(struct body_window *window);

struct parse_step body_window_add(struct body_window *window, const struct parse_input *input,
                                  struct body_view *view_out);

/*
 * The view just given stays as it is until body_window_forget(): whoever wants to read it only if something turns up in
 * a later one need not read it now. False: it is final, or there is no room.
 */
bool body_window_keep(struct body_window *window);

/* The n-th kept view, n < window->kept_count. They follow each other without a hole, up to the view of now. */
struct body_view body_window_kept(const struct body_window *window, uint32_t n);

/* Gives the buffers of all kept views back. */
void body_window_forget(struct body_window *window);

/* Whether a match that begins at view->data[start] is to be reported from this view. */
static inline bool body_view_owns(const struct body_view *view, uint32_t start)
{
    return start >= view->behind && (view->final || start < view->size - BODY_WINDOW_OVERLAP);
}
