/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Multipart bodies
 *
 * Finds the parts of a multipart body (RFC 2046 5.1, RFC 7578) and their names, under the parser contract. An item is
 * the content of a part or a piece of it; preamble, part headers, delimiters and epilogue are consumed silently.
 *
 * Memory:  struct multipart, fixed.
 * Threads: one owner.
 * Limits:  contents over MULTIPART_PART_MAX come in pieces; of a header line the first MULTIPART_LINE_MAX bytes are
 *          read; MULTIPART_NAME_MAX bytes of a name and types of MULTIPART_TYPE_MAX are kept.
 * Loss:    contents have no known name until the next delimiter.
 * End:     PARSE_STOP once `last` has been seen, or behind the closing delimiter.
 */

#include "base/parse.h"
#include "proto/body_kind.h"

#define MULTIPART_PART_MAX 896 /* with a whole delimiter behind it still below BODY_WINDOW_OVERLAP */
#define MULTIPART_LINE_MAX 960 /* a Content-Disposition with a long file name */
#define MULTIPART_NAME_MAX 128
#define MULTIPART_TYPE_MAX 128  /* a media type with its charset */
#define MULTIPART_HELD_MAX 1024 /* more is never left unconsumed */

struct multipart_item {
    struct span text;
    uint64_t offset;    /* of text.data[0] in the body, lost bytes counted */
    bool first, last;   /* pieces of one part's content */
    bool place_unknown; /* behind a loss */
};

struct multipart {
    uint64_t offset; /* of the next input's data[0] */
    uint32_t looked;
    uint32_t held;
    uint8_t state;
    bool part_next;
    bool line_skip; /* the rest of a long line is of no interest */
    bool lost;
    bool name_cut;
    bool base64; /* its Content-Transfer-Encoding */
    uint8_t name_size;
    uint8_t type_size;
    uint8_t boundary_size;
    uint8_t boundary[BODY_BOUNDARY_MAX + 2]; /* with its two dashes */
    uint8_t name[MULTIPART_NAME_MAX];
    uint8_t type[MULTIPART_TYPE_MAX];
};

/* `boundary`: 1 to BODY_BOUNDARY_MAX bytes; with an empty one everything is one part without a name. */
void multipart_init(struct multipart *multipart, struct span boundary);

struct parse_step multipart_parse(struct multipart *multipart, const struct parse_input *input,
                                  struct multipart_item *item_out);

/* The name parameter of the current part's Content-Disposition, empty when it has none. */
struct span multipart_name(const struct multipart *multipart);

/* Its Content-Type, empty when it has none, or one that is longer than is kept. */
struct span multipart_type(const struct multipart *multipart);
