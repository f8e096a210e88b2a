/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of assay-worker
 *
 *   main.c     options, start and stop
 *   poll.c     the loop of one worker core
 *   control.c  the control thread: reloads, coverage records, NIC statistics
 *   keys.c     the thread that takes TLS secrets in
 */

#include <pthread.h>

#include "capture/ports.h"
#include "coverage/coverage.h"
#include "event/queue.h"
#include "keys/inputs.h"
#include "pipeline/pipeline.h"
#include "pipeline/service.h"
#include "sighting/join.h"

struct poll {
    struct pipeline *pipeline;
    struct key_inputs *keys; /* NULL: no secrets are named */
    uint32_t index;
    struct worker_status *status;
    const struct capture_ports *ports;
    uint32_t *giving;       /* workers that may still hand packets over; all workers' */
    const uint64_t *stop;   /* the loop ends when it is not 0 */
    uint32_t idle_sleep_us; /* 0: never sleep */
    uint32_t queue_count;
    struct capture_queue *queues[DRIVER_PORTS_MAX * DRIVER_QUEUES_MAX];
    uint64_t nic_missing[LEDGER_MISSING_COUNT]; /* written by the control thread, relaxed */
    uint64_t cycles_busy, cycles_idle;
} CACHE_ALIGNED;

/* The loop; runs on a worker core until *stop, then decides everything that waits. */
int poll_run(void *poll);

struct control {
    const char *config_path;
    struct settings settings;
    struct driver_file driver;
    struct digest_key digest_key;
    struct publication publication;
    struct queue *queue;
    struct capture_ports *ports;
    struct spread *spread;
    struct key_inputs *keys; /* NULL: no secrets are named */
    pthread_t keys_thread;
    bool keys_running;
    uint32_t keys_stop;
    uint32_t giving; /* workers that may still hand packets over */
    struct poll *polls;
    struct coverage coverage;
    struct service_table *services; /* of the minute being judged */
    struct hash_key service_key;
    struct sighting_join *sightings;
    uint32_t worker_count;
    uint32_t epoch_number;
    uint64_t stop;
    uint64_t next_ledger_ns, next_second_ns, next_heartbeat_ns;
    bool quiet;
};

/* Builds the first epoch. Prints every mistake; false when there was one. */
bool control_first_epoch(struct control *control);
/* Where the workers' sightings meet. False: no memory, which was printed. */
bool control_make_join(struct control *control);

/* From here on a signal is kept until control_run() looks: HUP while a port starts must not end the process. */
void control_catch_signals(void);

/* Watches over the workers until a signal asks to stop. */
void control_run(struct control *control);

/* Compares what the workers have sighted since, and tells the findings. */
void control_join_sightings(struct control *control);

/* One coverage record over all workers, and one for each where there are several. */
void control_tell_ledger(struct control *control);
/* Judges the connections to each service, when every worker has ended a minute. */
void control_judge_services(struct control *control);
/* Where a worker died with the queue in its hands: its last ledger, as far as it is known. Before the workers start. */
void control_tell_predecessor(struct control *control);

/* The workers poll no more, or not yet. */
void control_clear_status(struct control *control);
void control_tell_lifecycle(struct control *control, enum lifecycle_event event);

/* Key inputs and their thread, where the settings name any. False: a mistake, which was printed. */
bool keys_start(struct control *control);
void keys_stop(struct control *control);
/* Worker: asks that thread for a premaster secret; `poll` is the worker's. False: no room to ask. */
bool keys_wish(void *poll, struct span encrypted);
