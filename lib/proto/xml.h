/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * XML walker
 *
 * Reads a body as XML (XML 1.0, fifth edition) one name or text a call, under the parser contract, and always knows in
 * which element it is: xml_path() writes "/order/card/@number". Checks nothing: what is no XML is read on leniently, so
 * that the texts behind a mistake are still found. Entities of documents are never expanded.
 *
 * Memory:  struct xml, fixed; zero is a valid start.
 * Threads: one owner.
 * Limits:  texts over XML_PART_MAX come in parts; below XML_DEPTH_MAX, and where XML_NAMES_SIZE is used up, names are
 *          those of outer elements.
 * Loss:    the rest has no known place.
 * End:     PARSE_STOP once `last` has been seen and everything is told.
 */

#include "base/parse.h"

#define XML_PART_MAX   960u  /* with a reference behind it still below BODY_WINDOW_OVERLAP */
#define XML_DEPTH_MAX  64u   /* as for JSON: messages nest below 20 */
#define XML_NAMES_SIZE 1024u /* names of all open elements together */

struct xml_item {
    struct span text; /* as written */
    uint64_t offset;  /* of text.data[0] in the body, lost bytes counted */
    bool name;        /* of an element or attribute; otherwise a text or value */
    bool first, last; /* parts of one text */
    bool escaped;     /* this part holds '&', and is one where that begins a reference */
    bool place_unknown;
};

struct xml_level {
    uint16_t offset; /* into names[] */
    uint16_t size;
};

struct xml {
    uint64_t offset; /* of the next input's data[0] */
    uint64_t excess; /* open elements beyond XML_DEPTH_MAX */
    uint32_t looked;
    uint32_t held;
    uint8_t state;
    uint8_t quote;
    uint8_t depth;
    bool part_next, part_escaped;
    bool attribute; /* the last item is in one: its name is the level behind the open ones */
    bool slash;     /* of <name/> */
    bool subset;    /* inside the brackets of a document type */
    bool name_cut;
    bool lost;
    struct xml_level levels[XML_DEPTH_MAX + 1];
    uint8_t names[XML_NAMES_SIZE];
};

struct parse_step xml_parse(struct xml *xml, const struct parse_input *input, struct xml_item *item_out);

/* The path of the last item, not terminated. Returns its size. */
uint32_t xml_path(const struct xml *xml, char *buffer, uint32_t capacity, bool *cut_out);

/* Decodes the predefined entities and character references; any other stays as it is. Returns the bytes written. */
uint32_t xml_unescape(struct span in, uint8_t *out, uint32_t capacity);
