/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Segment
 *
 * What lies in the shared memory of an event queue: a head that describes itself, the blocks in which worker, control
 * thread and reporter tell how they are, and the rings. Each block has one writer; readers use relaxed loads, texts are
 * guarded by a version that is odd while they change (block_write_begin() ...).
 */

#include "base/ledger.h"
#include "base/stage.h"
#include "event/record.h"

#define SEGMENT_MAGIC        UINT64_C(0x3151594153534100) /* "\0ASSAYQ1" */
#define SEGMENT_VERSION      6u  /* of the head and of the framing in the rings; a reader of another one gives up */
#define QUEUE_WORKERS_MAX    64u /* cores of the largest appliance we know of */
#define QUEUE_RINGS_MAX      (QUEUE_WORKERS_MAX + 1u)
#define CONTROL_TEXT_SIZE    4096u /* result of a reload: a screenful of mistakes */
#define SEGMENT_DIGEST_SIZE  80u   /* SHA-256 in hex, terminated, to a multiple of eight */
#define SEGMENT_VERSION_SIZE 32u
#define SEGMENT_FILE_SIZE    256u
#define SEGMENT_PORTS_MAX    8u /* as many as a driver file may name */
#define SEGMENT_QUEUES_MAX   64u
#define SEGMENT_NAME_SIZE    64u

struct segment_head {
    uint64_t magic; /* stored last, with release: what follows is valid */
    uint32_t version;
    uint32_t layout; /* RECORD_LAYOUT of the producer */
    uint64_t instance;
    uint64_t created_ns;
    uint64_t total_bytes;
    uint32_t worker_count;
    uint32_t ring_bytes;
    uint32_t workers_offset, worker_stride; /* struct worker_status */
    uint32_t control_offset, reporter_offset;
    uint32_t rings_offset, ring_stride; /* struct ring_shared */
    uint64_t data_offset;               /* ring_bytes for each ring */
} CACHE_ALIGNED;

/* {head, sequence} belong together; two, so that one is whole whenever the producer dies. */
struct ring_slot {
    uint64_t head;
    uint64_t sequence;
};

struct ring_shared {
    struct {
        uint64_t head; /* bytes published since the segment was made */
        struct ring_slot slots[2];
    } producer CACHE_ALIGNED;
    struct {
        uint64_t tail; /* bytes released */
    } consumer CACHE_ALIGNED;
    struct {
        uint64_t written[RECORD_KIND_COUNT]; /* committed records */
        uint64_t dropped[RECORD_KIND_COUNT];
        uint64_t dropped_findings[SEVERITY_COUNT];
    } counters CACHE_ALIGNED;
};

/* Chains of certificates that handshakes presented. */
struct certificate_status {
    uint64_t presented;
    uint64_t read;       /* not known before; of them ... */
    uint64_t unreadable; /* ... no certificate */
    uint64_t staples;    /* OCSP answers read */
    uint64_t refused;    /* left unread: more than the budget of a second */
    uint64_t no_room;    /* left unread: all that is kept is in use */
};

/* Written by its worker about once a second, relaxed. Counts are since the process started. */
struct worker_status {
    uint64_t heartbeat_ns;
    uint64_t epoch;
    uint64_t packets, transactions, findings;
    uint64_t given, taken; /* packets handed over to other workers, and by them */
    uint64_t split;        /* connections followed by more than one worker: must stay 0 */
    uint64_t cycles_busy, cycles_idle;
    uint64_t stage_cycles[STAGE_COUNT]; /* zero where they are not compiled in */
    struct certificate_status certificates;
    struct ledger ledger;
} CACHE_ALIGNED;

/* The epoch that judges new transactions. */
struct epoch_status {
    uint64_t number;
    uint64_t since_ns;
    char rules_digest[SEGMENT_DIGEST_SIZE];
    char registry_digest[SEGMENT_DIGEST_SIZE];
    char configuration_digest[SEGMENT_DIGEST_SIZE];
};

/* What one tap port says, and each of its queues, never mixed. Losses are known for a port, some NICs tell queues too.
 */
struct port_status {
    char name[SEGMENT_NAME_SIZE]; /* written once, at start */
    uint64_t queue_count;
    uint64_t received_packets, received_bytes;
    uint64_t missed_packets, error_packets, no_buffer_packets;
    uint64_t queue_packets[SEGMENT_QUEUES_MAX]; /* taken by its worker */
    uint64_t queue_errors[SEGMENT_QUEUES_MAX];  /* as the NIC tells them; 0 where it does not */
};

/* Where TLS secrets come from. Counts are since the process started; zero without key inputs. */
struct key_status {
    uint64_t lines, lines_refused; /* of key logs; neither secret nor comment */
    uint64_t secrets;              /* taken into the store ... */
    uint64_t live;                 /* ... of which entries are there now */
    uint64_t expired, finished, evicted;
    uint64_t files, files_refused;                 /* followed; without room to be */
    uint64_t clients_refused;                      /* of the socket */
    uint64_t premasters_opened, premasters_failed; /* with RSA private keys */
    uint64_t vault_requests, vault_failures, vault_log_ins, vault_renewals;
};

/* Written by the control thread of the worker process, `keys` by its key thread; reload_requested by anybody. */
struct control_status {
    uint64_t pid;
    uint64_t start_ns;
    uint64_t starts; /* processes that produced into this segment */
    char program_version[SEGMENT_VERSION_SIZE];
    uint64_t reload_requested;       /* tickets given out */
    uint64_t reload_pid, reload_uid; /* of the last who asked */
    uint64_t text_version;           /* odd: what follows is changing */
    uint64_t reload_completed;       /* the last ticket that was worked on */
    int64_t reload_status;           /* 0 accepted, -errno */
    struct epoch_status epoch;
    uint64_t sightings_held; /* of calls that may be held against others; gone when the process ends */
    uint64_t port_count;
    struct port_status ports[SEGMENT_PORTS_MAX];
    struct key_status keys;
    char reload_text[CONTROL_TEXT_SIZE];
} CACHE_ALIGNED;

enum reporter_state { REPORTER_NONE, REPORTER_RUNNING, REPORTER_STALLED, REPORTER_STOPPED, REPORTER_STATE_COUNT };

/* Written by the reporter. */
struct reporter_status {
    uint64_t pid;
    uint64_t start_ns;
    uint64_t heartbeat_ns;
    uint64_t state;       /* enum reporter_state */
    uint64_t stall_errno; /* why it is stalled */
    uint64_t records, bytes, batches, corrupt_bytes;
    uint64_t sync_ns;                  /* duration of the last batch's write and sync */
    uint64_t durable[QUEUE_RINGS_MAX]; /* last durable sequence of each ring */
    uint64_t text_version;
    char file[SEGMENT_FILE_SIZE];
} CACHE_ALIGNED;

static_assert(sizeof(struct segment_head) == 128, "a reader of another build finds these where they were");
static_assert(sizeof(struct ring_shared) == 6 * CACHE_LINE, "producer and consumer never share a cache line");
static_assert(offsetof(struct ring_shared, consumer) == CACHE_LINE, "the tail has its own cache line");
static_assert(sizeof(struct worker_status) % CACHE_LINE == 0, "workers never share a cache line");

/* The writer of a text: nobody waits, a reader that came in between reads again. */
void segment_write_begin(uint64_t *version);
void segment_write_end(uint64_t *version);

/* Stores a terminated text, cut to fit. */
void segment_text_store(char *text, size_t text_size, const char *value);

/* A worker's counts; `now` has the same shape. */
void worker_status_store(struct worker_status *status, const struct worker_status *now);

/* The control thread tells what its ports say; `now` has the same shape. Ports are told in order, the last one last. */
void control_port_store(struct control_status *control, uint32_t port, const struct port_status *now);

/* The key thread tells what it took in. */
void control_keys_store(struct control_status *control, const struct key_status *now);

/* The control thread tells which epoch judges from now on. */
void control_epoch_store(struct control_status *control, const struct epoch_status *epoch);

/* Asks for a reload; the ticket is what control_reload_result() wants. Any process with QUEUE_CONTROL. */
uint64_t control_reload_request(struct control_status *control, uint32_t pid, uint32_t uid);
/* The ticket to work on, or 0. The control thread's. */
uint64_t control_reload_pending(const struct control_status *control);
/* All tickets up to this one are answered. */
void control_reload_finish(struct control_status *control, uint64_t ticket, int status, const char *text);
/* True when answered. `text_out` has CONTROL_TEXT_SIZE bytes. */
bool control_reload_result(const struct control_status *control, uint64_t ticket, int *status_out, char *text_out);
