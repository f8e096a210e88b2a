/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session: the flow table's sink. The first bytes decide the protocol (a port never does); from then on each chunk goes
 * to the parser of its direction. Bytes a parser leaves are carried to the next chunk, so a line cut by a segment end
 * is copied and nothing else is.
 */

#include "pipeline/session.h"

#include "classify/classify.h"

static struct session *session_make(struct pipeline *worker, struct flow *flow)
{
    struct session *session = pool_take(&worker->sessions);
    if (!session)
        return NULL;
    memset(session, 0, sizeof(*session));
    session->midstream = (flow->flags & FLOW_MIDSTREAM) != 0;
    flow->session = session;
    return session;
}

static void carry_drop(struct pipeline *worker, struct session *session, uint32_t direction)
{
    if (!session->carry[direction])
        return;
    pool_give(&worker->carries, session->carry[direction]);
    session->carry[direction] = NULL;
    session->carry_size[direction] = 0;
}

static void session_become_other(struct pipeline *worker, struct session *session, enum ledger_reason reason)
{
    session->state = SESSION_OTHER;
    session->reason = (uint8_t)reason;
    carry_drop(worker, session, 0);
    carry_drop(worker, session, 1);
}

/* Keeps what was not consumed. False when there is no memory for it. */
static bool carry_keep(struct pipeline *worker, struct session *session, uint32_t direction, const uint8_t *data,
                       uint32_t size)
{
    if (size == 0)
        return true;
    require(size <= SESSION_CARRY_SIZE);
    if (!session->carry[direction]) {
        session->carry[direction] = pool_take(&worker->carries);
        if (!session->carry[direction])
            return false;
    }
    memmove(session->carry[direction], data, size);
    session->carry_size[direction] = size;
    return true;
}

/*
 * Bytes carried from before and new ones become one input until the parser has passed the old ones; from there the new
 * ones are read where they lie. False when there is no memory for a rest.
 */
static bool http1_bytes(struct pipeline *worker, const struct http1_feed *feed, const uint8_t *data, uint32_t size,
                        bool last)
{
    struct session *session = feed->session;
    uint32_t direction = feed->direction;
    while (session->carry_size[direction]) {
        uint8_t *carry = session->carry[direction];
        uint32_t old = session->carry_size[direction];
        uint32_t take = min_u32(size, SESSION_CARRY_SIZE - old);
        if (take)
            memcpy(carry + old, data, take);
        struct parse_input input = {.data = carry, .size = old + take, .last = last && take == size};
        uint32_t consumed = session_http1_parse(worker, feed, input);
        if (session->stopped[direction] || session->state != SESSION_HTTP1)
            return true;
        if (consumed >= old) {
            data += consumed - old;
            size -= consumed - old;
            carry_drop(worker, session, direction);
            break;
        }
        memmove(carry, carry + consumed, old + take - consumed);
        session->carry_size[direction] = old + take - consumed;
        data += take;
        size -= take;
        /* Nothing consumed and no room left would break the parser's promise about HTTP1_LINE_MAX. */
        require(consumed || take);
        if (size == 0)
            return true;
    }
    if (size == 0 && !last)
        return true;
    struct parse_input input = {.data = data ? data : worker->decoded, .size = size, .last = last};
    uint32_t consumed = session_http1_parse(worker, feed, input);
    if (session->stopped[direction] || session->state != SESSION_HTTP1)
        return true;
    return carry_keep(worker, session, direction, input.data + consumed, size - consumed);
}

static enum ledger_reason http1_answer(struct pipeline *worker, struct session *session, uint32_t direction)
{
    if (session->state == SESSION_OTHER) {
        session_http1_end(worker, session);
        carry_drop(worker, session, 0);
        carry_drop(worker, session, 1);
        return (enum ledger_reason)session->reason;
    }
    if (!session->stopped[direction])
        return LEDGER_AUDITED;
    carry_drop(worker, session, direction);
    return session->tunnel ? LEDGER_UNPARSED : LEDGER_PARSER;
}

static enum ledger_reason http1_chunk(struct pipeline *worker, struct session *session, struct flow *flow,
                                      const struct flow_chunk *chunk)
{
    uint32_t direction = chunk->direction == FLOW_TO_CLIENT;
    struct http1_feed feed = {session, flow, direction, chunk->time_ns};
    if (session->stopped[direction])
        return session->tunnel ? LEDGER_UNPARSED : LEDGER_PARSER;
    if (chunk->lost) {
        carry_drop(worker, session, direction);
        session_http1_parse(worker, &feed, (struct parse_input){.lost = chunk->lost});
    }
    if ((chunk->size || chunk->last) && !session->stopped[direction] &&
        !http1_bytes(worker, &feed, chunk->data, chunk->size, chunk->last)) {
        session_become_other(worker, session, LEDGER_BUFFER_BUDGET);
        session_http1_end(worker, session);
        return LEDGER_BUFFER_BUDGET;
    }
    enum ledger_reason answer = http1_answer(worker, session, direction);
    if (session->state == SESSION_OTHER)
        return answer;
    /* The chunk that ends a stream, or in which another protocol takes over, was read up to there. */
    return chunk->last || session->tunnel ? LEDGER_AUDITED : answer;
}

/* ------------------------------------------------------------------- classify */

static enum ledger_reason reason_of(enum classify_protocol protocol)
{
    switch (protocol) {
    case CLASSIFY_TLS:
        return LEDGER_ENCRYPTED;
    case CLASSIFY_UNKNOWN:
        return LEDGER_UNCLASSIFIED;
    default:
        return LEDGER_UNPARSED;
    }
}

/* Both directions may have carried bytes; the one that decides is parsed first, the other one's rest follows. */
static enum ledger_reason start_http1(struct pipeline *worker, struct session *session, struct flow *flow,
                                      const struct flow_chunk *chunk, bool response)
{
    uint32_t direction = chunk->direction == FLOW_TO_CLIENT;
    struct flow_chunk first = *chunk;
    session_http1_begin(session, session->midstream);
    if (direction != response) {
        /* Seen from the middle the guess was wrong: who sends requests is the client. */
        uint8_t *carry = session->carry[0];
        uint32_t size = session->carry_size[0];
        session->carry[0] = session->carry[1];
        session->carry_size[0] = session->carry_size[1];
        session->carry[1] = carry;
        session->carry_size[1] = size;
        flow_swap_direction(flow);
        first.direction = response ? FLOW_TO_CLIENT : FLOW_TO_SERVER;
    }
    return http1_chunk(worker, session, flow, &first);
}

static enum ledger_reason undecided(struct pipeline *worker, struct session *session, const struct flow_chunk *chunk)
{
    bool again = session->midstream && ++session->attempts < SESSION_ATTEMPTS_MAX;
    carry_drop(worker, session, chunk->direction == FLOW_TO_CLIENT);
    if (again)
        return LEDGER_UNCLASSIFIED;
    session_become_other(worker, session, LEDGER_UNCLASSIFIED);
    return LEDGER_UNCLASSIFIED;
}

static enum ledger_reason classify_chunk(struct pipeline *worker, struct session *session, struct flow *flow,
                                         const struct flow_chunk *chunk)
{
    uint32_t direction = chunk->direction == FLOW_TO_CLIENT;
    if (chunk->lost) {
        carry_drop(worker, session, direction);
        session->midstream = true;
    }
    if (chunk->size == 0)
        return FLOW_UNDECIDED;
    enum classify_direction side = session->midstream ? CLASSIFY_FROM_UNKNOWN
                                   : direction        ? CLASSIFY_FROM_SERVER
                                                      : CLASSIFY_FROM_CLIENT;
    const uint8_t *data = chunk->data;
    uint32_t size = chunk->size, old = session->carry_size[direction];
    if (old) {
        uint32_t take = min_u32(size, SESSION_CARRY_SIZE - old);
        memcpy(session->carry[direction] + old, data, take);
        data = session->carry[direction];
        size = old + take;
    }
    enum classify_protocol protocol = classify_stream(side, data, size);
    if (protocol == CLASSIFY_HTTP1_REQUEST || protocol == CLASSIFY_HTTP1_RESPONSE)
        return start_http1(worker, session, flow, chunk, protocol == CLASSIFY_HTTP1_RESPONSE);
    if (protocol == CLASSIFY_MORE) {
        if (old) {
            session->carry_size[direction] = size;
            return FLOW_UNDECIDED;
        }
        return carry_keep(worker, session, direction, data, size) ? FLOW_UNDECIDED : undecided(worker, session, chunk);
    }
    if (protocol == CLASSIFY_UNKNOWN)
        return undecided(worker, session, chunk);
    session_become_other(worker, session, reason_of(protocol));
    return (enum ledger_reason)session->reason;
}

/* ----------------------------------------------------------------------- sink */

enum ledger_reason session_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct pipeline *worker = context;
    struct session *session = flow->session;
    if (!session)
        session = session_make(worker, flow);
    if (!session)
        return LEDGER_FLOW_BUDGET;
    switch (session->state) {
    case SESSION_CLASSIFYING:
        return classify_chunk(worker, session, flow, chunk);
    case SESSION_HTTP1:
        return http1_chunk(worker, session, flow, chunk);
    default:
        return (enum ledger_reason)session->reason;
    }
}

void session_end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)reason;
    struct pipeline *worker = context;
    struct session *session = flow->session;
    if (!session)
        return;
    for (uint32_t direction = 0; direction < 2 && session->state == SESSION_HTTP1; direction++) {
        struct http1_feed feed = {session, flow, direction, flow->last_ns};
        if (!session->stopped[direction])
            (void)http1_bytes(worker, &feed, NULL, 0, true);
    }
    session_http1_end(worker, session);
    carry_drop(worker, session, 0);
    carry_drop(worker, session, 1);
    pool_give(&worker->sessions, session);
    flow->session = NULL;
}
