/* SPDX-License-Identifier: Apache-2.0 */

/*
 * registry: for random templates and random paths the table answers as a linear matcher does, one written from the
 * rules of registry/registry.h without any tree, hash or order of insertion.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/registry_fixture.h"

#define TEMPLATES_MAX 10000
#define PATHS         20000
#define PARTS_MAX     6
#define PART_SIZE     24
#define KINDS         10 /* of segments in templates */

struct template
{
    char parts[PARTS_MAX][PART_SIZE]; /* '*' stands for a parameter */
    int count;
    bool slash;
    unsigned methods;
};

static struct template templates[TEMPLATES_MAX];
static int template_count;
static uint64_t seed = 12345;

static unsigned draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % below;
}

static void draw_part(char part[PART_SIZE], bool of_template)
{
    static const char *const words[] = {"a", "b", "ab", "a-b", "x.json", "a.json", "users", "v1"};
    static const char *const shapes[KINDS] = {"*", "*", "*.json", "a*", "*-*", "a-*", "*b", "**", "*a*", "*.min.json"};
    if (of_template && draw(3) == 0)
        snprintf(part, PART_SIZE, "%s", shapes[draw(KINDS)]);
    else if (draw(3) == 0)
        snprintf(part, PART_SIZE, "%s%u", words[draw(ARRAY_COUNT(words))], draw(40));
    else
        snprintf(part, PART_SIZE, "%s", words[draw(ARRAY_COUNT(words))]);
}

static void draw_template(struct template *t, bool of_template)
{
    *t = (struct template){.count = (int)draw(PARTS_MAX) + 1, .slash = draw(6) == 0, .methods = draw(15) + 1};
    for (int i = 0; i < t->count; i++)
        draw_part(t->parts[i], of_template);
}

static bool same_shape(const struct template *a, const struct template *b)
{
    bool same = a->count == b->count && a->slash == b->slash;
    for (int i = 0; same && i < a->count; i++)
        same = strcmp(a->parts[i], b->parts[i]) == 0;
    return same;
}

static bool is_new(const struct template *t)
{
    for (int i = 0; i < template_count; i++)
        if (same_shape(t, &templates[i]))
            return false;
    return true;
}

/* Every way to give each '*' one byte or more; short texts only. */
static bool part_fits(const char *shape, const char *text)
{
    if (!*shape)
        return !*text;
    if (*shape != '*')
        return *shape == *text && part_fits(shape + 1, text + 1);
    for (size_t taken = 1; taken <= strlen(text); taken++)
        if (part_fits(shape + 1, text + taken))
            return true;
    return false;
}

static bool fits(const struct template *t, const struct template *path)
{
    bool good = t->count == path->count;
    for (int i = 0; good && i < t->count; i++)
        good = part_fits(t->parts[i], path->parts[i]);
    return good;
}

/* 0: literal, 1: mixed, 2: parameter */
static int kind_of(const char *part)
{
    return !strchr(part, '*') ? 0 : strcmp(part, "*") == 0 ? 2 : 1;
}

static int literal_bytes(const char *part)
{
    int count = 0;
    for (; *part; part++)
        count += *part != '*';
    return count;
}

/* Negative: a goes first. '*' sorts as the table's mark does, behind the other characters used here. */
static int compare_parts(const char *a, const char *b)
{
    if (kind_of(a) != kind_of(b))
        return kind_of(a) - kind_of(b);
    if (literal_bytes(a) != literal_bytes(b))
        return literal_bytes(b) - literal_bytes(a);
    if (strcspn(a, "*") != strcspn(b, "*"))
        return (int)strcspn(b, "*") - (int)strcspn(a, "*");
    while (*a && *a == *b)
        a++, b++;
    int left = *a == '*' ? 127 : *a, right = *b == '*' ? 127 : *b;
    return left - right;
}

static bool goes_before(const struct template *a, const struct template *b, bool slash)
{
    for (int i = 0; i < a->count; i++) {
        int order = compare_parts(a->parts[i], b->parts[i]);
        if (order)
            return order < 0;
    }
    return a->slash == slash && b->slash != slash;
}

/* The template that should answer, or -1; *path_known_out tells whether any fits but the method. */
static int find_linear(const struct template *path, unsigned method, bool *path_known_out)
{
    int best = -1;
    *path_known_out = false;
    for (int i = 0; i < template_count; i++) {
        if (!fits(&templates[i], path))
            continue;
        *path_known_out = true;
        if (!(templates[i].methods & 1u << method))
            continue;
        if (best < 0 || goes_before(&templates[i], &templates[best], path->slash))
            best = i;
    }
    return best;
}

static void print_path(FILE *stream, const struct template *t, bool of_template)
{
    int parameter = 0;
    for (int i = 0; i < t->count; i++) {
        fputc('/', stream);
        for (const char *c = t->parts[i]; *c; c++) {
            if (of_template && *c == '*')
                fprintf(stream, "{p%d}", parameter++);
            else
                fputc(*c, stream);
        }
    }
    if (t->slash)
        fputc('/', stream);
}

static const char *const methods[] = {"get", "put", "post", "delete"};

static struct registry *make_registry(int count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    fputs("openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n", stream);
    for (template_count = 0; template_count < count;) {
        struct template t;
        draw_template(&t, true);
        if (!is_new(&t))
            continue;
        fputs("  ? ", stream);
        print_path(stream, &t, true);
        fputs("\n  :\n", stream);
        for (unsigned method = 0; method < ARRAY_COUNT(methods); method++)
            if (t.methods & 1u << method)
                fprintf(stream, "    %s: {operationId: t%d_%u}\n", methods[method], template_count, method);
        templates[template_count++] = t;
    }
    fclose(stream);
    struct registry *registry = load_good(text);
    free(text);
    return registry;
}

static void check_path(const struct registry *registry, const struct template *path)
{
    static const char *const names[] = {"GET", "PUT", "POST", "DELETE"};
    char text[PARTS_MAX * PART_SIZE + 2];
    FILE *stream = fmemopen(text, sizeof(text), "w");
    print_path(stream, path, false);
    fclose(stream);
    unsigned method = draw(ARRAY_COUNT(names));
    bool known;
    char expected[32];
    int best = find_linear(path, method, &known);
    if (best < 0)
        snprintf(expected, sizeof(expected), known ? "(no method)" : "(no path)");
    else
        snprintf(expected, sizeof(expected), "t%d_%u", best, method);
    const char *answer = ask(registry, "any.example", names[method], text);
    if (strcmp(answer, expected))
        fail_msg("%s %s: %s instead of %s", names[method], text, answer, expected);
}

static void check_many(int count, int paths)
{
    struct registry *registry = make_registry(count);
    for (int i = 0; i < paths; i++) {
        struct template path;
        draw_template(&path, false);
        check_path(registry, &path);
    }
    registry_free(registry);
}

static void small_registries_answer_as_a_linear_matcher(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++)
        check_many((int)draw(40) + 1, 200);
}

static void a_large_registry_answers_as_a_linear_matcher(void **state)
{
    (void)state;
    check_many(TEMPLATES_MAX, PATHS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_registries_answer_as_a_linear_matcher),
        cmocka_unit_test(a_large_registry_answers_as_a_linear_matcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
