/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 1.0 values
 *
 * Reads one value of the type system at a time. Lists, maps and arrays are given as the span of what they hold, so the
 * caller goes down only as far as it wants; nothing here recurses.
 *
 * Memory:  the walk itself; texts lie in the input or in the walk, valid until the next call.
 * Threads: pure functions; a walk has one owner.
 * Limits:  AMQP10_DESCRIBED_MAX descriptors on one value, AMQP10_DEPTH_MAX compounds inside each other; what lies
 *          deeper is given as one value, as it lies.
 * Source:  OASIS AMQP 1.0, part 1 (1.1.2, 1.2, 1.6).
 */

#include "base/span.h"

#define AMQP10_DESCRIBED_MAX   4u  /* a described value is met once; more than a few are an attack */
#define AMQP10_DEPTH_MAX       8u  /* maps in maps of annotations are two deep */
#define AMQP10_DESCRIPTORS_MAX 58u /* bytes of them: each is a number, or a symbol of a few words */
#define AMQP10_FRONT_MAX       (AMQP10_DESCRIPTORS_MAX + 6u) /* and a constructor with its size */
#define AMQP10_NUMBER_SIZE     40u                           /* a UUID has 36 characters, digits of 2^64 are 20 */

enum amqp10_kind {
    AMQP10_NULL,
    AMQP10_BOOLEAN,  /* number 0 or 1 */
    AMQP10_UNSIGNED, /* number */
    AMQP10_SIGNED,   /* number, as int64_t */
    AMQP10_FIXED,    /* bytes: float, double, decimal, char, UUID; see code */
    AMQP10_BINARY,   /* bytes */
    AMQP10_STRING,   /* bytes, UTF-8 */
    AMQP10_SYMBOL,   /* bytes, ASCII */
    AMQP10_LIST,     /* bytes: its values; count */
    AMQP10_MAP,      /* bytes: keys and values by turns; count of both */
    AMQP10_ARRAY,    /* bytes: one constructor and the elements; count */
};

struct amqp10_value {
    uint8_t kind; /* enum amqp10_kind */
    uint8_t code; /* the constructor */
    bool described;
    bool descriptor_known; /* `descriptor` is its number, sent as that or as the symbol for it */
    uint64_t descriptor;
    uint64_t number;
    struct span bytes;
    uint32_t count;
};

/*
 * Reads the value that `rest` begins with and moves `rest` behind it. False, `rest` as it was, where there is none: no
 * such type, or its end lies behind the end of `rest`.
 */
bool amqp10_value_read(struct span *rest, struct amqp10_value *value_out);

enum amqp10_size { AMQP10_SIZE_KNOWN, AMQP10_SIZE_MORE, AMQP10_SIZE_MALFORMED };

/* How long the value is that `front` begins with, from as few of its bytes as it takes (AMQP10_FRONT_MAX at most). */
enum amqp10_size amqp10_value_size(struct span front, uint64_t *size_out);

struct amqp10_text {
    struct span name;  /* of the map entry it lies in, the innermost whose key is a text; data NULL: none */
    struct span value; /* as text: numbers in decimal */
};

/* Members are private but malformed. */
struct amqp10_walk {
    struct {
        struct span rest;
        struct span name;
        struct span constructor; /* of the elements of an array; data NULL: each has its own */
        bool map, value_next;
    } levels[AMQP10_DEPTH_MAX];
    uint32_t depth;
    struct amqp10_value single; /* what is walked through is no compound */
    bool has_single;
    bool malformed;
    char number[AMQP10_NUMBER_SIZE];
};

/* Everything that can be read as text inside `value`, in the order sent. */
void amqp10_walk_init(struct amqp10_walk *walk, const struct amqp10_value *value);
bool amqp10_walk_next(struct amqp10_walk *walk, struct amqp10_text *text_out);

/* One value as text; numbers are written to `buffer`. Size 0 for null and compounds. */
struct span amqp10_value_text(const struct amqp10_value *value, char buffer[AMQP10_NUMBER_SIZE]);
