/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vault: the thread. A turn makes sure of a token, then reads each secret once; what fails is told and tried again at
 * the next turn.
 */

#include "keys/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keys/vault_http.h"

#define TOKEN_MAX        4096u /* Vault's own are below 100 bytes, batch tokens some hundreds */
#define PATH_SIZE        4096u
#define RENEW_PART       2 / 3 /* of a lease: a third is left to try again */
#define STATUS_OK        200
#define STATUS_FORBIDDEN 403

struct key_vault {
    const struct settings_vault *settings;
    struct vault_http *http;
    pthread_t thread;
    int pipe[2]; /* key log lines */
    int stop[2]; /* closed to stop */
    char token[TOKEN_MAX];
    bool renewable;
    int64_t renew_at, expires_at; /* seconds of the monotonic clock; 0: never */
    int64_t *versions;            /* of each secret, handed on last */
    pthread_mutex_t lock;         /* guards the rest */
    struct key_vault_counts counts;
    char trouble[KEY_VAULT_TROUBLE_SIZE];
};

static int64_t now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void add(struct key_vault *vault, uint64_t *counter)
{
    pthread_mutex_lock(&vault->lock);
    (*counter)++;
    pthread_mutex_unlock(&vault->lock);
}

static void tell(struct key_vault *vault, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct key_vault *vault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&vault->lock);
    vault->counts.failures++;
    vsnprintf(vault->trouble, sizeof(vault->trouble), format, arguments);
    pthread_mutex_unlock(&vault->lock);
    va_end(arguments);
}

/* A request; the answer's JSON, or NULL with the trouble told. `status_out` is 0 when there was no answer. */
static json_t *request(struct key_vault *vault, const char *path, const char *body, int *status_out)
{
    char why[VAULT_HTTP_ERROR_SIZE];
    struct vault_request wanted = {.path = path, .body = body, .token = vault->token[0] ? vault->token : NULL};
    add(vault, &vault->counts.requests);
    json_t *answer = vault_http_request(vault->http, &wanted, status_out, why);
    if (*status_out == STATUS_OK && answer)
        return answer;
    json_decref(answer);
    if (*status_out)
        tell(vault, "vault answers %d to %s", *status_out, path);
    else
        tell(vault, "vault cannot be asked for %s: %s", path, why);
    return NULL;
}

/* A file's first line. */
static bool read_line(struct key_vault *vault, const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    bool fine = file && fgets(text, (int)size, file);
    if (fine)
        text[strcspn(text, "\r\n")] = '\0';
    if (file)
        fclose(file);
    if (!fine || !text[0])
        tell(vault, "vault: %s cannot be read or is empty", path);
    return fine && text[0];
}

static void lease_take(struct key_vault *vault, const json_t *auth)
{
    int64_t lease = json_integer_value(json_object_get(auth, "lease_duration"));
    vault->renewable = json_is_true(json_object_get(auth, "renewable"));
    vault->renew_at = lease > 0 ? now_seconds() + lease * RENEW_PART : 0;
    vault->expires_at = lease > 0 ? now_seconds() + lease : 0;
}

static bool log_in_by_role(struct key_vault *vault)
{
    char role[TOKEN_MAX], secret[TOKEN_MAX];
    int status = 0;
    if (!read_line(vault, vault->settings->role_id_file, role, sizeof(role)) ||
        !read_line(vault, vault->settings->secret_id_file, secret, sizeof(secret)))
        return false;
    json_t *credentials = json_pack("{s:s,s:s}", "role_id", role, "secret_id", secret);
    char *body = credentials ? json_dumps(credentials, JSON_COMPACT) : NULL;
    json_t *answer = body ? request(vault, "auth/approle/login", body, &status) : NULL;
    const json_t *auth = json_object_get(answer, "auth");
    const char *token = json_string_value(json_object_get(auth, "client_token"));
    bool fine = token && strlen(token) < sizeof(vault->token);
    if (fine) {
        memcpy(vault->token, token, strlen(token) + 1);
        lease_take(vault, auth);
        add(vault, &vault->counts.log_ins);
    }
    json_decref(answer);
    json_decref(credentials);
    if (body)
        OPENSSL_cleanse(body, strlen(body));
    free(body);
    OPENSSL_cleanse(secret, sizeof(secret));
    return fine;
}

static void log_out(struct key_vault *vault)
{
    OPENSSL_cleanse(vault->token, sizeof(vault->token));
    vault->renew_at = vault->expires_at = 0;
}

/* A token that was given tells nothing of its lease: Vault is asked, and one that never ends is left alone. */
static bool log_in_by_token(struct key_vault *vault)
{
    int status;
    if (!read_line(vault, vault->settings->token_file, vault->token, sizeof(vault->token)))
        return false;
    json_t *answer = request(vault, "auth/token/lookup-self", NULL, &status);
    const json_t *data = json_object_get(answer, "data");
    int64_t left = json_integer_value(json_object_get(data, "ttl"));
    vault->renewable = json_is_true(json_object_get(data, "renewable"));
    vault->renew_at = left > 0 ? now_seconds() + left * RENEW_PART : 0;
    bool fine = answer != NULL;
    json_decref(answer);
    if (fine)
        add(vault, &vault->counts.log_ins);
    else
        log_out(vault);
    return fine;
}

static void renew(struct key_vault *vault)
{
    int status;
    json_t *answer = request(vault, "auth/token/renew-self", "{}", &status);
    if (answer) {
        lease_take(vault, json_object_get(answer, "auth"));
        add(vault, &vault->counts.renewals);
    } else if (status == STATUS_FORBIDDEN) {
        log_out(vault);
    }
    json_decref(answer);
}

static bool make_sure_of_token(struct key_vault *vault)
{
    int64_t now = now_seconds();
    if (vault->token[0] && vault->renewable && vault->renew_at && now >= vault->renew_at)
        renew(vault);
    if (vault->token[0] && vault->expires_at && now >= vault->expires_at)
        log_out(vault);
    if (vault->token[0])
        return true;
    return vault->settings->token_file ? log_in_by_token(vault) : log_in_by_role(vault);
}

/* Whole or not at all is the reader's business: a stopped worker leaves the pipe. */
static bool write_all(struct key_vault *vault, const char *text, size_t size)
{
    struct pollfd ends[] = {{.fd = vault->pipe[1], .events = POLLOUT}, {.fd = vault->stop[0], .events = POLLIN}};
    while (size) {
        if (poll(ends, ARRAY_COUNT(ends), -1) < 0 && errno != EINTR)
            return false;
        if (ends[1].revents)
            return false;
        ssize_t written = write(vault->pipe[1], text, size);
        if (written < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* Every text field, in lines. */
static bool hand_on(struct key_vault *vault, json_t *fields)
{
    const char *name;
    json_t *field;
    json_object_foreach(fields, name, field) if (json_is_string(field) && (!write_all(vault, json_string_value(field),
                                                                                      json_string_length(field)) ||
                                                                           !write_all(vault, "\n", 1))) return false;
    return true;
}

/* A secret; false: the token is not accepted any more. */
static bool secret_read(struct key_vault *vault, uint32_t index)
{
    char path[PATH_SIZE];
    int status;
    snprintf(path, sizeof(path), "%s/data/%s", vault->settings->mount, vault->settings->paths[index]);
    json_t *answer = request(vault, path, NULL, &status);
    const json_t *data = json_object_get(answer, "data");
    int64_t version = json_integer_value(json_object_get(json_object_get(data, "metadata"), "version"));
    if (answer && version != vault->versions[index] && hand_on(vault, json_object_get(data, "data"))) {
        vault->versions[index] = version;
        add(vault, &vault->counts.versions);
    }
    json_decref(answer);
    return status != STATUS_FORBIDDEN;
}

static void turn(struct key_vault *vault)
{
    if (!make_sure_of_token(vault))
        return;
    for (uint32_t i = 0; i < vault->settings->paths_count; i++)
        if (!secret_read(vault, i)) {
            log_out(vault);
            return;
        }
}

static void *thread_main(void *argument)
{
    struct key_vault *vault = argument;
    struct pollfd stop = {.fd = vault->stop[0], .events = POLLIN};
    do
        turn(vault);
    while (poll(&stop, 1, (int)vault->settings->interval_seconds * 1000) <= 0);
    return NULL;
}

static void close_pair(const int pair[2])
{
    for (uint32_t i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static int start(struct key_vault *vault)
{
    vault->versions = calloc(vault->settings->paths_count + 1, sizeof(*vault->versions));
    vault->http = vault_http_new(vault->settings);
    if (!vault->versions || !vault->http)
        return -ENOMEM;
    if (pipe2(vault->pipe, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(vault->stop, O_CLOEXEC) != 0)
        return -errno;
    return -pthread_create(&vault->thread, NULL, thread_main, vault);
}

static void release(struct key_vault *vault)
{
    close_pair(vault->pipe);
    close_pair(vault->stop);
    vault_http_free(vault->http);
    free(vault->versions);
    pthread_mutex_destroy(&vault->lock);
    OPENSSL_cleanse(vault, sizeof(*vault));
    free(vault);
}

int key_vault_new(struct key_vault **vault_out, const struct settings_vault *settings, struct diagnostics *diagnostics)
{
    struct key_vault *vault = calloc(1, sizeof(*vault));
    if (!vault)
        return -ENOMEM;
    vault->settings = settings;
    vault->pipe[0] = vault->pipe[1] = vault->stop[0] = vault->stop[1] = -1;
    pthread_mutex_init(&vault->lock, NULL);
    int result = start(vault);
    if (result < 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "vault: no thread for it: %s", strerror(-result));
        release(vault);
        return result;
    }
    *vault_out = vault;
    return 0;
}

void key_vault_free(struct key_vault *vault)
{
    if (!vault)
        return;
    close(vault->stop[1]);
    vault->stop[1] = -1;
    pthread_join(vault->thread, NULL);
    release(vault);
}

int key_vault_descriptor(const struct key_vault *vault)
{
    return vault->pipe[0];
}

void key_vault_count(struct key_vault *vault, struct key_vault_counts *counts_out)
{
    pthread_mutex_lock(&vault->lock);
    *counts_out = vault->counts;
    pthread_mutex_unlock(&vault->lock);
}

bool key_vault_trouble(struct key_vault *vault, char text_out[KEY_VAULT_TROUBLE_SIZE])
{
    pthread_mutex_lock(&vault->lock);
    bool any = vault->trouble[0] != '\0';
    memcpy(text_out, vault->trouble, sizeof(vault->trouble));
    vault->trouble[0] = '\0';
    pthread_mutex_unlock(&vault->lock);
    return any;
}
