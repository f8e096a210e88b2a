/* SPDX-License-Identifier: Apache-2.0 */

/* registry: folders on disk with links and odd names, the digest as coreutils computes it, commits as git tells them.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/registry_fixture.h"

#define API   "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {/a: {get: {operationId: a}}}\n"
#define OTHER "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {/b: {get: {operationId: b}}}\n"

static char folder[64];

static void in_folder(const char *name, char path_out[256])
{
    snprintf(path_out, 256, "%s/%s", folder, name);
}

static void put_file(const char *name, const char *text)
{
    char path[256];
    in_folder(name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_link(const char *name, const char *target)
{
    char path[256];
    in_folder(name, path);
    assert_int_equal(symlink(target, path), 0);
}

static void put_folder(const char *name)
{
    char path[256];
    in_folder(name, path);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* The first line a command prints, run inside the folder. */
static void run(const char *command, char line_out[256])
{
    char text[1024];
    snprintf(text, sizeof(text), "cd '%s' && %s", folder, command);
    FILE *pipe = popen(text, "r");
    assert_non_null(pipe);
    line_out[0] = 0;
    if (fgets(line_out, 256, pipe))
        line_out[strcspn(line_out, " \n")] = 0;
    assert_int_equal(pclose(pipe), 0);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/assay-registry-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char line[256];
    run("rm -rf -- \"$PWD\"", line);
    return 0;
}

static struct registry *load(int expected, struct diagnostics *diagnostics)
{
    struct registry *registry = NULL;
    diagnostics_init(diagnostics);
    int status = registry_load(folder, diagnostics, &registry);
    if (status != expected)
        diagnostics_print(diagnostics, stderr);
    assert_int_equal(status, expected);
    assert_int_equal(registry != NULL, status == 0);
    return registry;
}

static void assert_said(const struct diagnostics *list, const char *file, const char *phrase)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].file && !strcmp(list->entries[i].file, file) && strstr(list->entries[i].message, phrase))
            return;
    fail_msg("nothing was said about %s: %s", file, phrase);
}

static void folders_are_read_recursively(void **state)
{
    (void)state;
    char digest[256];
    struct diagnostics diagnostics;
    put_folder("sub");
    put_folder(".hidden");
    put_file("sub/a.yaml", API);
    put_file("b.yml", OTHER);
    put_file("note.txt", "not: [read");
    put_file(".hidden/c.yaml", "not: [read");
    put_file(".d.yaml", "not: [read");
    put_file("empty.json", "{}");
    struct registry *r = load(0, &diagnostics);
    assert_int_equal(registry_document_count(r), 2);
    assert_span_equal(registry_operation_at(r, 0)->id, "b");
    assert_span_equal(registry_operation_at(r, 1)->file->name, "sub/a.yaml");
    assert_said(&diagnostics, "empty.json", "no OpenAPI document");
    run("LC_ALL=C sha256sum b.yml empty.json sub/a.yaml | sha256sum", digest);
    assert_string_equal(registry_digest(r), digest);
    registry_free(r);
    diagnostics_deinit(&diagnostics);
}

static void links_inside_are_followed_once(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    put_folder("..data");
    put_file("..data/real.yaml", API);
    put_link("api.yaml", "..data/real.yaml");
    put_link("again.yaml", "api.yaml");
    put_file("b.yaml", OTHER);
    put_link("current.yaml", "b.yaml");
    put_link("loop", ".");
    struct registry *r = load(0, &diagnostics);
    assert_int_equal(registry_operation_count(r), 2);
    assert_span_equal(registry_operation_at(r, 0)->file->name, "again.yaml");
    assert_said(&diagnostics, "current.yaml", "under another name");
    assert_said(&diagnostics, "loop", "not followed");
    registry_free(r);
    diagnostics_deinit(&diagnostics);
}

static void links_that_lead_out_are_refused(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    put_file("a.yaml", API);
    put_link("passwords.yaml", "/etc/passwd");
    put_link("up", "..");
    put_link("dangling.json", "nothing");
    assert_null(load(REGISTRY_E_INVALID, &diagnostics));
    assert_int_equal(diagnostics.errors, 3);
    assert_said(&diagnostics, "passwords.yaml", "leads out");
    diagnostics_deinit(&diagnostics);
}

static void odd_names_and_absent_folders_are_told(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    put_file("a\nb.yaml", API);
    put_file("c\\d.yaml", API);
    load(REGISTRY_E_INVALID, &diagnostics);
    assert_int_equal(diagnostics.errors, 2);
    assert_int_equal(registry_load("/nonexistent/folder", &diagnostics, &registry), -ENOENT);
    assert_null(registry);
    diagnostics_deinit(&diagnostics);
}

static void an_empty_folder_is_an_empty_registry(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    struct registry *r = load(0, &diagnostics);
    assert_int_equal(registry_operation_count(r), 0);
    /* SHA-256 of nothing */
    assert_string_equal(registry_digest(r), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    registry_free(r);
    diagnostics_deinit(&diagnostics);
}

#define GIT "git -c user.name=t -c user.email=t@example.com -c init.defaultBranch=main "

static void commits_are_those_git_tells(void **state)
{
    (void)state;
    char line[256], first[256], second[256], top[sizeof(folder)];
    struct diagnostics diagnostics;
    if (system("git --version >/dev/null 2>&1")) {
        print_message("no git: skipped\n");
        return;
    }
    put_folder("apis");
    put_file("apis/a.yaml", API);
    put_file("apis/b b.yaml", OTHER);
    run(GIT "init -q . && git add . && " GIT "commit -qm one && git rev-parse HEAD", first);
    put_file("apis/b b.yaml", OTHER "# changed\n");
    run(GIT "commit -qam two && git rev-parse HEAD", second);
    put_file("apis/a.yaml", API "# not committed\n");
    put_file("apis/new.yaml", "x: 1\n");
    memcpy(top, folder, sizeof(top));
    strcat(folder, "/apis");
    struct registry *r = load(0, &diagnostics);
    memcpy(folder, top, sizeof(top));
    assert_string_not_equal(first, second);
    assert_span_equal(registry_operation_at(r, 0)->file->commit, first);
    assert_true(registry_operation_at(r, 0)->file->modified);
    assert_span_equal(registry_operation_at(r, 1)->file->commit, second);
    assert_false(registry_operation_at(r, 1)->file->modified);
    run("git status --porcelain | wc -l", line);
    assert_string_equal(line, "2");
    registry_free(r);
    diagnostics_deinit(&diagnostics);
}

static void without_git_there_is_no_commit(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    put_file("a.yaml", API);
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    struct registry *r = load(0, &diagnostics);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(registry_operation_at(r, 0)->file->commit.size, 0);
    assert_int_equal(diagnostics.count, 0);
    registry_free(r);
    diagnostics_deinit(&diagnostics);
}

/*
 * The OpenAPI Initiative's examples and the museum API. Counts are those of `grep -cE '^    (get|put|post|...):'` below
 * `paths`; each document comes as YAML and as JSON, so both at once are duplicates.
 */
static void published_documents_load(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t operations;
    } files[] = {
        {"museum/openapi.yaml", 8},         {"oai/v3.0/api-with-examples.%s", 2}, {"oai/v3.0/callback-example.%s", 1},
        {"oai/v3.0/link-example.%s", 6},    {"oai/v3.0/petstore-expanded.%s", 4}, {"oai/v3.0/petstore.%s", 3},
        {"oai/v3.0/uspto.%s", 3},           {"oai/v3.1/non-oauth-scopes.%s", 1},  {"oai/v3.1/tictactoe.%s", 3},
        {"oai/v3.1/webhook-example.%s", 0},
    };
    const char *data = getenv("ASSAY_TESTDATA");
    if (!data) {
        print_message("ASSAY_TESTDATA is not set: published documents skipped\n");
        return;
    }
    for (size_t i = 0; i < 2 * ARRAY_COUNT(files); i++) {
        static const char *const endings[] = {"yaml", "json"};
        char name[256], path[1024];
        struct diagnostics diagnostics;
        struct registry *registry = NULL;
        char *percent = strcpy(name, files[i / 2].name) + strcspn(name, "%");
        if (*percent)
            strcpy(percent, endings[i % 2]);
        snprintf(path, sizeof(path), "%s/openapi/%s", data, name);
        static char text[1 << 20];
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof(text), file);
        fclose(file);
        diagnostics_init(&diagnostics);
        assert_int_equal(registry_load_text(name, text, size, &diagnostics, &registry), 0);
        if (registry_operation_count(registry) != files[i / 2].operations)
            fail_msg("%s: %u operations", name, registry_operation_count(registry));
        registry_free(registry);
        diagnostics_deinit(&diagnostics);
    }
}

static void a_document_in_two_formats_is_refused(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    put_file("a.yaml", API);
    put_file("a.json", "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"t\", \"version\": \"1\"},\n"
                       "\t\"paths\": {\"/a\": {\"get\": {\"operationId\": \"a\"}}}}\n");
    load(REGISTRY_E_INVALID, &diagnostics);
    assert_int_equal(diagnostics.errors, 1);
    assert_said(&diagnostics, "a.yaml", "defined already by /a in a.json:2");
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_read_recursively, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(links_inside_are_followed_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(links_that_lead_out_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(odd_names_and_absent_folders_are_told, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_empty_folder_is_an_empty_registry, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(commits_are_those_git_tells, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(without_git_there_is_no_commit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_document_in_two_formats_is_refused, make_folder, remove_folder),
        cmocka_unit_test(published_documents_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
