/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Comparison of a YAML tree with a schema. Nodes lie parents first, so each mapping or list hands its children their
 * schemas and one pass over the array does it all. It is a little stricter than libcyaml, which takes any word but "no"
 * and the like for true, and a leading zero for octal.
 */

#include "config/yaml_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX     96u  /* keys of one mapping, or words of one list; the kinds of check are 67 */
#define LIST_SIZE      640u /* text of a list of names in a message */
#define NEAREST_SIZE   48u  /* longer words are not compared */
#define SHOWN_SIZE_MAX 80   /* of somebody's text in a message */

struct checker {
    const struct yaml_tree *tree;
    const char *file;
    struct diagnostics *diagnostics;
    const struct cyaml_schema_value **schemas; /* one a node; NULL: not compared (below a mistake) */
    bool failed;
};

static void mistake(struct checker *checker, const struct yaml_node *node, const char *format, ...) PRINTF_LIKE(3, 4);

static void mistake(struct checker *checker, const struct yaml_node *node, const char *format, ...)
{
    char message[LIST_SIZE + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct diagnostic_place place = {.file = checker->file, .line = node->line, .column = node->column};
    diagnostics_add(checker->diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
    checker->failed = true;
}

/* Words that have to be changed in one for the other, Levenshtein's way. */
static uint32_t distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    uint32_t row[NEAREST_SIZE + 1];
    if (a_size > NEAREST_SIZE || b_size > NEAREST_SIZE)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= a_size; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b_size; j++) {
            uint32_t above = row[j];
            uint32_t step = min_u32(min_u32(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
            row[j] = step;
        }
    }
    return row[b_size];
}

const char *yaml_nearest(const char *text, const char *const *candidates)
{
    const char *best = NULL;
    /* One slip in three letters is still the same word; more would suggest anything. */
    uint32_t best_distance = (uint32_t)(strlen(text) + 2) / 3 + 1;
    for (uint32_t i = 0; candidates[i]; i++) {
        uint32_t d = distance(text, candidates[i]);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

/* "; did you mean 'x'?" or "; allowed here: a, b, c". */
static void advice_print(char out[LIST_SIZE], const char *text, const char *const *candidates)
{
    const char *nearest = yaml_nearest(text, candidates);
    size_t used = (size_t)snprintf(out, LIST_SIZE, "; allowed here: ");
    for (uint32_t i = 0; candidates[i] && used < LIST_SIZE; i++)
        used += (size_t)snprintf(out + used, LIST_SIZE - used, "%s%s", i ? ", " : "", candidates[i]);
    if (nearest && used < LIST_SIZE)
        snprintf(out + used, LIST_SIZE - used, "; did you mean '%s'?", nearest);
}

static const char *kind_name(const struct yaml_node *node)
{
    static const char *const names[] = {
        [YAML_NODE_TEXT] = "a single value", [YAML_NODE_SEQUENCE] = "a list", [YAML_NODE_MAPPING] = "a mapping"};
    return node->kind == YAML_NODE_TEXT && node->plain && !*node->text ? "nothing" : names[node->kind];
}

/* What to call a node: its key, or that of the list it is in. */
static const char *node_name(const struct checker *checker, const struct yaml_node *node)
{
    const struct yaml_node *nodes = checker->tree->nodes;
    while (node->key == YAML_NODE_NONE && node->parent != YAML_NODE_NONE)
        node = &nodes[node->parent];
    return node->key == YAML_NODE_NONE ? "the file" : nodes[node->key].text;
}

static uint32_t fields_count(const struct cyaml_schema_field *fields)
{
    uint32_t count = 0;
    while (fields[count].key)
        count++;
    require(count <= FIELDS_MAX);
    return count;
}

static void unknown_key(struct checker *checker, const struct yaml_node *key, const struct cyaml_schema_field *fields)
{
    const char *names[FIELDS_MAX + 1] = {NULL};
    for (uint32_t i = 0; fields[i].key; i++)
        names[i] = fields[i].key;
    char advice[LIST_SIZE];
    const char *nearest = yaml_nearest(key->text, names);
    if (nearest)
        snprintf(advice, sizeof(advice), "; did you mean '%s'?", nearest);
    else
        advice_print(advice, key->text, names);
    mistake(checker, key, "unknown key '%.*s'%s", SHOWN_SIZE_MAX, key->text, advice);
}

static void check_mapping(struct checker *checker, const struct yaml_node *node,
                          const struct cyaml_schema_value *schema)
{
    const struct yaml_node *nodes = checker->tree->nodes;
    const struct cyaml_schema_field *fields = schema->mapping.fields;
    uint32_t count = fields_count(fields);
    uint32_t seen_line[FIELDS_MAX] = {0};
    for (uint32_t child = node->first; child != YAML_NODE_NONE; child = nodes[child].next) {
        const struct yaml_node *key = &nodes[nodes[child].key];
        uint32_t field = 0;
        while (field < count && strcmp(fields[field].key, key->text) != 0)
            field++;
        if (field == count) {
            unknown_key(checker, key, fields);
        } else if (seen_line[field]) {
            mistake(checker, key, "the key '%s' is written twice, first in line %u; keep one", key->text,
                    seen_line[field]);
        } else {
            seen_line[field] = key->line;
            checker->schemas[child] = &fields[field].value;
        }
    }
    for (uint32_t field = 0; field < count; field++)
        if (!seen_line[field] && !(fields[field].value.flags & CYAML_FLAG_OPTIONAL))
            mistake(checker, node, "the key '%s' is missing here; add it", fields[field].key);
}

static void check_sequence(struct checker *checker, const struct yaml_node *node,
                           const struct cyaml_schema_value *schema)
{
    if (node->children < schema->sequence.min)
        mistake(checker, node, "'%s' needs at least %u entries, it has %u", node_name(checker, node),
                schema->sequence.min, node->children);
    if (node->children > schema->sequence.max)
        mistake(checker, node, "'%s' takes at most %u entries, it has %u; take some out", node_name(checker, node),
                schema->sequence.max, node->children);
    const struct yaml_node *nodes = checker->tree->nodes;
    for (uint32_t child = node->first; child != YAML_NODE_NONE; child = nodes[child].next)
        checker->schemas[child] = schema->sequence.entry;
}

/* Decimal digits without sign and leading zeros. */
static bool number_parse(const char *text, uint64_t *value_out)
{
    size_t size = strlen(text);
    if (size == 0 || size > 20 || strspn(text, "0123456789") != size || (size > 1 && text[0] == '0'))
        return false;
    errno = 0;
    *value_out = strtoull(text, NULL, 10);
    return errno == 0;
}

static void check_unsigned(struct checker *checker, const struct yaml_node *node,
                           const struct cyaml_schema_value *schema)
{
    uint64_t max = UINT64_MAX >> (64 - 8 * schema->data_size);
    uint64_t value;
    if (!number_parse(node->text, &value) || value > max)
        mistake(checker, node, "'%s' must be a whole number from 0 to %" PRIu64 ", not '%.*s'",
                node_name(checker, node), max, SHOWN_SIZE_MAX, node->text);
}

static void check_boolean(struct checker *checker, const struct yaml_node *node)
{
    if (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0)
        mistake(checker, node, "'%s' must be true or false, not '%.*s'", node_name(checker, node), SHOWN_SIZE_MAX,
                node->text);
}

static void check_word(struct checker *checker, const struct yaml_node *node, const struct cyaml_schema_value *schema)
{
    const char *names[FIELDS_MAX + 1] = {NULL};
    require(schema->enumeration.count <= FIELDS_MAX);
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        names[i] = schema->enumeration.strings[i].str;
        if (strcmp(names[i], node->text) == 0)
            return;
    }
    char advice[LIST_SIZE];
    advice_print(advice, node->text, names);
    mistake(checker, node, "'%.*s' is no value for '%s'%s", SHOWN_SIZE_MAX, node->text, node_name(checker, node),
            advice);
}

static void check_text(struct checker *checker, const struct yaml_node *node, const struct cyaml_schema_value *schema)
{
    size_t size = strlen(node->text);
    if (size < schema->string.min)
        mistake(checker, node, "'%s' must not be empty", node_name(checker, node));
    if (size > schema->string.max)
        mistake(checker, node, "'%s' may have %u characters, it has %zu", node_name(checker, node), schema->string.max,
                size);
}

static void check_flags(struct checker *checker, const struct yaml_node *node, const struct cyaml_schema_value *schema)
{
    const struct yaml_node *nodes = checker->tree->nodes;
    for (uint32_t child = node->first; child != YAML_NODE_NONE; child = nodes[child].next) {
        if (nodes[child].kind == YAML_NODE_TEXT)
            check_word(checker, &nodes[child], schema);
        else
            mistake(checker, &nodes[child], "an entry of '%s' must be a single value, found %s",
                    node_name(checker, node), kind_name(&nodes[child]));
    }
}

static enum yaml_node_kind kind_wanted(const struct cyaml_schema_value *schema)
{
    switch (schema->type) {
    case CYAML_MAPPING:
        return YAML_NODE_MAPPING;
    case CYAML_SEQUENCE:
    case CYAML_FLAGS:
        return YAML_NODE_SEQUENCE;
    default:
        return YAML_NODE_TEXT;
    }
}

static void check_node(struct checker *checker, const struct yaml_node *node, const struct cyaml_schema_value *schema)
{
    enum yaml_node_kind wanted = kind_wanted(schema);
    if (node->kind != wanted) {
        const struct yaml_node example = {.kind = wanted, .text = ""};
        mistake(checker, node, "'%s' must be %s here, found %s", node_name(checker, node), kind_name(&example),
                kind_name(node));
        return;
    }
    switch (schema->type) {
    case CYAML_MAPPING:
        check_mapping(checker, node, schema);
        break;
    case CYAML_SEQUENCE:
        check_sequence(checker, node, schema);
        break;
    case CYAML_FLAGS:
        check_flags(checker, node, schema);
        break;
    case CYAML_UINT:
        check_unsigned(checker, node, schema);
        break;
    case CYAML_BOOL:
        check_boolean(checker, node);
        break;
    case CYAML_ENUM:
        check_word(checker, node, schema);
        break;
    default:
        require(schema->type == CYAML_STRING); /* no schema of ours uses the others */
        check_text(checker, node, schema);
        break;
    }
}

static void check_empty(struct checker *checker, const struct cyaml_schema_value *schema)
{
    const struct yaml_node start = {.kind = YAML_NODE_MAPPING,
                                    .line = 1,
                                    .column = 1,
                                    .parent = YAML_NODE_NONE,
                                    .key = YAML_NODE_NONE,
                                    .first = YAML_NODE_NONE};
    check_node(checker, &start, schema);
}

int yaml_check(const struct yaml_tree *tree, const char *file, const struct cyaml_schema_value *schema,
               struct diagnostics *diagnostics)
{
    struct checker checker = {.tree = tree, .file = file, .diagnostics = diagnostics};
    if (tree->count == 0) {
        check_empty(&checker, schema);
        return checker.failed ? -EINVAL : 0;
    }
    checker.schemas = calloc(tree->count, sizeof(checker.schemas[0]));
    if (!checker.schemas)
        return -ENOMEM;
    checker.schemas[0] = schema;
    for (uint32_t i = 0; i < tree->count; i++)
        if (checker.schemas[i])
            check_node(&checker, &tree->nodes[i], checker.schemas[i]);
    free(checker.schemas);
    return checker.failed ? -EINVAL : 0;
}
