/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GraphQL document
 *
 * Recognises the operations of an executable document: type, name, and whether they ask for the schema (__schema or
 * __type as a field at any depth, also in fragments; __typename is none of them). Reads tokens only as far as that
 * needs: arguments, variables and directives are passed over, aliases and type names are no fields.
 *
 * Memory:  struct graphql, fixed.
 * Threads: one owner.
 * Limits:  below; what lies beyond is not looked at.
 * Errors:  none; what is no executable document has no operation.
 * Cuts:    the text may be cut anywhere, the answer stays the same.
 * Source:  GraphQL, October 2021, sections 2 and 4.
 */

#include "transaction/call.h"

#define GRAPHQL_NAME_MAX       64u        /* longer names are cut; people write 30 */
#define GRAPHQL_OPERATIONS_MAX 8u         /* of one document; clients send one or two */
#define GRAPHQL_DOCUMENT_MAX   262144u    /* bytes; the largest generated queries have a few 10 KB */
#define GRAPHQL_DEPTH_MAX      UINT16_MAX /* of braces and of parentheses; deeper ones end the reading */

struct graphql_operation {
    uint8_t type; /* enum call_graphql */
    uint8_t name_size;
    bool introspection;
    char name[GRAPHQL_NAME_MAX];
};

/* All but operation_count, operations, aliases and fragment_introspection are its own. */
struct graphql {
    uint32_t read; /* bytes */
    uint32_t aliases;
    uint16_t depth;  /* braces of the selection set */
    uint16_t parens; /* open ones */
    uint8_t lexer;
    uint8_t quotes; /* in a row, in a block string */
    uint8_t dots;
    uint8_t part; /* what the tokens belong to */
    uint8_t word_size;
    uint8_t pending; /* a name that is a field unless ':' follows */
    bool after_at, after_dots, after_on;
    bool stopped; /* no executable document, or a limit */
    bool fragment_introspection;
    uint8_t current; /* operation being read; GRAPHQL_OPERATIONS_MAX: a fragment, or one too many */
    uint8_t operation_count;
    char word[GRAPHQL_NAME_MAX];
    struct graphql_operation operations[GRAPHQL_OPERATIONS_MAX];
};

void graphql_init(struct graphql *document);
void graphql_add(struct graphql *document, struct span text);

/* The end: tells the last token. */
void graphql_end(struct graphql *document);

/* The operation that is executed: the one of that name, without a name the first. NULL: no executable document. */
const struct graphql_operation *graphql_find(const struct graphql *document, struct span name);
