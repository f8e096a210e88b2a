/* SPDX-License-Identifier: Apache-2.0 */

/* Requests to Vault, by libcurl. Certificates are always checked; nothing is followed to another address. */

#include "keys/vault_http.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/vault.h"

#define URL_SIZE    8192u
#define HEADER_SIZE 8192u

struct vault_http {
    const struct settings_vault *settings;
    CURL *curl;
    char *answer;
    size_t answer_size, answer_capacity;
    char url[URL_SIZE];
};

struct vault_http *vault_http_new(const struct settings_vault *settings)
{
    struct vault_http *http = calloc(1, sizeof(*http));
    if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        return NULL;
    }
    http->settings = settings;
    http->curl = curl_easy_init();
    if (!http->curl) {
        vault_http_free(http);
        return NULL;
    }
    return http;
}

void vault_http_free(struct vault_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    free(http->answer);
    free(http);
}

/* Grows in steps, wiping what it leaves behind. */
static size_t take(char *data, size_t unit, size_t count, void *context)
{
    struct vault_http *http = context;
    size_t size = unit * count;
    if (http->answer_size + size > KEY_VAULT_ANSWER_MAX)
        return 0;
    if (http->answer_size + size > http->answer_capacity) {
        size_t capacity = 2 * (http->answer_size + size);
        char *grown = malloc(capacity);
        if (!grown)
            return 0;
        if (http->answer_size)
            memcpy(grown, http->answer, http->answer_size);
        if (http->answer)
            OPENSSL_cleanse(http->answer, http->answer_capacity);
        free(http->answer);
        http->answer = grown;
        http->answer_capacity = capacity;
    }
    memcpy(http->answer + http->answer_size, data, size);
    http->answer_size += size;
    return size;
}

static struct curl_slist *header_add(struct curl_slist *list, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    if (!value)
        return list;
    int size = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = size < (int)sizeof(line) ? curl_slist_append(list, line) : NULL;
    OPENSSL_cleanse(line, sizeof(line));
    return longer ? longer : list;
}

static void headers_free(struct curl_slist *list)
{
    for (struct curl_slist *entry = list; entry; entry = entry->next)
        OPENSSL_cleanse(entry->data, strlen(entry->data));
    curl_slist_free_all(list);
}

static void prepare(struct vault_http *http, const struct vault_request *request, struct curl_slist *headers, char *why)
{
    const struct settings_vault *settings = http->settings;
    size_t end = strlen(settings->address);
    while (end && settings->address[end - 1] == '/')
        end--;
    snprintf(http->url, sizeof(http->url), "%.*s/v1/%s", (int)end, settings->address, request->path);
    curl_easy_reset(http->curl);
    curl_easy_setopt(http->curl, CURLOPT_URL, http->url);
    curl_easy_setopt(http->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT, (long)KEY_VAULT_TIMEOUT_SECONDS);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, why);
    if (settings->ca_file)
        curl_easy_setopt(http->curl, CURLOPT_CAINFO, settings->ca_file);
    if (request->body)
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, request->body);
}

json_t *vault_http_request(struct vault_http *http, const struct vault_request *request, int *status_out,
                           char why_out[VAULT_HTTP_ERROR_SIZE])
{
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    json_t *answer = NULL;
    struct curl_slist *headers = header_add(NULL, "X-Vault-Request", "true");
    headers = header_add(headers, "X-Vault-Token", request->token);
    headers = header_add(headers, "X-Vault-Namespace", http->settings->name_space);
    http->answer_size = 0;
    prepare(http, request, headers, why);
    CURLcode result = curl_easy_perform(http->curl);
    if (result == CURLE_OK) {
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
        answer = json_loadb(http->answer, http->answer_size, 0, NULL);
    } else {
        snprintf(why_out, VAULT_HTTP_ERROR_SIZE, "%.100s", why[0] ? why : curl_easy_strerror(result));
    }
    *status_out = (int)status;
    headers_free(headers);
    if (http->answer)
        OPENSSL_cleanse(http->answer, http->answer_size);
    return answer;
}
