/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Body text
 *
 * Where in a body something lies, and what its encoded values say. Scanners search the raw views (body_window.h); then
 *
 *   body_locate()      names the place of a match: JSON pointer, form field, path in XML; and tells matches that run
 *                      over more than one value, which are none.
 *   body_values_next() gives the values that hold escapes, decoded, to be searched as well.
 *
 * A clean body of one view costs nothing here: make the locator when a match is known or body_needs_decoding() says so.
 * When a body has several views each must go through body_locator_leave(), in order, or the locator loses its place.
 *
 * A raw match in an `escaped` place is dropped: the decoded piece reports it. So each match is told once.
 *
 * Memory:  fixed structures, the caller's. Nothing is allocated.
 * Threads: one owner.
 * Limits:  names over BODY_NAME_MAX are cut and say so. Values over BODY_PART_MAX are decoded in pieces that overlap by
 *          BODY_CARRY_MAX, so a match across pieces may not be longer than that.
 */

#include "proto/body_kind.h"
#include "proto/body_window.h"
#include "proto/form.h"
#include "proto/json.h"
#include "proto/xml.h"

#define BODY_NAME_MAX  256 /* a pointer of ten levels with common names is below 150 */
#define BODY_PART_MAX  JSON_STRING_PART_MAX
#define BODY_CARRY_MAX 512                                      /* the longest match across two pieces of a value */
#define BODY_PIECE_MAX (BODY_CARRY_MAX + 1 + 3 * BODY_PART_MAX) /* every byte bad: three bytes of U+FFFD each */

enum body_place_kind {
    BODY_PLACE_VALUE,     /* inside one value */
    BODY_PLACE_KEY,       /* inside one key or field name */
    BODY_PLACE_KEY_VALUE, /* begins in a key and ends in its value; the name is the value's */
    BODY_PLACE_SPANS,     /* over more than one value: no match */
    BODY_PLACE_OUTSIDE,   /* between values, or in markup: no match */
    BODY_PLACE_UNKNOWN,   /* behind a loss: a match, but its place has no name */
};

struct body_place {
    enum body_place_kind kind;
    bool escaped; /* drop the raw match: it comes again in decoded form */
    bool name_cut;
    uint16_t name_size;
    char name[BODY_NAME_MAX];
};

/* A key or value; offsets into the body, quotes included. */
struct body_range {
    uint64_t begin, end;
    uint64_t escaped_begin; /* of its first part with an escape; from there on it is searched decoded */
    bool present;
    bool key;
    bool of_key;  /* a value directly behind its key */
    bool word;    /* no string: may be one of several words of what is no JSON */
    bool top;     /* outside of any object or array */
    bool open;    /* more parts follow */
    bool escaped; /* escaped_begin counts */
};

struct body_locator {
    enum body_kind kind;
    bool after_key;  /* the last item was a whole key */
    bool after_loss; /* bytes were missing somewhere before */
    uint64_t offset; /* everything before it is consumed */
    struct body_range previous, current;
    union {
        struct json_walker json;
        struct form form;
        struct xml xml;
    } reader;
};

/* A multipart body is none to be located in: each of its parts is. */
void body_locator_init(struct body_locator *locator, enum body_kind kind);

/* The place of view->data[start, start + size). Ask in ascending order of either begin or end. */
void body_locate(struct body_locator *locator, const struct body_view *view, uint32_t start, uint32_t size,
                 struct body_place *place_out);

/*
 * The view has been searched: walks to where the next one's matches may begin. Nothing follows the last view. It may be
 * put off, as long as views are left in their order, and before anything is asked about a later one.
 */
void body_locator_leave(struct body_locator *locator, const struct body_view *view);

/* False: no place in such a body has a name, and leaving its views does nothing. */
bool body_has_places(enum body_kind kind);

/* An escaped text goes on in the view that begins: what is found there is to be decoded too. */
static inline bool body_locator_in_escaped(const struct body_locator *locator)
{
    return locator->current.open && locator->current.escaped;
}

/* False for a body of one view that surely holds no escape: then neither locator nor values are needed to decode it. */
bool body_needs_decoding(enum body_kind kind, const struct body_view *view);

/* A decoded value or a piece of one. */
struct body_piece {
    const uint8_t *data; /* valid until the next call */
    uint32_t size;
    uint32_t start_min; /* which matches belong to this piece: see body_piece_owns() */
    uint32_t start_max;
    uint32_t end_min;
    uint64_t offset; /* of the value or part in the body, as written */
    uint64_t at;     /* of data[0] in the value, decoded */
    uint64_t plain;  /* bytes of the value in front of its first escape; counts where `resumes` */
    bool known;      /* all of the value up to here was read: `at` is right */
    bool first;      /* the value begins with it */
    bool last;       /* ... and ends with it */
    bool resumes;    /* what of the value is in front of it was no piece, because it has no escapes */
    struct body_place place;
};

static inline bool body_piece_owns(const struct body_piece *piece, uint32_t start, uint32_t size)
{
    return start >= piece->start_min && start < piece->start_max && start + size > piece->end_min;
}

struct body_values {
    struct body_locator locator; /* a copy that runs ahead */
    uint64_t done;               /* parts that begin before it were given */
    uint64_t carry_end;          /* in the body, as written: where the text kept in text[] ended */
    uint64_t decoded;            /* bytes of the value up to there */
    uint32_t size;               /* bytes in text[] */
    bool carry_escaped;          /* they were given as a piece */
    uint8_t text[BODY_PIECE_MAX];
};

/* Once a body. */
void body_values_init(struct body_values *values);

/*
 * Once a view, before body_values_next() and before any body_locate() in that view: it copies the locator, so both may
 * then be used in any order. False: the view has nothing to decode.
 */
bool body_values_enter(struct body_values *values, const struct body_locator *locator, const struct body_view *view);

/* The next decoded piece of the view. False: no more. */
bool body_values_next(struct body_values *values, const struct body_view *view, struct body_piece *piece_out);
