/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON walker
 *
 * Reads a body as JSON texts (RFC 8259) one item a call, under the parser contract (base/parse.h), and always knows
 * where it is: json_pointer() writes the RFC 6901 pointer of the item just given. Several texts in sequence are read
 * one after the other. Anything that is no JSON sets an anomaly and is read on leniently, so that the values behind a
 * mistake are still found.
 *
 * Memory:  struct json_walker, fixed; a zeroed one or json_init() is a valid start.
 * Threads: one owner.
 * Limits:  below. Long texts come in parts; deeper levels are read without structure; long keys are kept cut.
 * Loss:    JSON_TEXT: the rest has no known place, and reading goes on behind the next line feed, the only byte that
 *          cannot be inside a string. JSON_LINES: the next line is a fresh text with a known place.
 * End:     PARSE_STOP once `last` has been seen and everything is told. A loss may still follow.
 *          At most 2 * size + 3 calls for one input: a number that ends with the input is an item, then its text ends.
 */

#include "base/parse.h"

#define JSON_DEPTH_MAX       64   /* APIs nest below 20 and common parsers stop between 32 and 1000; one bit map each */
#define JSON_STRING_PART_MAX 960  /* with quote and a last character still below BODY_WINDOW_OVERLAP */
#define JSON_KEY_KEPT_MAX    255  /* of one key, as written; longer ones are cut in pointers, never in items */
#define JSON_KEYS_SIZE       1024 /* keys of all open levels together */

enum json_mode {
    JSON_TEXT,  /* one text, or several with white space between */
    JSON_LINES, /* a text a line (NDJSON, RFC 7464): a line feed ends the text, whatever its state */
};

enum json_kind {
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_OTHER, /* a run of bytes that is no JSON token; malformed */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_DOCUMENT_END,
};

/* As bits of json_walker.anomalies. */
enum json_anomaly {
    JSON_MALFORMED = 1u << 0,  /* against the grammar or not UTF-8; malformed_offset says where first */
    JSON_UNFINISHED = 1u << 1, /* the input ended inside a text */
    JSON_EMPTY = 1u << 2,      /* the input ended without any text */
    JSON_SEVERAL = 1u << 3,    /* more than one text in mode JSON_TEXT: fine for a stream, not for application/json */
    JSON_BYTE_ORDER_MARK = 1u << 4, /* RFC 8259 8.1: must not be sent, may be ignored */
    JSON_DEEP = 1u << 5,            /* nested over JSON_DEPTH_MAX */
    JSON_KEY_CUT = 1u << 6,         /* a key was not kept whole */
    JSON_LOSS = 1u << 7,            /* bytes were missing */
};

/* A body with one of these is no JSON text in the sense of RFC 8259 (when nothing was lost). */
#define JSON_ANOMALIES_INVALID (JSON_MALFORMED | JSON_UNFINISHED | JSON_EMPTY | JSON_SEVERAL)

struct json_item {
    struct span text;   /* between the quotes, the number, the word, the bracket; empty for DOCUMENT_END */
    uint64_t offset;    /* of text.data[0] in the body, lost bytes counted */
    uint8_t kind;       /* enum json_kind */
    bool first, last;   /* parts of one key, string, number or run; both set for everything short */
    bool escaped;       /* this part holds a backslash */
    bool malformed;     /* this part is against the grammar */
    bool place_unknown; /* behind a loss or below JSON_DEPTH_MAX: the pointer is that of an outer value, or empty */
};

struct json_level {
    uint32_t index;      /* array: of the current element */
    uint16_t key_offset; /* object: into keys[] */
    uint8_t key_size;
    bool array;
    bool member; /* there is a current member or element */
    bool key_cut;
};

/* The members are the walker's own, but for anomalies, malformed_offset, documents and depth, which all may read. */
struct json_walker {
    uint64_t offset;           /* of the next input's data[0] in the body */
    uint64_t malformed_offset; /* of the first mistake */
    uint64_t documents;        /* texts begun */
    uint64_t excess;           /* open levels beyond JSON_DEPTH_MAX */
    uint32_t anomalies;        /* enum json_anomaly */
    uint32_t looked;           /* bytes of the open token already looked at */
    uint32_t held;             /* bytes of the last input not consumed */
    uint16_t keys_used;
    uint8_t state;
    uint8_t expect;
    uint8_t depth;  /* open levels, at most JSON_DEPTH_MAX */
    uint8_t inside; /* what the innermost open level is */
    uint8_t number; /* state of the number's grammar */
    uint8_t mode;   /* enum json_mode */
    bool loose;     /* no structure is followed: excess, or lost */
    bool lost;      /* place unknown behind a loss */
    bool document_open;
    bool part_next; /* the open token's next part is not its first */
    bool part_escaped;
    bool part_malformed;
    struct json_level levels[JSON_DEPTH_MAX];
    uint8_t keys[JSON_KEYS_SIZE];
};

/* Leaves the arrays alone, so it costs little. */
void json_init(struct json_walker *walker, enum json_mode mode);

struct parse_step json_parse(struct json_walker *walker, const struct parse_input *input, struct json_item *item_out);

/* The last key or value that was read over; offsets into the body, quotes included. */
struct json_skipped {
    uint64_t begin, end;
    bool any;    /* there is one */
    bool key;    /* it is a key */
    bool open;   /* a whole key came last, but for its colon */
    bool of_key; /* it is a value directly behind its key */
    bool word;   /* no string */
};

/*
 * Reads over items that nobody asks for, several times as fast as json_parse(): only whole, plain, expected tokens
 * below the top, in front of data[size]; for all else json_parse() goes on from there. The walker is then as if
 * json_parse() had given them. Asked with `skipped->open` as it is, the rest of *skipped is filled in. Returns the
 * bytes consumed.
 */
uint32_t json_skip(struct json_walker *walker, const uint8_t *data, uint32_t size, struct json_skipped *skipped);

/*
 * Writes the pointer of the last item, not terminated, decoded to UTF-8: of a key its member, of a bracket the object
 * or array. Returns its size; the whole text has the empty pointer. *cut_out tells that it did not fit or holds a cut
 * key.
 */
uint32_t json_pointer(const struct json_walker *walker, char *buffer, uint32_t capacity, bool *cut_out);
