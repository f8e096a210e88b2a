/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sighting
 *
 * One call that says something only beside others: a token, an attempt to log in, an object asked for, a request id.
 * With it travels the finding that the call becomes if the others make it one (lib/sighting), so that whoever compares
 * needs neither the call nor the rules.
 *
 * Memory:  none; a sighting that is read points into its ring until that is released.
 * Threads: the ring's producer puts, its consumer reads. The ring carries sightings and nothing else.
 * Limits:  RECORD_SIZE_MAX with its finding; a sighting beyond it is refused, like one that finds no room.
 */

#include "event/ring.h"

enum sighting_kind {
    SIGHTING_TOKEN,   /* accepted from `client` */
    SIGHTING_ATTEMPT, /* with a credential, refused or not */
    SIGHTING_OBJECT,  /* refused; `detail` is which */
    SIGHTING_REQUEST_ID,
    SIGHTING_KIND_COUNT
};

struct sighting {
    uint64_t key[2];    /* keyed hash of what is recognised, and of the rule that asks */
    uint64_t time_ns;   /* the call's end */
    uint64_t window_ns; /* sightings further apart have nothing to do with each other */
    uint64_t retry_ns;  /* of a request id: within it the same call again is a retry */
    uint64_t
        detail; /* keyed hash, evenly spread: of a token's certificate, of an object, of a request; 0: there is none */
    struct address client, server;
    uint32_t limit; /* what is still right */
    uint16_t client_port;
    uint8_t kind; /* enum sighting_kind */
    bool refused;
};

static_assert(sizeof(struct sighting) == 88, "without padding, so that equal sightings are equal bytes");

/* False: no room. */
bool ring_put_sighting(struct ring_producer *producer, const struct sighting *sighting, const struct finding *finding);

/* Reads what ring_next() gave. The finding is decoded only where it is wanted. */
void sighting_read(struct span record, struct sighting *sighting_out);
struct span sighting_finding_bytes(struct span record);
void sighting_finding_read(struct span record, struct record *record_out);
