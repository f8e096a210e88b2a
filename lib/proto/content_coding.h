/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content codings
 *
 * What a Content-Encoding header says was done to a body (RFC 9110 8.4), and the words for what came of undoing it.
 *
 * Reading:  "gzip" and "x-gzip" (RFC 1952), "deflate" (RFC 1950, and RFC 1951 without wrapper, which many senders
 * mean), "br" (RFC 7932), "zstd" (RFC 8878). Case is ignored, empty list elements and "identity" mean nothing. Limits:
 * CONTENT_LAYERS_MAX codings.
 */

#include "base/span.h"

#define CONTENT_LAYERS_MAX 2 /* a proxy that compresses what was compressed before it; more is an attack or a fault */

enum content_coding { CONTENT_GZIP, CONTENT_DEFLATE, CONTENT_BROTLI, CONTENT_ZSTD, CONTENT_CODING_COUNT };

enum content_outcome {
    CONTENT_OPEN,        /* nothing is decided: more input may come */
    CONTENT_COMPLETE,    /* all content is decoded; the flags say what was odd */
    CONTENT_TRUNCATED,   /* the body ended inside the coded stream */
    CONTENT_MALFORMED,   /* no such coding, or broken; what is in front of it is decoded */
    CONTENT_LOST,        /* bytes are missing; what is behind them cannot be decoded */
    CONTENT_BOMB_SIZE,   /* more than CONTENT_OUTPUT_MAX */
    CONTENT_BOMB_RATIO,  /* grows more than CONTENT_RATIO_MAX times */
    CONTENT_BOMB_TIME,   /* takes more work than its content is worth: see CONTENT_WASTE_MAX */
    CONTENT_WINDOW,      /* looks back further than we have memory for */
    CONTENT_DICTIONARY,  /* needs a dictionary that only sender and receiver have */
    CONTENT_UNSUPPORTED, /* a coding we do not know */
    CONTENT_LAYERS,      /* more than CONTENT_LAYERS_MAX codings */
    CONTENT_NO_DECODER,  /* all decoders are in use */
    CONTENT_OUTCOME_COUNT
};

/* Odd, but no reason to stop. */
enum content_flag {
    CONTENT_FLAG_CHECKSUM = 1u << 0,        /* the content is not what its checksum or length was made of */
    CONTENT_FLAG_TRAILER_MISSING = 1u << 1, /* all content is there, the checksum behind it is not, or not whole */
    CONTENT_FLAG_TRAILING_BYTES = 1u << 2,  /* bytes behind the coded stream that belong to nothing */
    CONTENT_FLAG_MEMBERS = 1u << 3,         /* more than one gzip member or zstd frame */
    CONTENT_FLAG_RAW_DEFLATE = 1u << 4,     /* deflate without the zlib wrapper */
};

/* Zero is a valid start: no header seen, nothing to decode. */
struct content_codings {
    uint8_t count;                    /* 0: the body is as it is */
    uint8_t list[CONTENT_LAYERS_MAX]; /* enum content_coding, in the order they were applied */
    uint8_t outcome;                  /* CONTENT_OPEN: can be decoded; else CONTENT_UNSUPPORTED or CONTENT_LAYERS */
};

/* Adds the codings of one header value; several header lines are one list (RFC 9110 5.3). */
void content_coding_parse(struct span value, struct content_codings *codings);

/* "gzip" ...; "complete", "bomb_ratio" ...; never NULL. */
const char *content_coding_name(enum content_coding coding);
const char *content_outcome_name(enum content_outcome outcome);
