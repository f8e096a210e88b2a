/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Form fields
 *
 * Reads name=value&name=value (WHATWG URL, application/x-www-form-urlencoded; also a query string) one name or value a
 * call, under the parser contract. Every sequence of bytes is a valid form, so there are no anomalies.
 *
 * Memory:  struct form, fixed; zero is a valid start.
 * Threads: one owner.
 * Limits:  texts over FORM_PART_MAX come in parts; FORM_NAME_KEPT_MAX bytes of a name are kept for form_name().
 * Loss:    the field has no known name until the next '&'.
 * End:     PARSE_STOP once `last` has been seen and everything is told.
 */

#include "base/parse.h"

#define FORM_PART_MAX      960 /* with a last escape still below BODY_WINDOW_OVERLAP */
#define FORM_NAME_KEPT_MAX 128 /* field names people choose are below 40 */

struct form_item {
    struct span text;   /* as written */
    uint64_t offset;    /* of text.data[0] in the body, lost bytes counted */
    bool name;          /* a name, otherwise a value */
    bool first, last;   /* parts of one text */
    bool escaped;       /* this part holds '%' or '+' */
    bool place_unknown; /* behind a loss */
};

struct form {
    uint64_t offset; /* of the next input's data[0] */
    uint32_t looked;
    uint32_t held;
    uint8_t state;
    bool part_next;
    bool part_escaped;
    bool lost;
    bool ended;
    bool name_cut;
    uint8_t name_size;
    uint8_t name[FORM_NAME_KEPT_MAX];
};

struct parse_step form_parse(struct form *form, const struct parse_input *input, struct form_item *item_out);

/* The name of the last item's field, decoded, not terminated. Returns its size. */
uint32_t form_name(const struct form *form, char *buffer, uint32_t capacity, bool *cut_out);

/* Decodes percent escapes and '+'; what is no escape stays as it is. Returns the bytes written. */
uint32_t form_unescape(struct span in, uint8_t *out, uint32_t capacity);
