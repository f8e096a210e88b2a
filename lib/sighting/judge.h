/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What sightings say together
 *
 * Takes them one by one in the order of time and says which of them makes a breach.
 *
 * Memory:  the caller's arena, taken in sighting_judge_init().
 * Threads: one owner.
 * Limits:  the tables below; what they forget is counted.
 */

#include "event/evidence.h"
#include "event/sighting.h"
#include "sighting/table.h"

#define SIGHTING_TOKENS_MAX      (1u << 16) /* tokens in use in an hour, on a large appliance */
#define SIGHTING_ATTEMPTS_MAX    (1u << 16) /* clients that were refused, each by operation */
#define SIGHTING_OBJECTS_MAX     (1u << 14) /* the same, where objects were refused */
#define SIGHTING_REQUEST_IDS_MAX (1u << 20) /* every call has one: 20 s at 50,000 calls a second, 200 s at 5,000 */
#define SIGHTING_RECEIVERS_MAX   (1u << 14) /* addresses of services */

struct sighting_judge {
    struct sighting_table tokens, attempts, objects, request_ids;
    struct sighting_table receivers; /* addresses that were sent request ids */
};

size_t sighting_judge_size(void);
MUST_USE bool sighting_judge_init(struct sighting_judge *judge, struct arena *arena);

/* Before any of a batch is judged: a service may be called by name before the call that made it call is over. */
void sighting_note_receiver(struct sighting_judge *judge, const struct sighting *sighting);

/* True: a breach; what makes it one was added to the evidence. */
bool sighting_judge(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence);

uint64_t sighting_judge_held(const struct sighting_judge *judge);
uint64_t sighting_judge_forgotten(const struct sighting_judge *judge);
