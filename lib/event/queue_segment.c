/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event queue: the segment's layout, its locks and its mapping.
 *
 * Locks belong to the open file, not to the process or thread ("open file description" locks): they go away exactly
 * when the last descriptor does, however the process dies.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/queue_internal.h"

#define PAGE_BYTES 4096u

void segment_lay_out(uint32_t worker_count, uint32_t ring_bytes, struct segment_head *head_out)
{
    uint32_t ring_count = worker_count + 1;
    struct segment_head head = {.version = SEGMENT_VERSION,
                                .layout = RECORD_LAYOUT,
                                .worker_count = worker_count,
                                .ring_bytes = ring_bytes,
                                .workers_offset = sizeof(struct segment_head),
                                .worker_stride = sizeof(struct worker_status),
                                .ring_stride = sizeof(struct ring_shared)};
    head.control_offset = head.workers_offset + worker_count * head.worker_stride;
    head.reporter_offset = head.control_offset + (uint32_t)sizeof(struct control_status);
    head.rings_offset = head.reporter_offset + (uint32_t)sizeof(struct reporter_status);
    uint64_t rings_end = head.rings_offset + (uint64_t)ring_count * head.ring_stride;
    head.data_offset = (rings_end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    head.total_bytes = head.data_offset + (uint64_t)ring_count * ring_bytes;
    *head_out = head;
}

bool segment_is_readable(const struct segment_head *head, uint64_t file_bytes)
{
    uint64_t ring_count = (uint64_t)head->worker_count + 1;
    bool sizes = head->worker_count >= 1 && head->worker_count <= QUEUE_WORKERS_MAX &&
                 head->ring_bytes >= QUEUE_RING_BYTES_MIN && head->ring_bytes <= QUEUE_RING_BYTES_MAX &&
                 (head->ring_bytes & (head->ring_bytes - 1)) == 0;
    bool rings = head->ring_stride == sizeof(struct ring_shared) && head->rings_offset % CACHE_LINE == 0 &&
                 head->rings_offset >= sizeof(*head) &&
                 head->rings_offset + ring_count * head->ring_stride <= head->data_offset;
    bool data = head->data_offset % PAGE_BYTES == 0 && head->total_bytes <= file_bytes &&
                head->data_offset <= head->total_bytes &&
                ring_count * head->ring_bytes <= head->total_bytes - head->data_offset;
    return head->magic == SEGMENT_MAGIC && head->version == SEGMENT_VERSION && sizes && rings && data;
}

bool segment_is_like_ours(const struct segment_head *head)
{
    struct segment_head ours;
    segment_lay_out(head->worker_count, head->ring_bytes, &ours);
    return head->layout == ours.layout && head->total_bytes == ours.total_bytes &&
           head->workers_offset == ours.workers_offset && head->worker_stride == ours.worker_stride &&
           head->control_offset == ours.control_offset && head->reporter_offset == ours.reporter_offset &&
           head->rings_offset == ours.rings_offset && head->data_offset == ours.data_offset;
}

int segment_read_head(int fd, struct segment_head *head_out)
{
    struct stat info;
    if (fstat(fd, &info))
        return -errno;
    uint64_t magic = 0;
    ssize_t size = pread(fd, &magic, sizeof(magic), 0);
    if (size < 0)
        return -errno;
    if (size < (ssize_t)sizeof(magic) || magic == 0)
        return -EAGAIN;
    /* The magic was stored last, so what is read after it is whole. */
    size = pread(fd, head_out, sizeof(*head_out), 0);
    if (size < 0)
        return -errno;
    if (size < (ssize_t)sizeof(*head_out) || !segment_is_readable(head_out, (uint64_t)info.st_size))
        return -EPROTO;
    return 0;
}

uint64_t segment_read_pid(int fd)
{
    struct segment_head head;
    uint64_t pid = 0;
    if (segment_read_head(fd, &head) || !segment_is_like_ours(&head))
        return 0;
    off_t offset = (off_t)(head.control_offset + offsetof(struct control_status, pid));
    return pread(fd, &pid, sizeof(pid), offset) == (ssize_t)sizeof(pid) ? pid : 0;
}

static struct flock lock_of(enum queue_lock lock, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)lock, .l_len = 1};
}

int queue_lock_take(int fd, enum queue_lock lock)
{
    struct flock range = lock_of(lock, F_WRLCK);
    if (!fcntl(fd, F_OFD_SETLK, &range))
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

bool queue_lock_is_held(int fd, enum queue_lock lock)
{
    struct flock range = lock_of(lock, F_RDLCK); /* a read lock may be asked about through any descriptor */
    return !fcntl(fd, F_OFD_GETLK, &range) && range.l_type != F_UNLCK;
}

int queue_map(struct queue *queue, int fd, const struct segment_head *head, bool writable)
{
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    /* Pages of the producer must be there before the first packet; a private queue may stay sparse. */
    void *base = mmap(NULL, head->total_bytes, protection, flags | (fd < 0 ? 0 : MAP_POPULATE), fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    queue->base = base;
    queue->head = *head;
    queue->fd = fd;
    return 0;
}

int queue_make_producers(struct queue *queue)
{
    uint32_t count = queue_ring_count(queue);
    queue->producers = aligned_alloc(CACHE_LINE, count * sizeof(struct ring_producer));
    if (!queue->producers)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct ring_shared *shared =
            (struct ring_shared *)(void *)(queue->base + queue->head.rings_offset + i * queue->head.ring_stride);
        uint8_t *data = queue->base + queue->head.data_offset + (uint64_t)i * queue->head.ring_bytes;
        int status = ring_producer_init(&queue->producers[i], shared, data, queue->head.ring_bytes, (uint16_t)i);
        if (status)
            return status;
    }
    return 0;
}
