/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sensitive values
 *
 * Made-up card numbers, e-mail addresses, tokens and the like that pass the checks of a good detector: check digits,
 * issuer ranges, country lengths. Nobody's: e-mail domains are reserved (RFC 2606), tokens are random.
 */

#include "generate/random.h"
#include "generate/text.h"

#define TRAFFIC_VALUE_KINDS    11u  /* a full set in one body is the many-findings load */
#define TRAFFIC_VALUE_SIZE_MAX 256u /* of a member with its name: the longest is the JSON web token */

/* Adds one member of a JSON object: "name":"value" with the value of that kind (modulo TRAFFIC_VALUE_KINDS). */
void traffic_value_add(struct text *text, struct random *random, uint32_t kind);

/* `count` characters drawn from an alphabet. */
void traffic_characters_add(struct text *text, struct random *random, const char *alphabet, uint32_t count);

/* "eyJ...": header, claims and a signature of random bytes. */
void traffic_token_add(struct text *text, struct random *random);

#define TRAFFIC_DIGITS     "0123456789"
#define TRAFFIC_HEX        "0123456789abcdef"
#define TRAFFIC_BASE64_URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
