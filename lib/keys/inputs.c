/* SPDX-License-Identifier: Apache-2.0 */

/* Key inputs: waits for all sources at once and turns each. */

#include "keys/inputs.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS     UINT64_C(1000000000)
#define EXPIRE_NS     (SECOND_NS / 4) /* between two looks for what is to be wiped */
#define WISHES_A_TURN 64u             /* each takes about a millisecond */
#define VAULT_READS   256u
#define POLLED_MAX    (KEY_CLIENTS_MAX + 3u)

struct key_inputs {
    struct key_inputs_options options;
    struct tls_key_store *store;
    struct key_files *files;
    struct key_socket *socket; /* NULL: none */
    struct key_vault *vault;   /* NULL: none */
    struct key_stream vault_stream;
    struct key_rsa *rsa; /* NULL: none */
    struct key_wishes *wishes;
    struct key_counts lines;
    uint64_t wishes_opened, wishes_failed;
    uint64_t expire_at_ns;
};

bool key_inputs_wanted(const struct settings_keys *settings)
{
    return settings->files_count || settings->socket || settings->rsa_keys_count || settings->vault.address;
}

static int files_begin(struct key_inputs *inputs, struct diagnostics *diagnostics)
{
    const struct settings_keys *settings = inputs->options.settings;
    char **paths = calloc(settings->files_count + 2, sizeof(*paths));
    if (!paths)
        return -ENOMEM;
    uint32_t count = 0;
    for (; count < settings->files_count; count++)
        paths[count] = settings->files[count];
    char *keylog = inputs->options.keylog ? strdup(inputs->options.keylog) : NULL;
    if (keylog)
        paths[count++] = keylog;
    int result = key_files_new(&inputs->files, paths, count, diagnostics);
    free(keylog);
    free(paths);
    return result;
}

static int wishes_begin(struct key_inputs *inputs, struct diagnostics *diagnostics)
{
    const struct settings_keys *settings = inputs->options.settings;
    if (settings->rsa_keys_count == 0)
        return 0;
    size_t size = inputs->options.worker_count * sizeof(*inputs->wishes);
    inputs->wishes = aligned_alloc(CACHE_LINE, size);
    if (!inputs->wishes)
        return -ENOMEM;
    memset(inputs->wishes, 0, size);
    return key_rsa_new(&inputs->rsa, settings->rsa_keys, settings->rsa_keys_count, diagnostics);
}

static int begin(struct key_inputs *inputs, struct diagnostics *diagnostics)
{
    const struct settings_keys *settings = inputs->options.settings;
    struct tls_key_store_options store = {.entries = settings->connections * 2, /* half full, sets rarely overflow */
                                          .expire_ns = settings->expire_seconds * SECOND_NS};
    struct key_socket_options socket = {
        .path = settings->socket, .users = settings->socket_users, .user_count = settings->socket_users_count};
    int result = tls_key_store_new(&inputs->store, &store, diagnostics);
    if (result == 0)
        result = files_begin(inputs, diagnostics);
    if (result == 0)
        result = wishes_begin(inputs, diagnostics);
    if (result == 0 && settings->socket)
        result = key_socket_new(&inputs->socket, &socket, diagnostics);
    if (result == 0 && settings->vault.address)
        result = key_vault_new(&inputs->vault, &settings->vault, diagnostics);
    return result;
}

int key_inputs_new(struct key_inputs **inputs_out, const struct key_inputs_options *options,
                   struct diagnostics *diagnostics)
{
    struct key_inputs *inputs = calloc(1, sizeof(*inputs));
    if (!inputs)
        return -ENOMEM;
    inputs->options = *options;
    uint32_t errors = diagnostics->errors;
    int result = begin(inputs, diagnostics);
    if (result < 0) {
        if (diagnostics->errors == errors)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "the key inputs cannot start: %s", strerror(-result));
        key_inputs_free(inputs);
        return result;
    }
    *inputs_out = inputs;
    return 0;
}

void key_inputs_free(struct key_inputs *inputs)
{
    if (!inputs)
        return;
    key_vault_free(inputs->vault);
    key_stream_deinit(&inputs->vault_stream);
    key_socket_free(inputs->socket);
    key_files_free(inputs->files);
    key_rsa_free(inputs->rsa);
    free(inputs->wishes);
    tls_key_store_free(inputs->store);
    free(inputs);
}

int key_inputs_check(const struct settings_keys *settings, struct diagnostics *diagnostics)
{
    struct key_files *files = NULL;
    struct key_rsa *rsa = NULL;
    int result = key_files_new(&files, settings->files, settings->files_count, diagnostics);
    int keys = key_rsa_new(&rsa, settings->rsa_keys, settings->rsa_keys_count, diagnostics);
    char *const secrets[] = {settings->vault.token_file, settings->vault.role_id_file, settings->vault.secret_id_file,
                             settings->vault.ca_file};
    for (uint32_t i = 0; i < ARRAY_COUNT(secrets); i++)
        if (secrets[i] && access(secrets[i], R_OK) != 0) {
            struct diagnostic_place place = {.file = secrets[i]};
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "vault: the file cannot be read: %s",
                            strerror(errno));
            result = -EINVAL;
        }
    key_files_free(files);
    key_rsa_free(rsa);
    return result < 0 ? result : keys;
}

struct tls_key_store *key_inputs_store(struct key_inputs *inputs)
{
    return inputs->store;
}

static void vault_read(struct key_inputs *inputs, uint64_t now_ns)
{
    for (uint32_t i = 0; i < VAULT_READS; i++) {
        uint32_t room;
        uint8_t *at = key_stream_room(&inputs->vault_stream, &room);
        ssize_t got = read(key_vault_descriptor(inputs->vault), at, room);
        if (got <= 0)
            return;
        key_stream_take(&inputs->vault_stream, inputs->store, (uint32_t)got, false, now_ns, &inputs->lines);
    }
}

static void wish_fulfil(struct key_inputs *inputs, const struct key_wish *wish, uint64_t now_ns)
{
    struct tls_keylog_item item = {.kind = TLS_SECRET_PREMASTER,
                                   .by = TLS_KEY_BY_PREMASTER_PREFIX,
                                   .id_size = TLS_PREMASTER_PREFIX_SIZE,
                                   .secret_size = KEY_PREMASTER_SIZE};
    if (wish->size < TLS_PREMASTER_PREFIX_SIZE ||
        !key_rsa_open(inputs->rsa, span_of(wish->encrypted, wish->size), item.secret)) {
        inputs->wishes_failed++;
        return;
    }
    memcpy(item.id, wish->encrypted, TLS_PREMASTER_PREFIX_SIZE);
    tls_key_store_put(inputs->store, &item, now_ns);
    OPENSSL_cleanse(&item, sizeof(item));
    inputs->wishes_opened++;
}

static bool wishes_turn(struct key_inputs *inputs, uint64_t now_ns)
{
    struct key_wish wish;
    uint32_t done = 0;
    for (uint32_t worker = 0; inputs->rsa && worker < inputs->options.worker_count; worker++)
        while (done < WISHES_A_TURN && key_wishes_take(&inputs->wishes[worker], &wish)) {
            wish_fulfil(inputs, &wish, now_ns);
            done++;
        }
    return done > 0;
}

static void read_sources(struct key_inputs *inputs, bool last, uint64_t now_ns)
{
    key_files_read(inputs->files, inputs->store, last, now_ns, &inputs->lines);
    if (inputs->socket)
        key_socket_read(inputs->socket, inputs->store, now_ns, &inputs->lines);
    if (inputs->vault)
        vault_read(inputs, now_ns);
}

static void wait_for_sources(struct key_inputs *inputs, uint32_t wait_ms)
{
    struct pollfd polled[POLLED_MAX];
    int descriptors[KEY_CLIENTS_MAX + 1];
    uint32_t count = 0, sockets = inputs->socket ? key_socket_descriptors(inputs->socket, descriptors) : 0;
    polled[count++] = (struct pollfd){.fd = key_files_descriptor(inputs->files), .events = POLLIN};
    if (inputs->vault)
        polled[count++] = (struct pollfd){.fd = key_vault_descriptor(inputs->vault), .events = POLLIN};
    for (uint32_t i = 0; i < sockets; i++)
        polled[count++] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    (void)poll(polled, count, (int)wait_ms);
}

void key_inputs_turn(struct key_inputs *inputs, uint64_t now_ns, uint32_t wait_ms)
{
    if (!wishes_turn(inputs, now_ns) && wait_ms)
        wait_for_sources(inputs, wait_ms);
    read_sources(inputs, false, now_ns);
    if (now_ns >= inputs->expire_at_ns) {
        tls_key_store_expire(inputs->store, now_ns);
        inputs->expire_at_ns = now_ns + EXPIRE_NS;
    }
}

void key_inputs_read_all(struct key_inputs *inputs, uint64_t now_ns)
{
    read_sources(inputs, true, now_ns);
}

void key_inputs_open(struct key_inputs *inputs, struct span encrypted, uint64_t now_ns)
{
    struct key_wish wish = {.size = encrypted.size};
    if (!inputs->rsa || encrypted.size > KEY_WISH_BYTES)
        return;
    memcpy(wish.encrypted, encrypted.data, encrypted.size);
    wish_fulfil(inputs, &wish, now_ns);
}

void key_inputs_read_capture(struct key_inputs *inputs, const char *path, uint64_t now_ns)
{
    /* Without memory for it the connections stay closed, and the ledger tells. */
    (void)!key_capture_read(path, inputs->store, now_ns, &inputs->lines);
}

bool key_inputs_wish(struct key_inputs *inputs, uint32_t worker, struct span encrypted)
{
    return inputs->rsa && key_wishes_put(&inputs->wishes[worker], encrypted);
}

void key_inputs_count(struct key_inputs *inputs, struct key_inputs_counts *counts_out)
{
    *counts_out = (struct key_inputs_counts){
        .lines = inputs->lines, .wishes_opened = inputs->wishes_opened, .wishes_failed = inputs->wishes_failed};
    tls_key_store_count(inputs->store, &counts_out->store);
    counts_out->files = key_files_count(inputs->files, &counts_out->files_refused);
    if (inputs->socket)
        counts_out->clients_refused = key_socket_refused(inputs->socket);
    if (inputs->vault)
        key_vault_count(inputs->vault, &counts_out->vault);
}

bool key_inputs_trouble(struct key_inputs *inputs, char text_out[KEY_VAULT_TROUBLE_SIZE])
{
    return inputs->vault && key_vault_trouble(inputs->vault, text_out);
}
