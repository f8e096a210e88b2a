/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf walker
 *
 * Walks the fields of one message under the contract of base/parse.h, by its descriptor where there is one. Every
 * number and every piece of a text is an item; messages, groups, map entries and packed lists are walked into.
 *
 * Unknown:  a field that no descriptor knows (all of them, without a descriptor) is read by its wire type. What is
 *           length-delimited is guessed at: text, message or bytes (protobuf_guess()). For that up to
 *           PROTOBUF_GUESS_MAX bytes must be offered at once: PARSE_MORE with `needed`, and the rest not consumed.
 *           Otherwise every byte is consumed.
 * Any:      google.protobuf.Any is walked by the message that its type_url names, where that is known and stands before
 *           the value, as every library writes it; otherwise its value is guessed at. A value that is not what its type
 *           says is bytes.
 * End:      `last`. PARSE_STOP says that `outcome` is final; what was not consumed then was not walked.
 * Loss:     inside a text, bytes or a deep message: an item without data. Anywhere else the walk ends with
 * PROTOBUF_LOST. Memory:   fixed, no recursion. Limits:   PROTOBUF_DEPTH_MAX levels, what is deeper is an item of
 * bytes; PROTOBUF_FIELDS_MAX fields. Source:   protobuf.dev/programming-guides/encoding.
 */

#include "base/parse.h"
#include "proto/protobuf_schema.h"
#include "proto/protobuf_wire.h"
#include "proto/utf8.h"

#define PROTOBUF_DEPTH_MAX    100u       /* what the usual receivers refuse beyond */
#define PROTOBUF_FIELDS_MAX   (1u << 20) /* of one message: two bytes each is a message of 2 MB of nothing */
#define PROTOBUF_TYPE_URL_MAX 512u       /* of an Any: as long as names in descriptors may be, and a host before them */
#define PROTOBUF_GUESS_MAX    4096u      /* a longer value is guessed by its beginning */

enum protobuf_outcome {
    PROTOBUF_OPEN,
    PROTOBUF_COMPLETE,
    PROTOBUF_MALFORMED, /* no protobuf from here on */
    PROTOBUF_LOST,      /* a hole where it cannot be walked over */
    PROTOBUF_LIMIT,     /* PROTOBUF_FIELDS_MAX */
};

/* Odd, but no reason to stop. */
enum protobuf_flag {
    PROTOBUF_FLAG_UNKNOWN = 1u << 0,  /* a field that the descriptor does not have, or with another wire type */
    PROTOBUF_FLAG_NO_UTF8 = 1u << 1,  /* a string that receivers refuse */
    PROTOBUF_FLAG_TOO_DEEP = 1u << 2, /* PROTOBUF_DEPTH_MAX was reached */
};

enum protobuf_item_kind { PROTOBUF_ITEM_NUMBER, PROTOBUF_ITEM_TEXT };

struct protobuf_item {
    enum protobuf_item_kind kind;
    uint8_t wire;     /* of NUMBER: VARINT, FIXED64 or FIXED32 */
    uint8_t type;     /* enum protobuf_type; PROTOBUF_UNTYPED without descriptor */
    bool first, last; /* of TEXT: its first, its last piece; a hole may keep the last one away */
    uint32_t lost;    /* of TEXT without data */
    uint64_t number;  /* of NUMBER: as on the wire */
    struct span text; /* of TEXT */
};

struct protobuf_level {
    uint64_t end;                           /* offset behind it; UINT64_MAX: a group, or not known yet */
    const struct protobuf_message *message; /* NULL: no descriptor */
    const struct protobuf_field *field;     /* it is the value of; NULL: unknown */
    const struct protobuf_message *inside;  /* of an Any: what its value is; NULL: not known */
    uint32_t number;                        /* of that field */
    uint8_t kind;
    uint8_t packed_type;
};

/* Private but outcome, flags and flaw_offset. */
struct protobuf_walker {
    uint8_t outcome; /* enum protobuf_outcome */
    uint8_t flags;   /* set of enum protobuf_flag */
    uint8_t state;
    uint8_t wire;
    uint8_t varint_size;
    uint8_t depth;
    bool text_begun;
    bool text_holed;
    bool by_schema;
    uint32_t field_count;
    uint32_t number; /* of the current field */
    uint64_t varint;
    uint64_t offset;      /* of the next byte */
    uint64_t value_end;   /* of the current text, or of the value that is guessed at */
    uint64_t flaw_offset; /* of the byte at which it was known to be malformed */
    const struct protobuf_field *field;
    struct utf8_check utf8;
    uint32_t url_size; /* of the type_url being read; beyond PROTOBUF_TYPE_URL_MAX: too long */
    struct protobuf_level levels[PROTOBUF_DEPTH_MAX];
    char url[PROTOBUF_TYPE_URL_MAX];
};

/* `message` may be NULL: then everything is unknown, and nothing of it odd. */
void protobuf_init(struct protobuf_walker *walker, const struct protobuf_message *message);

/* How many bytes the message has, where that is known: then a field that is longer is seen when it begins. */
void protobuf_bound(struct protobuf_walker *walker, uint64_t size);

struct parse_step protobuf_parse(struct protobuf_walker *walker, const struct parse_input *input,
                                 struct protobuf_item *item_out);

/*
 * The bytes that a guess waits for will not all come (a hole lies in front of them): from here on the value counts as
 * bytes, and what was not consumed yet is when it is offered again.
 */
void protobuf_hurry(struct protobuf_walker *walker);

/*
 * The path of the field that the last item was about: "/user/card_number", by numbers where there is no descriptor:
 * "/user/12/1". List indices are no part of it; a map's are "/map/key" and "/map/value". What does not fit is left out
 * at the end. Returns the size.
 */
uint32_t protobuf_path(const struct protobuf_walker *walker, char *path_out, uint32_t capacity);

/* The innermost message that the last item was in; NULL without descriptor. */
const struct protobuf_message *protobuf_inside(const struct protobuf_walker *walker);
