/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event queue: making, taking over, attaching.
 *
 * The producer's lock is taken before anything is looked at, and the name is looked up again behind it: whoever holds
 * the lock of the file that the name leads to is the only one who may initialise it, take it over or set it aside.
 */

#include "event/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event/queue_internal.h"

#define CREATE_TRIES_MAX 8 /* each failed one means that a segment was moved away under us */

static int say(struct diagnostics *diagnostics, int status, const char *name, const char *text)
{
    if (diagnostics)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = name}, "%s (%s)", text,
                        strerror(-status));
    return status;
}

static uint64_t realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool options_are_valid(const struct queue_options *options)
{
    return options->worker_count >= 1 && options->worker_count <= QUEUE_WORKERS_MAX &&
           options->ring_bytes >= QUEUE_RING_BYTES_MIN && options->ring_bytes <= QUEUE_RING_BYTES_MAX &&
           (options->ring_bytes & (options->ring_bytes - 1)) == 0;
}

bool queue_is_current(const struct queue *queue, const char *name)
{
    char path[QUEUE_PATH_SIZE];
    struct stat ours, named;
    queue_path(name, path);
    return queue->fd >= 0 && !fstat(queue->fd, &ours) && !stat(path, &named) && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

/* Who produces now, and since when. A request that the predecessor left open is answered. */
static void start_producing(struct queue *queue, const struct queue_options *options)
{
    struct control_status *control = queue_control_status(queue);
    __atomic_store_n(&control->pid, (uint64_t)getpid(), __ATOMIC_RELAXED);
    __atomic_store_n(&control->start_ns, realtime_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&control->starts, control->starts + 1, __ATOMIC_RELAXED);
    segment_text_store(control->program_version, sizeof(control->program_version),
                       options->version ? options->version : "");
    uint64_t ticket = control_reload_pending(control);
    if (ticket)
        control_reload_finish(control, ticket, -ECANCELED,
                              "the worker was started again before it answered, and has read its files anew");
}

/* A fresh segment: everything but the magic, which makes it visible. */
static int initialise(struct queue *queue, int fd, const struct queue_options *options)
{
    struct segment_head head;
    segment_lay_out(options->worker_count, options->ring_bytes, &head);
    /* Real memory now: a full /dev/shm is a refusal at start, not a SIGBUS later. */
    int status = fd < 0 ? 0 : -posix_fallocate(fd, 0, (off_t)head.total_bytes);
    if (status)
        return status;
    head.created_ns = realtime_ns();
    if (getrandom(&head.instance, sizeof(head.instance), 0) != (ssize_t)sizeof(head.instance))
        return -errno;
    status = queue_map(queue, fd, &head, true);
    if (status)
        return status;
    struct segment_head *shared = (struct segment_head *)(void *)queue->base;
    *shared = head;
    status = queue_make_producers(queue);
    if (status)
        return status;
    start_producing(queue, options);
    __atomic_store_n(&shared->magic, SEGMENT_MAGIC, __ATOMIC_RELEASE);
    queue->head.magic = SEGMENT_MAGIC;
    return 0;
}

/* -EPROTO: not one that we can go on with. */
static int take_over(struct queue *queue, int fd, const struct segment_head *head, const struct queue_options *options)
{
    if (!segment_is_like_ours(head) || head->worker_count != options->worker_count ||
        head->ring_bytes != options->ring_bytes)
        return -EPROTO;
    int status = queue_map(queue, fd, head, true);
    if (status)
        return status;
    status = queue_make_producers(queue);
    if (status)
        return status;
    queue->taken_over = true;
    start_producing(queue, options);
    return 0;
}

/* Leaves `fd` to the caller when it fails. */
static void unmap(struct queue *queue)
{
    if (queue->base)
        munmap(queue->base, queue->head.total_bytes);
    free(queue->producers);
    *queue = (struct queue){.fd = -1};
}

/* With the lock held and the name checked. 1: the name is free now, try again. */
static int produce_into(struct queue *queue, int fd, const struct queue_options *options)
{
    char aside[QUEUE_NAME_MAX];
    struct segment_head head;
    struct stat info;
    if (fstat(fd, &info))
        return -errno;
    if (info.st_size == 0)
        return initialise(queue, fd, options);
    int status = segment_read_head(fd, &head);
    if (status == 0)
        status = take_over(queue, fd, &head, options);
    if (status == -EAGAIN) {
        /* Its maker died before it was finished, so nothing can be in it. */
        status = queue_unlink(options->name);
        return status ? status : 1;
    }
    if (status != -EPROTO)
        return status;
    unmap(queue);
    status = queue_set_aside(options->name, aside);
    return status ? status : 1;
}

static int try_create(struct queue *queue, const struct queue_options *options, struct diagnostics *diagnostics)
{
    char path[QUEUE_PATH_SIZE];
    queue_path(options->name, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return say(diagnostics, -errno, path, "cannot open the event queue; check who owns it");
    queue->fd = fd;
    int status = queue_lock_take(fd, QUEUE_LOCK_PRODUCER);
    if (status == -EBUSY) {
        if (diagnostics)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = path},
                            "the event queue is in use by process %llu; stop it or choose another queue name",
                            (unsigned long long)segment_read_pid(fd));
    } else if (status) {
        say(diagnostics, status, path, "cannot lock the event queue");
    } else if (!queue_is_current(queue, options->name)) {
        status = 1;
    } else {
        status = produce_into(queue, fd, options);
        if (status < 0)
            say(diagnostics, status, path, "cannot make the event queue; is there room in " QUEUE_FOLDER "?");
    }
    if (status) {
        unmap(queue);
        close(fd);
    }
    return status;
}

int queue_create(const struct queue_options *options, struct diagnostics *diagnostics, struct queue **queue_out)
{
    *queue_out = NULL;
    if (!queue_name_is_valid(options->name) || !options_are_valid(options))
        return say(diagnostics, -EINVAL, options->name, "name, workers or ring size of the event queue are impossible");
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    int status = 1;
    for (int i = 0; i < CREATE_TRIES_MAX && status > 0; i++)
        status = try_create(queue, options, diagnostics);
    if (status > 0)
        status = say(diagnostics, -EBUSY, options->name, "others keep moving the event queue; try again");
    if (status) {
        free(queue);
        return status;
    }
    *queue_out = queue;
    return 0;
}

int queue_create_private(const struct queue_options *options, struct queue **queue_out)
{
    *queue_out = NULL;
    if (!options_are_valid(options))
        return -EINVAL;
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    queue->fd = -1;
    int status = initialise(queue, -1, options);
    if (status) {
        unmap(queue);
        free(queue);
        return status;
    }
    *queue_out = queue;
    return 0;
}

/* A consumer of a segment from another build drains its rings and leaves its blocks alone. */
static int attach_fd(struct queue *queue, int fd, enum queue_access access)
{
    struct segment_head head;
    int status = access == QUEUE_CONSUME ? queue_lock_take(fd, QUEUE_LOCK_CONSUMER) : 0;
    if (!status)
        status = segment_read_head(fd, &head);
    if (status)
        return status;
    if (!segment_is_like_ours(&head)) {
        if (access != QUEUE_CONSUME)
            return -EPROTO;
        queue->scratch = aligned_alloc(CACHE_LINE, sizeof(*queue->scratch));
        if (!queue->scratch)
            return -ENOMEM;
        memset(queue->scratch, 0, sizeof(*queue->scratch));
    }
    return queue_map(queue, fd, &head, access != QUEUE_OBSERVE);
}

int queue_attach(const char *name, enum queue_access access, struct diagnostics *diagnostics, struct queue **queue_out)
{
    *queue_out = NULL;
    char path[QUEUE_PATH_SIZE];
    if (!name || !*name || strchr(name, '/') || strlen(name) >= QUEUE_NAME_MAX)
        return say(diagnostics, -EINVAL, name, "this cannot be the name of an event queue");
    queue_path(name, path);
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    int fd = open(path, (access == QUEUE_OBSERVE ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
    int status = fd < 0 ? -errno : attach_fd(queue, fd, access);
    if (!status) {
        *queue_out = queue;
        return 0;
    }
    const char *text = status == -ENOENT   ? "there is no such event queue; is the worker running?"
                       : status == -EBUSY  ? "another reporter drains this event queue; stop it first"
                       : status == -EAGAIN ? "the event queue is being made; try again"
                       : status == -EPROTO ? "this is no event queue, or of a layout that this version cannot read"
                                           : "cannot open the event queue; check who owns it";
    say(diagnostics, status, path, text);
    if (fd >= 0)
        close(fd);
    free(queue->scratch);
    free(queue);
    return status;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    int fd = queue->fd;
    free(queue->scratch);
    unmap(queue);
    if (fd >= 0)
        close(fd);
    free(queue);
}

uint64_t queue_instance(const struct queue *queue)
{
    return queue->head.instance;
}

uint64_t queue_created_ns(const struct queue *queue)
{
    return queue->head.created_ns;
}

uint32_t queue_ring_count(const struct queue *queue)
{
    return queue->head.worker_count + 1;
}

uint32_t queue_worker_count(const struct queue *queue)
{
    return queue->head.worker_count;
}

uint32_t queue_ring_bytes(const struct queue *queue)
{
    return queue->head.ring_bytes;
}

bool queue_was_taken_over(const struct queue *queue)
{
    return queue->taken_over;
}

bool queue_has_producer(const struct queue *queue)
{
    return queue->producers || (queue->fd >= 0 && queue_lock_is_held(queue->fd, QUEUE_LOCK_PRODUCER));
}

struct ring_producer *queue_producer(struct queue *queue, uint32_t ring)
{
    require(queue->producers && ring < queue_ring_count(queue));
    return &queue->producers[ring];
}

static struct ring_shared *shared_ring(const struct queue *queue, uint32_t ring)
{
    require(ring < queue_ring_count(queue));
    return (struct ring_shared *)(void *)(queue->base + queue->head.rings_offset +
                                          (size_t)ring * queue->head.ring_stride);
}

void queue_consumer(struct queue *queue, uint32_t ring, struct ring_consumer *consumer_out)
{
    const uint8_t *data = queue->base + queue->head.data_offset + (uint64_t)ring * queue->head.ring_bytes;
    ring_consumer_init(consumer_out, shared_ring(queue, ring), data, queue->head.ring_bytes);
}

struct worker_status *queue_worker_status(struct queue *queue, uint32_t worker)
{
    require(worker < queue->head.worker_count && !queue->scratch);
    return (struct worker_status *)(void *)(queue->base + queue->head.workers_offset +
                                            (size_t)worker * queue->head.worker_stride);
}

struct control_status *queue_control_status(struct queue *queue)
{
    require(!queue->scratch);
    return (struct control_status *)(void *)(queue->base + queue->head.control_offset);
}

struct reporter_status *queue_reporter_status(struct queue *queue)
{
    return queue->scratch ? queue->scratch
                          : (struct reporter_status *)(void *)(queue->base + queue->head.reporter_offset);
}

const struct ring_shared *queue_ring_shared(const struct queue *queue, uint32_t ring)
{
    return shared_ring(queue, ring);
}
