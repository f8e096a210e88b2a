/* SPDX-License-Identifier: Apache-2.0 */

/* Key inputs: files that grow, are replaced and cut short; a socket; captures with secrets; RSA private keys. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "keys/inputs.h"
#include "tls/key_schedule.h"
#include "tls_case.h"

#define SECRET48 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30"

static char folder[64];

static int folder_make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/assay-keys-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static char *path_of(const char *name)
{
    static char paths[4][128];
    static uint32_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* The line of a connection whose random is `number` sixty-four times. */
static const char *line_of(char number)
{
    static char line[256];
    char random[65] = "";
    memset(random, number, 64);
    snprintf(line, sizeof(line), "CLIENT_RANDOM %s " SECRET48 "\n", random);
    return line;
}

static void write_file(const char *name, const char *mode, const char *text, size_t size)
{
    FILE *file = fopen(path_of(name), mode);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(path_of(name), 0600), 0);
}

static bool knows(struct key_inputs *inputs, char number)
{
    struct tls_key_set set;
    uint8_t random[TLS_RANDOM_SIZE];
    memset(random, (number - '0') * 0x11, sizeof(random));
    return tls_key_store_find(key_inputs_store(inputs), TLS_KEY_BY_CLIENT_RANDOM, span_of(random, sizeof(random)),
                              &set);
}

static struct key_inputs *inputs_new(const struct settings_keys *settings)
{
    struct key_inputs *inputs = NULL;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_inputs_options options = {.settings = settings, .worker_count = 1};
    assert_int_equal(key_inputs_new(&inputs, &options, &diagnostics), 0);
    assert_int_equal(diagnostics.errors, 0);
    diagnostics_deinit(&diagnostics);
    return inputs;
}

static void test_growing_file(void **state)
{
    (void)state;
    char *files[] = {strdup(path_of("grow"))};
    struct settings_keys settings = {.files = files, .files_count = 1, .connections = 64};
    struct key_inputs *inputs = inputs_new(&settings); /* it is not there yet */
    key_inputs_turn(inputs, 1, 0);
    const char *line = line_of('1');
    write_file("grow", "w", line, 40); /* a line that is not whole */
    key_inputs_turn(inputs, 2, 0);
    assert_false(knows(inputs, '1'));
    write_file("grow", "a", line + 40, strlen(line) - 40);
    key_inputs_turn(inputs, 3, 1000);
    assert_true(knows(inputs, '1'));
    /* Cut short and written anew. */
    write_file("grow", "w", "# new\n", 6);
    write_file("grow", "a", line_of('2'), strlen(line_of('2')));
    assert_int_equal(truncate(files[0], 6), 0);
    key_inputs_turn(inputs, 4, 0);
    write_file("grow", "a", line_of('3'), strlen(line_of('3')));
    key_inputs_turn(inputs, 5, 0);
    assert_true(knows(inputs, '3'));
    /* Replaced: the old one is read to its end first. */
    write_file("grow", "a", line_of('4'), strlen(line_of('4')));
    write_file("grow.new", "w", line_of('5'), strlen(line_of('5')));
    assert_int_equal(rename(path_of("grow.new"), files[0]), 0);
    key_inputs_turn(inputs, 6, 0);
    assert_true(knows(inputs, '4'));
    assert_true(knows(inputs, '5'));
    struct key_inputs_counts counts;
    key_inputs_count(inputs, &counts);
    assert_int_equal(counts.lines.refused, 0);
    key_inputs_free(inputs);
    free(files[0]);
}

static void test_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("logs"), 0700), 0);
    char *files[] = {strdup(path_of("logs"))};
    struct settings_keys settings = {.files = files, .files_count = 1, .connections = 64};
    write_file("logs/a", "w", line_of('6'), strlen(line_of('6')));
    struct key_inputs *inputs = inputs_new(&settings);
    key_inputs_turn(inputs, 1, 0);
    write_file("logs/b", "w", line_of('7'), strlen(line_of('7')) - 1);
    key_inputs_turn(inputs, 2, 0);
    assert_true(knows(inputs, '6'));
    assert_false(knows(inputs, '7')); /* no line end: more may come */
    key_inputs_read_all(inputs, 3);
    assert_true(knows(inputs, '7'));
    struct key_inputs_counts counts;
    key_inputs_count(inputs, &counts);
    assert_int_equal(counts.files, 2);
    assert_int_equal(unlink(path_of("logs/a")), 0);
    key_inputs_turn(inputs, 4, 0);
    key_inputs_count(inputs, &counts);
    assert_int_equal(counts.files, 1);
    key_inputs_free(inputs);
    free(files[0]);
}

static int client(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    return descriptor;
}

static void test_socket(void **state)
{
    (void)state;
    char *path = strdup(path_of("socket"));
    struct stat status;
    struct settings_keys settings = {.socket = path, .connections = 64};
    struct key_inputs *inputs = inputs_new(&settings);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    int first = client(path), second = client(path);
    const char *line = line_of('8');
    assert_int_equal(write(first, line, 50), 50);
    key_inputs_turn(inputs, 1, 1000);
    assert_int_equal(write(second, line_of('9'), strlen(line_of('9'))), strlen(line_of('9')));
    line = line_of('8');
    assert_int_equal(write(first, line + 50, strlen(line) - 51), strlen(line) - 51); /* without its end ... */
    close(first);                                                                    /* ... which this is */
    for (uint32_t turn = 0; turn < 5; turn++)
        key_inputs_turn(inputs, 2, 100);
    assert_true(knows(inputs, '8'));
    assert_true(knows(inputs, '9'));
    /* Somebody else's living socket is left alone, a file too. */
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_inputs *other = NULL;
    struct key_inputs_options options = {.settings = &settings, .worker_count = 1};
    assert_true(key_inputs_new(&other, &options, &diagnostics) < 0);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
    close(second);
    key_inputs_free(inputs);
    assert_int_not_equal(stat(path, &status), 0);
    free(path);
}

static void put_u32(uint8_t **at, uint32_t value, bool swapped)
{
    value = swapped ? __builtin_bswap32(value) : value;
    memcpy(*at, &value, sizeof(value));
    *at += sizeof(value);
}

/* draft-ietf-opsawg-pcapng: a section, a block nobody knows, an empty one, secrets. */
static size_t pcapng_make(uint8_t *file, bool swapped)
{
    uint8_t *at = file;
    const char *line = line_of(swapped ? '2' : '1');
    uint32_t size = (uint32_t)strlen(line), padded = (size + 3) / 4 * 4;
    put_u32(&at, 0x0a0d0d0a, swapped);
    put_u32(&at, 28, swapped);
    put_u32(&at, 0x1a2b3c4d, swapped);
    put_u32(&at, swapped ? 0x00010000 : 0x00000001, swapped);
    put_u32(&at, 0xffffffff, false);
    put_u32(&at, 0xffffffff, false);
    put_u32(&at, 28, swapped);
    put_u32(&at, 0x0bad, swapped);
    put_u32(&at, 16, swapped);
    put_u32(&at, 7, swapped);
    put_u32(&at, 16, swapped);
    put_u32(&at, 10, swapped);
    put_u32(&at, 20 + padded, swapped);
    put_u32(&at, 0x544c534b, swapped);
    put_u32(&at, size, swapped);
    memset(at, 0, padded);
    memcpy(at, line, size);
    at += padded;
    put_u32(&at, 20 + padded, swapped);
    return (size_t)(at - file);
}

static void test_capture(void **state)
{
    (void)state;
    for (uint32_t swapped = 0; swapped < 2; swapped++) {
        uint8_t file[512];
        size_t size = pcapng_make(file, swapped);
        struct settings_keys settings = {.connections = 64};
        struct key_inputs *inputs = inputs_new(&settings);
        write_file("capture", "w", (const char *)file, size);
        assert_true(key_capture_has_secrets(path_of("capture")));
        key_inputs_read_capture(inputs, path_of("capture"), 1);
        assert_true(knows(inputs, swapped ? '2' : '1'));
        key_inputs_free(inputs);
        /* Broken off anywhere: nothing happens. */
        for (size_t cut = 0; cut < size; cut++) {
            inputs = inputs_new(&settings);
            write_file("capture", "w", (const char *)file, cut);
            key_inputs_read_capture(inputs, path_of("capture"), 1);
            key_inputs_free(inputs);
        }
    }
}

/* Handshake messages of the recording up to ClientKeyExchange, whose last 256 bytes are the encrypted secret. */
static void told(struct tls_stream *stream, enum tls_direction direction, const struct tls_decrypt_input *input,
                 enum tls_decrypt_status status, const struct tls_plain *plain)
{
    uint32_t *opened = stream->context;
    (void)direction;
    (void)input;
    assert_int_equal(status, TLS_DECRYPT_PLAIN);
    *opened += plain->protection;
}

/* Order on the wire: the client's first record, all of the server's hello flight, the client's key exchange. */
static struct span session_hash_of(const struct tls_case *taken, uint8_t digest[TLS_HASH_SIZE_MAX],
                                   struct span *premaster_out)
{
    struct span parts[8];
    uint32_t count = 0;
    for (uint32_t i = 0; i < taken->record_count && count < 8; i++) {
        const struct tls_case_record *record = &taken->records[i];
        if (record->input.type != 22)
            continue;
        parts[count++] = record->input.fragment;
        if (record->input.fragment.data[0] != 16)
            continue;
        *premaster_out = span_from(record->input.fragment, 6);
        tls_hash_parts(TLS_HASH_SHA256, parts, count, digest);
        return span_of(digest, 32);
    }
    fail();
    return (struct span){0};
}

static void test_rsa(void **state)
{
    (void)state;
    struct tls_case taken;
    if (!tls_case_load("tls12_static_rsa", &taken))
        skip();
    char key[4096];
    snprintf(key, sizeof(key), "%s/tests/tls/static_rsa.key", getenv("ASSAY_SOURCE"));
    char *keys[] = {key};
    struct settings_keys settings = {.rsa_keys = keys, .rsa_keys_count = 1, .connections = 64};
    struct key_inputs *inputs = inputs_new(&settings);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    struct arena *arena = arena_new(1u << 20);
    uint32_t opened = 0, waited = 0;
    struct tls_decrypt_options options = {.store = key_inputs_store(inputs), .connections = 1, .contexts = 1};
    assert_int_equal(tls_decrypt_engine_new(&stream->engine, arena, &options, &diagnostics), 0);
    stream->decrypter = tls_decrypt_begin(stream->engine);
    stream->told = told;
    stream->context = &opened;
    uint8_t digest[TLS_HASH_SIZE_MAX];
    struct span premaster, hash = session_hash_of(&taken, digest, &premaster);
    assert_int_equal(premaster.size, 256);
    for (uint32_t i = 0; i < taken.record_count; i++) {
        const struct tls_case_record *record = &taken.records[i];
        if (record->input.type == 22 && record->input.fragment.data[0] == 16)
            tls_decrypt_key_exchange(stream->engine, stream->decrypter, premaster, hash);
        if (tls_stream_take(stream, record->direction, &record->input))
            continue;
        waited++; /* the worker's wish, and the thread that fulfils it */
        assert_true(key_inputs_wish(inputs, 0, premaster));
        key_inputs_turn(inputs, 1, 0);
        assert_true(tls_decrypt_key_may_have_come(stream->engine, stream->decrypter));
        assert_true(tls_stream_take(stream, record->direction, &record->input));
    }
    assert_int_equal(waited, 1);
    assert_true(opened >= taken.plain_count);
    struct key_inputs_counts counts;
    uint8_t wrong[256] = {1};
    assert_true(key_inputs_wish(inputs, 0, span_of(wrong, sizeof(wrong))));
    key_inputs_turn(inputs, 2, 0);
    key_inputs_count(inputs, &counts);
    assert_int_equal(counts.wishes_opened, 1);
    assert_int_equal(counts.wishes_failed, 1);
    uint32_t room = 0;
    while (key_inputs_wish(inputs, 0, premaster))
        room++;
    assert_int_equal(room, KEY_WISHES_MAX);
    tls_decrypt_end(stream->engine, stream->decrypter);
    tls_decrypt_engine_free(stream->engine);
    arena_free(arena);
    free(stream);
    key_inputs_free(inputs);
    diagnostics_deinit(&diagnostics);
    tls_case_free(&taken);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    write_file("nokey", "w", "hello\n", 6);
    char *keys[] = {strdup(path_of("nokey")), strdup(path_of("absent"))};
    struct settings_keys settings = {.rsa_keys = keys, .rsa_keys_count = 2};
    settings.vault.token_file = keys[1];
    assert_true(key_inputs_check(&settings, &diagnostics) < 0);
    assert_int_equal(diagnostics.errors, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_non_null(diagnostics.entries[i].file);
    diagnostics_deinit(&diagnostics);
    free(keys[0]);
    free(keys[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing_file), cmocka_unit_test(test_folder), cmocka_unit_test(test_socket),
        cmocka_unit_test(test_capture),      cmocka_unit_test(test_rsa),    cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
