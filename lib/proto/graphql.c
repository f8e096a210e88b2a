/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GraphQL document: bytes make tokens, tokens make fields. A name in a selection set waits for the token behind it, as
 * a ':' there makes it an alias.
 */

#include "proto/graphql.h"

enum lexer {
    LEXER_PLAIN, /* the zero */
    LEXER_WORD,
    LEXER_COMMENT,
    LEXER_QUOTE,  /* one quote */
    LEXER_QUOTES, /* two quotes: an empty string, or the third makes a block string */
    LEXER_STRING,
    LEXER_STRING_ESCAPE,
    LEXER_BLOCK,
    LEXER_BLOCK_ESCAPE,
};

enum part {
    PART_TOP, /* between definitions */
    PART_OPERATION,
    PART_FRAGMENT,
    PART_SELECTION,
};

enum pending { PENDING_NONE, PENDING_FIELD, PENDING_INTROSPECTION };

void graphql_init(struct graphql *document)
{
    memset(document, 0, offsetof(struct graphql, word));
    document->current = GRAPHQL_OPERATIONS_MAX;
}

static bool is_name_byte(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return c == '_' || (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
}

static struct graphql_operation *current(struct graphql *document)
{
    return document->current < GRAPHQL_OPERATIONS_MAX ? &document->operations[document->current] : NULL;
}

static void begin_operation(struct graphql *document, enum call_graphql type)
{
    document->current = document->operation_count;
    struct graphql_operation *operation = current(document);
    if (operation) {
        operation->type = (uint8_t)type;
        operation->name_size = 0;
        operation->introspection = false;
        document->operation_count++;
    }
    document->part = PART_OPERATION;
}

static void tell_field(struct graphql *document)
{
    if (document->pending == PENDING_INTROSPECTION) {
        struct graphql_operation *operation = current(document);
        if (operation)
            operation->introspection = true;
        else
            document->fragment_introspection = true;
    }
    document->pending = PENDING_NONE;
}

static void read_definition(struct graphql *document, struct span word)
{
    if (span_equal(word, SPAN_LITERAL("query")))
        begin_operation(document, CALL_GRAPHQL_QUERY);
    else if (span_equal(word, SPAN_LITERAL("mutation")))
        begin_operation(document, CALL_GRAPHQL_MUTATION);
    else if (span_equal(word, SPAN_LITERAL("subscription")))
        begin_operation(document, CALL_GRAPHQL_SUBSCRIPTION);
    else if (span_equal(word, SPAN_LITERAL("fragment"))) {
        document->current = GRAPHQL_OPERATIONS_MAX;
        document->part = PART_FRAGMENT;
    } else
        document->stopped = true;
}

static void read_selection(struct graphql *document, struct span word)
{
    if (document->after_on || document->after_dots) {
        document->after_on = document->after_dots && span_equal(word, SPAN_LITERAL("on"));
        document->after_dots = false;
        return;
    }
    tell_field(document);
    bool schema = span_equal(word, SPAN_LITERAL("__schema")) || span_equal(word, SPAN_LITERAL("__type"));
    document->pending = schema ? PENDING_INTROSPECTION : PENDING_FIELD;
}

static void end_word(struct graphql *document)
{
    struct span word = span_of(document->word, document->word_size);
    document->lexer = LEXER_PLAIN;
    if (document->parens)
        return;
    if (document->after_at) {
        document->after_at = false;
        return;
    }
    struct graphql_operation *operation = current(document);
    switch (document->part) {
    case PART_TOP:
        read_definition(document, word);
        break;
    case PART_OPERATION:
        if (operation && operation->name_size == 0) {
            memcpy(operation->name, word.data, word.size);
            operation->name_size = (uint8_t)word.size;
        }
        break;
    case PART_SELECTION:
        read_selection(document, word);
        break;
    default:
        break;
    }
}

static void open_brace(struct graphql *document)
{
    if (document->part == PART_TOP)
        begin_operation(document, CALL_GRAPHQL_QUERY);
    tell_field(document);
    document->after_dots = document->after_on = false;
    document->part = PART_SELECTION;
    document->stopped |= document->depth++ == GRAPHQL_DEPTH_MAX - 1;
}

static void close_brace(struct graphql *document)
{
    tell_field(document);
    if (document->part != PART_SELECTION) {
        document->stopped = true;
        return;
    }
    if (--document->depth == 0)
        document->part = PART_TOP;
}

static void read_punctuation(struct graphql *document, uint8_t c)
{
    if (c == '(' || c == ')') {
        tell_field(document);
        document->stopped |= c == '(' ? document->parens++ == GRAPHQL_DEPTH_MAX - 1 : document->parens == 0;
        if (c == ')' && document->parens)
            document->parens--;
        document->stopped |= document->part == PART_TOP;
        return;
    }
    if (document->parens)
        return;
    document->dots = c == '.' ? (uint8_t)(document->dots + 1) : 0;
    if (c == '{') {
        open_brace(document);
    } else if (c == '}') {
        close_brace(document);
    } else if (c == ':') {
        document->aliases += document->pending != PENDING_NONE;
        document->pending = PENDING_NONE;
    } else if (c == '@') {
        tell_field(document);
        document->after_at = true;
        document->after_dots = false;
    } else if (document->dots == 3) {
        tell_field(document);
        document->dots = 0;
        document->after_dots = true;
    } else if (c != '.') {
        document->stopped |= document->part == PART_TOP;
    }
}

static void read_plain(struct graphql *document, uint8_t c)
{
    if (is_name_byte(c)) {
        document->word[0] = (char)c;
        document->word_size = 1;
        document->lexer = LEXER_WORD;
    } else if (c == '"') {
        document->lexer = LEXER_QUOTE;
    } else if (c == '#') {
        document->lexer = LEXER_COMMENT;
    } else if (c > ' ' && c < 0x7f && c != ',') {
        read_punctuation(document, c);
    }
}

/* A block string ends with three quotes in a row; a backslash takes the special meaning of three away. */
static void read_block(struct graphql *document, uint8_t c)
{
    if (document->lexer == LEXER_BLOCK_ESCAPE) {
        bool quote = c == '"' && document->quotes < 3;
        if (quote && ++document->quotes < 3)
            return;
        document->lexer = LEXER_BLOCK;
        document->quotes = 0;
        if (quote)
            return;
    }
    document->quotes = c == '"' ? (uint8_t)(document->quotes + 1) : 0;
    if (document->quotes == 3)
        document->lexer = LEXER_PLAIN;
    else if (c == '\\')
        document->lexer = LEXER_BLOCK_ESCAPE;
}

static void read_string(struct graphql *document, uint8_t c)
{
    switch (document->lexer) {
    case LEXER_QUOTE:
        document->lexer = c == '"' ? LEXER_QUOTES : c == '\\' ? LEXER_STRING_ESCAPE : LEXER_STRING;
        break;
    case LEXER_STRING:
        if (c == '"' || c == '\n' || c == '\r')
            document->lexer = LEXER_PLAIN;
        else if (c == '\\')
            document->lexer = LEXER_STRING_ESCAPE;
        break;
    default:
        document->lexer = LEXER_STRING;
        break;
    }
}

static void read_byte(struct graphql *document, uint8_t c)
{
    if (document->lexer == LEXER_WORD) {
        if (is_name_byte(c)) {
            if (document->word_size < GRAPHQL_NAME_MAX)
                document->word[document->word_size++] = (char)c;
            return;
        }
        end_word(document);
    }
    if (document->lexer == LEXER_QUOTES) {
        document->lexer = c == '"' ? LEXER_BLOCK : LEXER_PLAIN;
        document->quotes = 0;
        if (c == '"')
            return;
    }
    switch (document->lexer) {
    case LEXER_PLAIN:
        read_plain(document, c);
        break;
    case LEXER_COMMENT:
        if (c == '\n' || c == '\r')
            document->lexer = LEXER_PLAIN;
        break;
    case LEXER_BLOCK:
    case LEXER_BLOCK_ESCAPE:
        read_block(document, c);
        break;
    default:
        read_string(document, c);
        break;
    }
}

void graphql_add(struct graphql *document, struct span text)
{
    for (uint32_t i = 0; i < text.size && !document->stopped; i++) {
        if (document->read++ == GRAPHQL_DOCUMENT_MAX) {
            document->stopped = true;
            return;
        }
        read_byte(document, text.data[i]);
    }
}

void graphql_end(struct graphql *document)
{
    if (!document->stopped && document->lexer == LEXER_WORD)
        end_word(document);
    tell_field(document);
}

/* Something in front of any selection set, or a document of types: a text like "query foo" is no document. */
static bool is_executable(const struct graphql *document)
{
    bool whole = document->part == PART_TOP || document->part == PART_SELECTION;
    return document->operation_count > 0 && (whole || document->operation_count > 1);
}

const struct graphql_operation *graphql_find(const struct graphql *document, struct span name)
{
    if (!is_executable(document))
        return NULL;
    name = span_first(name, GRAPHQL_NAME_MAX);
    for (uint32_t i = 0; name.size && i < document->operation_count; i++) {
        const struct graphql_operation *operation = &document->operations[i];
        if (span_equal(name, span_of(operation->name, operation->name_size)))
            return operation;
    }
    return &document->operations[0];
}
