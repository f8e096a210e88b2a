/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests to Vault: JSON over HTTPS, one at a time.
 *
 * Memory:  heap; answers are wiped when they were parsed.
 * Threads: one owner.
 */

#include <jansson.h>

#include "config/settings.h"

#define VAULT_HTTP_ERROR_SIZE 128u

struct vault_http;

struct vault_request {
    const char *path;  /* behind /v1/ */
    const char *body;  /* JSON to post; NULL: get */
    const char *token; /* NULL: none yet */
};

struct vault_http *vault_http_new(const struct settings_vault *settings);
void vault_http_free(struct vault_http *http);

/* The answer, NULL when it is no JSON. status_out: 0, with the reason in `why_out`, when nobody answered. */
json_t *vault_http_request(struct vault_http *http, const struct vault_request *request, int *status_out,
                           char why_out[VAULT_HTTP_ERROR_SIZE]);
