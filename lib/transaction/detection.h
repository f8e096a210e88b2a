/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Detection
 *
 * Sensitive data seen in one place of a call. Never holds the value: a type, a place, a length, a mask and a keyed
 * digest are all that leaves the scanner.
 */

#include "base/span.h"

#define DETECTION_MASK_SIZE   40 /* the longest mask: an IBAN with its spaces, and room for j***@domain */
#define DETECTION_DIGEST_SIZE 16 /* HMAC-SHA-256 cut to 128 bits: no collision among 2^40 values is likely */

enum detection_place {
    DETECTION_PATH,   /* a path segment; name empty */
    DETECTION_QUERY,  /* name: parameter */
    DETECTION_HEADER, /* name: header */
    DETECTION_COOKIE, /* name: cookie */
    DETECTION_BODY,   /* name: JSON pointer, form field, or empty for plain text */
    DETECTION_PLACE_COUNT
};

enum detection_confidence { DETECTION_LOW, DETECTION_MEDIUM, DETECTION_HIGH };

enum detection_flag {
    DETECTION_TEST_NUMBER = 1u << 0, /* a card number that the card schemes publish for tests */
};

struct detection {
    uint16_t detector;  /* index into the epoch's detector set */
    uint8_t place;      /* enum detection_place */
    uint8_t confidence; /* enum detection_confidence, of the best one counted here */
    uint8_t flags;      /* set of enum detection_flag, of the first value */
    bool in_response;
    uint8_t mask_size;
    uint16_t value_size; /* length of the first value, bytes */
    uint32_t count;     /* values of this type in this place */
    uint64_t offset;    /* of the first one within its place (decoded body, header value ...) */
    struct span name;   /* in the transaction's store */
    char mask[DETECTION_MASK_SIZE];              /* of the first value; not terminated */
    uint8_t digest[DETECTION_DIGEST_SIZE];       /* of the first value */
};

/* "path", "query" ... never NULL. */
const char *detection_place_name(enum detection_place place);
