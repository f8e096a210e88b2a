/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Searching for sensitive data: what the files scan*.c share.
 *
 * Memory:  the worker's; hits are in worker->hits[] until the next text is searched.
 * Threads: one owner, the worker.
 */

#include "pipeline/worker.h"

struct scan_place {
    enum detection_place kind;
    struct span name;
};

/* Searches one text. Returns how many hits there are. */
uint32_t scan_text(struct pipeline *worker, const struct exchange *exchange, const struct detect_text *text);

/* Keeps a hit of that side, `offset` bytes into its head or body. */
void scan_add(struct exchange *exchange, bool response, const struct detect_hit *hit, const struct scan_place *place,
              uint64_t offset);

/* scan_body.c: the first bytes of a body, which tell with its media type what it is. */
void scan_body_start(struct pipeline *worker, struct exchange *exchange, bool response, struct span start);

/* The media type of a body, or of the part of it that is being read. */
struct span scan_media_type(const struct exchange *exchange, bool response);

/* A text of its own begins inside the body, `base` bytes from its front: a part, a message. */
void scan_restart(struct pipeline *worker, struct body_scan *scan, uint64_t base);

/* scan_multipart.c: a body in parts, each of which is searched as a body of its own; any other is left alone. */
void scan_multipart_take(struct pipeline *worker, struct exchange *exchange, bool response);
void scan_multipart_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data,
                         bool last);
void scan_multipart_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);
struct span scan_multipart_type(const struct scan_multipart *multipart);
struct span scan_multipart_name(const struct scan_multipart *multipart);

/*
 * scan_base64.c: values that are text in base64 as a whole are decoded and searched, once.
 *
 * scan_base64_piece(): of a value that is decoded, or a piece of one; all of them in order.
 * scan_base64_any():   whether the view may hold one.
 * scan_base64_view():  of those in the view; `locator` stands where the view begins, and is used up.
 */
void scan_base64_piece(struct pipeline *worker, struct exchange *exchange, bool response,
                       const struct scan_place *place, const struct body_piece *piece);
bool scan_base64_any(const struct body_scan *scan, const struct body_view *view);
void scan_base64_view(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view,
                      struct body_locator *locator);

/* scan_view.c: a place in the body by its name there; behind the name of the part. `buffer` holds BODY_NAME_MAX. */
struct scan_place scan_place_named(const struct body_scan *scan, struct span name, uint8_t *buffer);
