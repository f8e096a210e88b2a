/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pipeline
 *
 * One worker's whole work: packets in, events out. Knows neither where packets come from nor where events go.
 *
 * Memory:  everything is taken in pipeline_new() from the budget of the settings; nothing later.
 * Threads: one owner; pipeline_ledger() and pipeline_counts() may be read by others (relaxed, exact once it stopped).
 * Limits:  settings.workers; what does not fit is counted in the ledger.
 */

#include "base/hash.h"
#include "base/ledger.h"
#include "base/span.h"
#include "base/stage.h"
#include "config/settings.h"
#include "event/ring.h"
#include "net/packet.h"
#include "pipeline/publication.h"
#include "pipeline/service.h"
#include "spread/spread.h"

struct pipeline;
struct tls_key_store;

struct pipeline_options {
    const struct settings *settings;
    struct publication *publication;
    struct ring_producer *ring;
    struct ring_producer *sightings; /* event/sighting.h; NULL: calls are not compared */
    struct tls_key_store *keys;      /* secrets that open TLS; NULL: none is opened */
    /*
     * Asks who has the private keys for the premaster secret of a static RSA key exchange, which comes to the store
     * then or later. False: no room to ask. NULL: nobody has any.
     */
    bool (*premaster_wanted)(void *context, struct span encrypted);
    void *premaster_context;
    struct hash_key key; /* the same for all workers of a run */
    /* By which calls are compared; the same for all workers. Replay: one that the captures make. */
    struct hash_key sighting_key;
    /* Decides which hosts have a row in the coverage by service; the same for all workers. Live: one nobody can know.
     */
    struct hash_key service_key;
    uint32_t worker;       /* index of this one */
    uint32_t worker_count; /* over 1 with `share`: take only the flows that fall to this worker */
    struct spread *spread; /* between the workers of a process; NULL: there is one, or they share */
    bool share;            /* every worker is handed every packet (replay); otherwise each is handed its own */
    bool transactions;     /* tell every transaction, not only findings */
    bool certificates;     /* tell the inventory of certificates that are presented */
    bool services_taken;   /* somebody calls pipeline_services_take() now and then; with `rollups` */
    bool rollups;          /* tell the counts of verdicts and the coverage by service every minute of packet time */
    /*
     * Called when the ring refuses an event, which is then offered once more; NULL: it is lost and counted, as it must
     * be where packets do not wait.
     */
    void (*make_room)(void *context);
    void *make_room_context;
};

struct certificate_cache_counts; /* certificate/cache.h */

struct pipeline_counts {
    uint64_t packets;
    uint64_t transactions;
    uint64_t findings;
    uint64_t given;       /* packets handed to other workers */
    uint64_t taken;       /* packets that other workers handed over */
    uint64_t split;       /* connections that another worker followed as well: must stay 0 */
    uint64_t events_lost; /* the ring was full; the ring counts them by kind */
};

/* Returns 0, or -ENOMEM with a diagnostic that says which setting to change. */
MUST_USE int pipeline_new(const struct pipeline_options *options, struct diagnostics *diagnostics,
                          struct pipeline **pipeline_out);
void pipeline_free(struct pipeline *pipeline);

/* Works through a burst of up to PACKET_BURST_MAX packets and publishes what came of it. */
void pipeline_burst(struct pipeline *pipeline, const struct packet *packets, uint32_t count);

/* Works through packets that other workers handed over. Returns how many. */
uint32_t pipeline_take(struct pipeline *pipeline);

/* No packets came: timers run on. `now_ns` is what a packet coming now would be stamped with. */
void pipeline_idle(struct pipeline *pipeline, uint64_t now_ns);

/* The end: everything that waits is decided, every flow ends, nothing stays pending. */
void pipeline_flush(struct pipeline *pipeline);

const struct ledger *pipeline_ledger(const struct pipeline *pipeline);

/* Coverage by service since it was last told: with `rollups` of the running minute, otherwise of everything. */
const struct service_table *pipeline_services(const struct pipeline *pipeline);

/*
 * Any one other thread, with `services_taken`: whether a minute has ended that it has not taken yet; adds the coverage
 * by service of that minute to `total`, a table with the same key. Until then the worker counts on in the running
 * minute.
 */
bool pipeline_services_wait(const struct pipeline *pipeline);
void pipeline_services_take(struct pipeline *pipeline, struct service_table *total);

/* Where the cycles went; all zero unless they are compiled in. Writable for the owner's own stages (receiving). */
struct stage_cycles *pipeline_stages(struct pipeline *pipeline);

/* Packet time: that of the latest burst. */
uint64_t pipeline_now(const struct pipeline *pipeline);

/* Number of the epoch that judges new transactions. */
uint32_t pipeline_epoch(const struct pipeline *pipeline);
const struct pipeline_counts *pipeline_counts(const struct pipeline *pipeline);
const struct certificate_cache_counts *pipeline_certificates(const struct pipeline *pipeline);
