/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the event queue share among themselves: names, locks, the layout of a segment. */

#include "event/queue.h"

#define QUEUE_FOLDER    "/dev/shm"
#define QUEUE_PATH_SIZE (sizeof(QUEUE_FOLDER) + 1 + QUEUE_NAME_MAX)

/* Bytes of the segment that are locked by who holds that side; the locks die with the process. */
enum queue_lock { QUEUE_LOCK_PRODUCER, QUEUE_LOCK_CONSUMER };

struct queue {
    uint8_t *base;
    struct segment_head head; /* our copy, checked once; the shared one may be changed by others */
    int fd;                   /* -1: private memory */
    bool taken_over;
    struct reporter_status *scratch; /* stands in for blocks of a segment laid out by another build */
    struct ring_producer *producers; /* NULL: not the producer's side */
};

/* Not one set aside: room for the suffix is kept. */
bool queue_name_is_valid(const char *name);
void queue_path(const char *name, char path_out[QUEUE_PATH_SIZE]);
MUST_USE int queue_set_aside(const char *name, char name_out[QUEUE_NAME_MAX]);

/* Where this build puts everything. */
void segment_lay_out(uint32_t worker_count, uint32_t ring_bytes, struct segment_head *head_out);
/* The rings can be read: all offsets lie within `file_bytes`. */
bool segment_is_readable(const struct segment_head *head, uint64_t file_bytes);
/* Laid out by a build like this one: the blocks can be used, too. */
bool segment_is_like_ours(const struct segment_head *head);

/* Reads the head. 0; -EAGAIN when it is not finished; -EPROTO; -errno. */
MUST_USE int segment_read_head(int fd, struct segment_head *head_out);
/* Process id that the control block names; 0 when it cannot be told. */
uint64_t segment_read_pid(int fd);

MUST_USE int queue_lock_take(int fd, enum queue_lock lock);
bool queue_lock_is_held(int fd, enum queue_lock lock);
/* Maps what fd and head describe. */
MUST_USE int queue_map(struct queue *queue, int fd, const struct segment_head *head, bool writable);
/* Makes the producing views. 0, -EPROTO, -ENOMEM. */
MUST_USE int queue_make_producers(struct queue *queue);
