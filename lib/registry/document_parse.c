/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Document: building the tree from the YAML library's events.
 *
 * Events rather than the library's own document, because that one forgets where a block mapping's key stood, merges and
 * copies behind our back, and takes several times the memory.
 */

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>

#include "registry/document_tree.h"
#include "registry/registry.h"
#include "registry/text_check.h"

struct frame {
    uint32_t item;
    uint32_t last; /* its newest child */
    bool mapping;
};

struct anchor {
    struct span name;
    uint32_t item;
};

struct builder {
    struct document *document;
    struct diagnostics *diagnostics;
    struct fy_token_iter *chunks; /* of the token being read */
    struct frame frames[DOCUMENT_DEPTH_MAX];
    uint32_t depth;
    uint32_t anchor_count;
    struct anchor anchors[DOCUMENT_ANCHORS_MAX];
    struct span key; /* read, its value is next; data NULL: none */
    uint32_t key_line, key_column;
    int status;
};

static void complain(struct builder *builder, const struct fy_mark *mark, const char *message)
{
    struct diagnostic_place place = {.file = builder->document->name,
                                     .line = mark ? (uint32_t)mark->line + 1 : 0,
                                     .column = mark ? (uint32_t)mark->column + 1 : 0};
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
    builder->status = REGISTRY_E_INVALID;
}

/*
 * Texts of tokens die with them; only those that are a piece of the source may be pointed at. Read by chunks, because
 * fy_token_get_text() of libfyaml 0.7.12 loses memory over texts of many pieces (long descriptions, many escapes).
 */
static struct span token_text(struct builder *builder, struct fy_token *token)
{
    if (!token)
        return SPAN_LITERAL("");
    const char *source = (const char *)builder->document->source.data;
    const struct fy_iter_chunk *chunk = NULL;
    struct span first = SPAN_LITERAL("");
    size_t size = 0;
    fy_token_iter_start(token, builder->chunks);
    while ((chunk = fy_token_iter_chunk_next(builder->chunks, chunk, NULL))) {
        if (size == 0 && chunk->len)
            first = span_of(chunk->str, chunk->len);
        size += chunk->len;
    }
    fy_token_iter_finish(builder->chunks);
    const char *text = (const char *)first.data;
    bool in_source = text >= source && text + size <= source + builder->document->source.size;
    if (size == 0 || (size == first.size && in_source))
        return first;
    char *copy = arena_take(builder->document->texts, size, 1);
    size_t used = 0;
    fy_token_iter_start(token, builder->chunks);
    while (copy && (chunk = fy_token_iter_chunk_next(builder->chunks, chunk, NULL))) {
        require(chunk->len <= size - used);
        memcpy(copy + used, chunk->str, chunk->len);
        used += chunk->len;
    }
    fy_token_iter_finish(builder->chunks);
    if (!copy)
        builder->status = -ENOMEM;
    return span_of(copy, used);
}

static bool make_room(struct builder *builder, const struct fy_mark *mark)
{
    struct document *document = builder->document;
    if (document->count < document->capacity)
        return true;
    if (document->capacity >= DOCUMENT_ITEMS_MAX) {
        complain(builder, mark, "the document has too many values; split it into several files");
        return false;
    }
    uint32_t capacity = document->capacity ? document->capacity * 2 : 256;
    struct document_item *items = realloc(document->items, capacity * sizeof(*items));
    if (!items) {
        builder->status = -ENOMEM;
        return false;
    }
    document->items = items;
    document->capacity = capacity;
    return true;
}

static uint32_t add_item(struct builder *builder, uint8_t kind, const struct fy_mark *mark)
{
    if (!make_room(builder, mark))
        return 0;
    struct document *document = builder->document;
    uint32_t number = document->count++;
    struct document_item *item = &document->items[number];
    *item = (struct document_item){.kind = kind, .line = mark ? (uint32_t)mark->line + 1 : 0};
    item->column = mark ? (uint32_t)mark->column + 1 : 0;
    if (!builder->depth)
        return number;
    struct frame *frame = &builder->frames[builder->depth - 1];
    item->parent = frame->item;
    if (frame->last)
        document->items[frame->last].next = number;
    else
        document->items[frame->item].first = number;
    frame->last = number;
    if (frame->mapping) {
        item->key = (const char *)builder->key.data;
        item->key_size = builder->key.size;
        item->key_line = builder->key_line;
        item->key_column = builder->key_column;
        builder->key = (struct span){0};
    }
    return number;
}

static bool wants_key(const struct builder *builder)
{
    return builder->depth && builder->frames[builder->depth - 1].mapping && !builder->key.data;
}

static void add_anchor(struct builder *builder, struct fy_token *token, uint32_t item, const struct fy_mark *mark)
{
    if (!token)
        return;
    if (builder->anchor_count == DOCUMENT_ANCHORS_MAX) {
        complain(builder, mark, "more than 1000 anchors; use $ref instead");
        return;
    }
    builder->anchors[builder->anchor_count++] = (struct anchor){token_text(builder, token), item};
}

static bool is_null(struct span text)
{
    return text.size == 0 || span_equal(text, SPAN_LITERAL("null")) || span_equal(text, SPAN_LITERAL("~")) ||
           span_equal(text, SPAN_LITERAL("Null")) || span_equal(text, SPAN_LITERAL("NULL"));
}

/* The library's marks point behind an opening quote or '*', people look for the character itself. */
static struct fy_mark step_back(const struct fy_mark *mark)
{
    struct fy_mark before = mark ? *mark : (struct fy_mark){0};
    before.column -= before.column > 0;
    return before;
}

static void take_scalar(struct builder *builder, struct fy_event *event, const struct fy_mark *mark)
{
    struct fy_token *token = event->scalar.value;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    bool plain = style == FYSS_PLAIN;
    struct span text = token_text(builder, token);
    struct fy_mark quote = step_back(mark);
    if (mark && (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED))
        mark = &quote;
    if (wants_key(builder)) {
        if (plain && span_equal(text, SPAN_LITERAL("<<")))
            complain(builder, mark, "merge keys (<<) are no part of YAML 1.2; write the members out or use $ref");
        builder->key = text;
        builder->key_line = mark ? (uint32_t)mark->line + 1 : 0;
        builder->key_column = mark ? (uint32_t)mark->column + 1 : 0;
        return;
    }
    uint32_t number = add_item(builder, plain && is_null(text) ? DOCUMENT_NULL : DOCUMENT_TEXT, mark);
    if (!number)
        return;
    builder->document->items[number].text = (const char *)text.data;
    builder->document->items[number].text_size = text.size;
    builder->document->items[number].plain = plain;
    add_anchor(builder, event->scalar.anchor, number, mark);
}

static void take_alias(struct builder *builder, struct fy_event *event, const struct fy_mark *mark)
{
    if (wants_key(builder)) {
        complain(builder, mark, "an alias cannot be a key here; write the key out");
        return;
    }
    struct fy_mark star = step_back(mark);
    mark = mark ? &star : NULL;
    struct span name = token_text(builder, event->alias.anchor);
    for (uint32_t i = builder->anchor_count; i-- > 0;) {
        if (!span_equal(builder->anchors[i].name, name))
            continue;
        uint32_t number = add_item(builder, DOCUMENT_ALIAS, mark);
        if (number)
            builder->document->items[number].first = builder->anchors[i].item;
        return;
    }
    complain(builder, mark, "this alias names no anchor above it; define the anchor first or use $ref");
}

static void begin_collection(struct builder *builder, bool mapping, struct fy_token *anchor, const struct fy_mark *mark)
{
    if (wants_key(builder)) {
        complain(builder, mark, "a key must be a text; quote it if it begins with [ or {");
        return;
    }
    if (builder->depth == DOCUMENT_DEPTH_MAX) {
        complain(builder, mark, "nested more than 200 deep; flatten it with $ref");
        return;
    }
    uint32_t number = add_item(builder, mapping ? DOCUMENT_MAPPING : DOCUMENT_SEQUENCE, mark);
    if (!number)
        return;
    add_anchor(builder, anchor, number, mark);
    builder->frames[builder->depth++] = (struct frame){.item = number, .mapping = mapping};
}

static void take_event(struct builder *builder, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (builder->document->count > 1)
            complain(builder, mark, "a second YAML document begins here; put each into a file of its own");
        break;
    case FYET_MAPPING_START:
        begin_collection(builder, true, event->mapping_start.anchor, mark);
        break;
    case FYET_SEQUENCE_START:
        begin_collection(builder, false, event->sequence_start.anchor, mark);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        builder->depth--;
        break;
    case FYET_SCALAR:
        take_scalar(builder, event, mark);
        break;
    case FYET_ALIAS:
        take_alias(builder, event, mark);
        break;
    default:
        break;
    }
}

static void report_syntax(struct builder *builder, struct fy_diag *diag)
{
    void *position = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &position);
    if (!error) {
        complain(builder, NULL, "cannot be read as YAML or JSON");
        return;
    }
    struct diagnostic_place place = {.file = builder->document->name,
                                     .line = error->line > 0 ? (uint32_t)error->line : 0,
                                     .column = error->column > 0 ? (uint32_t)error->column : 0};
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place, "not valid YAML or JSON: %s; correct the syntax",
                    error->msg);
    builder->status = REGISTRY_E_INVALID;
}

static void run_parser(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
    bool ended = false;
    while (!ended && !builder->status) {
        struct fy_event *event = fy_parser_parse(parser);
        if (!event) {
            report_syntax(builder, diag);
            return;
        }
        ended = event->type == FYET_STREAM_END;
        take_event(builder, event);
        fy_parser_event_free(parser, event);
    }
}

static bool is_json(const char *name)
{
    size_t size = strlen(name);
    return size >= 5 && strcmp(name + size - 5, ".json") == 0;
}

static int check_text(struct builder *builder)
{
    struct text_flaw flaw = text_check(builder->document->source);
    if (!flaw.message)
        return 0;
    struct diagnostic_place place = {.file = builder->document->name, .line = flaw.line, .column = flaw.column};
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place, "%s", flaw.message);
    return REGISTRY_E_INVALID;
}

static int read_events(struct builder *builder)
{
    struct document *document = builder->document;
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&quiet);
    if (!diag)
        return -ENOMEM;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.search_path = "", .diag = diag};
    config.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | (is_json(document->name) ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE);
    struct fy_parser *parser = fy_parser_create(&config);
    builder->chunks = fy_token_iter_create(NULL);
    int status = parser && builder->chunks ? 0 : -ENOMEM;
    if (!status && fy_parser_set_string(parser, (const char *)document->source.data, document->source.size))
        status = -ENOMEM;
    if (!status) {
        run_parser(builder, parser, diag);
        status = builder->status;
    }
    fy_token_iter_destroy(builder->chunks);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return status;
}

static uint32_t key_slot(const struct document *document, uint32_t parent, struct span key)
{
    struct hash_key mixed = {document->hash_key.k0 ^ parent, document->hash_key.k1};
    return (uint32_t)hash_bytes(&mixed, key.data, key.size) & document->slot_mask;
}

uint32_t document_tree_find(const struct document *document, uint32_t parent, struct span key)
{
    uint32_t slot = key_slot(document, parent, key);
    while (document->slots[slot]) {
        const struct document_item *item = &document->items[document->slots[slot]];
        if (item->parent == parent && span_equal(span_of(item->key, item->key_size), key))
            return document->slots[slot];
        slot = (slot + 1) & document->slot_mask;
    }
    return 0;
}

/* Also finds keys given twice, which RFC 8259 leaves undefined and YAML forbids. */
static int index_keys(struct document *document, struct diagnostics *diagnostics)
{
    uint32_t slot_count = 16;
    while (slot_count < document->count * 2)
        slot_count *= 2;
    document->slots = calloc(slot_count, sizeof(*document->slots));
    if (!document->slots)
        return -ENOMEM;
    document->slot_mask = slot_count - 1;
    int status = hash_key_init(&document->hash_key);
    for (uint32_t i = 1; i < document->count && status >= 0; i++) {
        const struct document_item *item = &document->items[i];
        if (!item->key)
            continue;
        struct span key = span_of(item->key, item->key_size);
        uint32_t first = document_tree_find(document, item->parent, key);
        if (first) {
            document_complain(diagnostics, DIAGNOSTIC_ERROR, (struct document_node){document, i},
                              "this key is given twice, first in line %u; remove or rename one",
                              document->items[first].key_line);
            status = REGISTRY_E_INVALID;
            continue;
        }
        uint32_t slot = key_slot(document, item->parent, key);
        while (document->slots[slot])
            slot = (slot + 1) & document->slot_mask;
        document->slots[slot] = i;
    }
    return status;
}

int document_parse(const char *name, struct span text, struct diagnostics *diagnostics, struct document **document_out)
{
    struct document *document = calloc(1, sizeof(*document));
    struct builder *builder = calloc(1, sizeof(*builder));
    int status = document && builder ? 0 : -ENOMEM;
    if (!status) {
        *document = (struct document){.name = name, .source = text, .count = 1};
        document->texts = arena_new_growing();
        status = document->texts ? 0 : -ENOMEM;
    }
    if (!status) {
        builder->document = document;
        builder->diagnostics = diagnostics;
        status = check_text(builder);
    }
    if (!status)
        status = read_events(builder);
    if (!status)
        status = index_keys(document, diagnostics);
    free(builder);
    if (status) {
        document_free(document);
        document = NULL;
    }
    *document_out = document;
    return status;
}

void document_free(struct document *document)
{
    if (!document)
        return;
    arena_free(document->texts);
    free(document->items);
    free(document->slots);
    free(document);
}
