/* SPDX-License-Identifier: Apache-2.0 */

/* TLS that waits for its key. */

#include "pipeline/tls_wait.h"

#include <errno.h>

#include "pipeline/tls.h"

#define LOOKS_A_TURN   16u /* sessions that are asked for a key, or given up: some hundred nanoseconds each */
#define RECORDS_A_TURN 64u /* opened at once: a megabyte at most, half a millisecond */
#define MILLISECOND_NS UINT64_C(1000000)

/* A record, or a mark in its place. */
struct kept {
    uint64_t time_ns;
    uint32_t size;
    uint32_t lost; /* a hole ... */
    uint16_t version;
    uint8_t content;
    uint8_t direction;
    bool last; /* ... or the end of its direction */
};

/* The first one of a record says what it is, further ones hold bytes only. */
struct tls_block {
    struct tls_block *next; /* of the next record */
    struct tls_block *more; /* of this one */
    struct kept kept;
    uint8_t bytes[TLS_BLOCK_SIZE - 2 * sizeof(void *) - sizeof(struct kept)];
};

static_assert(sizeof(struct tls_block) == TLS_BLOCK_SIZE, "the memory of a block is what it is said to be");

#define BLOCK_BYTES ((uint32_t)sizeof(((struct tls_block *)NULL)->bytes))

int tls_wait_init(struct pipeline *worker, size_t bytes)
{
    worker->tls_record = arena_take(worker->arena, TLS_RECORD_BODY_MAX, CACHE_LINE);
    if (!worker->tls_record)
        return -ENOMEM;
    return pool_init(&worker->tls_blocks, worker->arena, TLS_BLOCK_SIZE, (uint32_t)(bytes / TLS_BLOCK_SIZE) + 1);
}

/* ----------------------------------------------------------------- the list of those that wait */

static void list_add(struct tls_wait_list *list, struct tls_session *session)
{
    session->wait.previous = list->last;
    session->wait.next = NULL;
    if (list->last)
        list->last->wait.next = session;
    else
        list->first = session;
    list->last = session;
    if (!list->next)
        list->next = session;
}

static void list_remove(struct tls_wait_list *list, struct tls_session *session)
{
    struct tls_session *previous = session->wait.previous, *next = session->wait.next;
    *(previous ? &previous->wait.next : &list->first) = next;
    *(next ? &next->wait.previous : &list->last) = previous;
    if (list->next == session)
        list->next = next;
}

/* ----------------------------------------------------------------- what one of them keeps */

static void blocks_give(struct pipeline *worker, struct tls_block *block)
{
    for (struct tls_block *more; block; block = more) {
        more = block->more;
        pool_give(&worker->tls_blocks, block);
    }
}

static void drop_first(struct pipeline *worker, struct tls_session *session)
{
    struct tls_block *first = session->wait.first;
    session->wait.first = first->next;
    session->wait.bytes -= first->kept.size + TLS_BLOCK_SIZE;
    blocks_give(worker, first);
    if (!session->wait.first)
        list_remove(&worker->tls_waits, session);
}

static struct tls_block *block_take(struct pipeline *worker)
{
    struct tls_block *block = pool_take(&worker->tls_blocks);
    if (block)
        block->more = NULL;
    return block;
}

/* Copies the bytes of a record into its first block and as many more as it takes. */
static bool fill(struct pipeline *worker, struct tls_block *first, struct span bytes)
{
    struct tls_block *block = first;
    while (bytes.size) {
        uint32_t part = min_u32(bytes.size, BLOCK_BYTES);
        memcpy(block->bytes, bytes.data, part);
        bytes = span_from(bytes, part);
        if (bytes.size == 0)
            break;
        block->more = block_take(worker);
        block = block->more;
        if (!block)
            return false;
    }
    return true;
}

static bool add(struct pipeline *worker, struct tls_session *session, const struct kept *kept, struct span bytes)
{
    if (session->wait.bytes + bytes.size + TLS_BLOCK_SIZE > TLS_WAIT_BYTES_MAX)
        return false;
    struct tls_block *first = block_take(worker);
    if (!first)
        return false;
    first->next = NULL;
    first->kept = *kept;
    if (!fill(worker, first, bytes)) {
        blocks_give(worker, first);
        return false;
    }
    if (session->wait.first)
        session->wait.last->next = first;
    else
        list_add(&worker->tls_waits, session);
    if (!session->wait.first)
        session->wait.first = first;
    session->wait.last = first;
    session->wait.bytes += bytes.size + TLS_BLOCK_SIZE;
    return true;
}

bool tls_wait_record(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                     const struct tls_decrypt_input *input)
{
    struct kept kept = {.time_ns = feed->time_ns,
                        .size = input->fragment.size,
                        .version = input->version,
                        .content = input->type,
                        .direction = (uint8_t)feed->direction};
    return add(worker, session, &kept, input->fragment);
}

bool tls_wait_mark(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed, uint32_t lost,
                   bool last)
{
    struct kept kept = {.time_ns = feed->time_ns, .lost = lost, .direction = (uint8_t)feed->direction, .last = last};
    return add(worker, session, &kept, (struct span){0});
}

/* The bytes of a record in one piece. */
static struct span gather(struct pipeline *worker, const struct tls_block *block)
{
    uint32_t size = block->kept.size;
    if (size <= BLOCK_BYTES)
        return span_of(block->bytes, size);
    for (uint32_t done = 0; done < size && block; done += BLOCK_BYTES, block = block->more)
        memcpy(worker->tls_record + done, block->bytes, min_u32(size - done, BLOCK_BYTES));
    return span_of(worker->tls_record, size);
}

/* ----------------------------------------------------------------- reading it */

/* False: it has to wait on. */
static bool read_first(struct pipeline *worker, struct tls_session *session, enum tls_decrypt_cause cause)
{
    const struct kept *kept = &session->wait.first->kept;
    struct channel_feed feed = {.flow = session->flow, .direction = kept->direction, .time_ns = kept->time_ns};
    if (kept->last || kept->lost) {
        tls_open_mark(worker, session, &feed, kept->lost, kept->last);
        return true;
    }
    struct tls_decrypt_input input = {.type = kept->content,
                                      .version = kept->version,
                                      .fragment = gather(worker, session->wait.first),
                                      .time_ns = kept->time_ns};
    return tls_open_record(worker, session, &feed, &input, cause);
}

void tls_wait_open(struct pipeline *worker, struct tls_session *session, enum tls_decrypt_cause cause)
{
    uint32_t opened = 0;
    session->wait.unfinished = false;
    while (session->wait.first && !session->closed) {
        session->wait.unfinished = opened == RECORDS_A_TURN && cause == TLS_DECRYPT_CAUSE_NONE;
        if (session->wait.unfinished || !read_first(worker, session, cause))
            break;
        drop_first(worker, session);
        opened++;
    }
    if (session->wait.first && !session->closed && opened) {
        /* What waits now came later: behind those that have waited for longer. */
        list_remove(&worker->tls_waits, session);
        list_add(&worker->tls_waits, session);
    }
    if (!session->closed)
        return;
    /* At most TLS_WAIT_BYTES_MAX of them, a block each. */
    while (session->wait.first)
        drop_first(worker, session);
}

static bool time_is_over(const struct pipeline *worker, const struct tls_session *session, uint64_t now_ns)
{
    uint64_t since_ns = session->wait.first->kept.time_ns;
    return now_ns > since_ns && now_ns - since_ns > worker->options.settings->keys.wait_ms * MILLISECOND_NS;
}

void tls_wait_look(struct pipeline *worker, struct tls_session *session, uint64_t now_ns)
{
    if (!session->wait.first)
        return;
    if (time_is_over(worker, session, now_ns))
        tls_wait_open(worker, session, TLS_DECRYPT_CAUSE_NO_KEY);
    else if (session->wait.unfinished || tls_decrypt_key_may_have_come(worker->tls_engine, session->decrypter))
        tls_wait_open(worker, session, TLS_DECRYPT_CAUSE_NONE);
}

/* ----------------------------------------------------------------- without packets */

bool tls_wait_detach(struct tls_session *session)
{
    if (!session->wait.first)
        return false;
    flow_copy(session->flow, &session->own_flow, session->own_tunnels);
    session->flow->undecided_packets = 0;
    session->flow->undecided_bytes = 0;
    session->flow = &session->own_flow;
    channel_move(&session->inside.channel, session->flow);
    session->outer = NULL;
    return true;
}

/* One that was looked at outside of its packets: when nothing waits any more its packets are decided. */
static void look_alone(struct pipeline *worker, struct tls_session *session, enum tls_decrypt_cause cause)
{
    session->read = false;
    if (cause == TLS_DECRYPT_CAUSE_NONE)
        tls_wait_look(worker, session, worker->now_ns);
    else
        tls_wait_open(worker, session, cause);
    if (!session->wait.first)
        tls_session_decided(worker, session);
}

void tls_wait_turn(struct pipeline *worker)
{
    struct tls_wait_list *list = &worker->tls_waits;
    if (!list->first)
        return;
    uint32_t looks = 0;
    while (looks < LOOKS_A_TURN && list->first && time_is_over(worker, list->first, worker->now_ns)) {
        look_alone(worker, list->first, TLS_DECRYPT_CAUSE_NO_KEY);
        looks++;
    }
    uint64_t version = tls_key_store_version(worker->options.keys);
    if (!list->next && version != list->version) {
        list->next = list->first;
        list->version = version;
    }
    for (; looks < LOOKS_A_TURN && list->next; looks++) {
        struct tls_session *session = list->next;
        look_alone(worker, session, TLS_DECRYPT_CAUSE_NONE);
        /* Where it is gone from the list the next one has taken its place. */
        if (list->next == session && session->wait.unfinished)
            return;
        if (list->next == session)
            list->next = session->wait.next;
    }
}

void tls_wait_flush(struct pipeline *worker)
{
    while (worker->tls_waits.first)
        look_alone(worker, worker->tls_waits.first, TLS_DECRYPT_CAUSE_NO_KEY);
}
