/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS on a channel: handshake facts, and the way to opening. The state is given back as soon as the connection is
 * judged, so that the thousands of open connections nobody can decrypt take no memory and no time.
 */

#include "pipeline/tls.h"

#include "tls/suite.h"

#define VERSION_TLS13         0x0304u
#define HANDSHAKE_TYPE_OFFSET 5u /* behind the header of the first record */

static void buffers_give(struct pipeline *worker, struct tls_session *session)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (session->handshake.readers[i].buffer)
            pool_give(&worker->tls_messages, session->handshake.readers[i].buffer);
        session->handshake.readers[i].buffer = NULL;
    }
}

static struct span name_of(const char *name)
{
    return name ? span_from_text(name) : (struct span){0};
}

static struct span known(struct span text)
{
    return text.size ? text : (struct span){0};
}

/* Anybody can send a certificate; only a handshake that was completed proves it. */
static const struct certificate *client_of(const struct tls_session *session)
{
    bool proven = session->handshake.facts.completed == TLS_YES;
    return proven ? certificate_pair_at(&session->certificates, 0) : NULL;
}

/* Who the client is, by the certificate of this handshake or of the one that its session began with. */
static struct span caller_of(const struct tls_session *session)
{
    struct span presented = certificate_identity(client_of(session));
    bool inherits = session->handshake.facts.completed == TLS_YES && session->inherited.caller_size;
    return presented.size || !inherits ? presented : span_of(session->inherited.caller, session->inherited.caller_size);
}

/* The facts as the outputs show them. Spans lie in the state, which outlives all calls of the connection. */
void tls_view_update(struct tls_session *session)
{
    const struct tls_facts *facts = &session->handshake.facts;
    const struct tls_suite *suite = facts->seen & TLS_SEEN_SERVER_HELLO ? tls_suite_find(facts->suite) : NULL;
    bool resumed = facts->resumption > TLS_RESUMED_NO;
    session->view = (struct connection_tls){
        .flags = (uint8_t)(CONNECTION_TLS | (resumed ? CONNECTION_RESUMED : 0u) |
                           (session->view.flags & CONNECTION_DECRYPTED)),
        .version = name_of(tls_version_name(facts->version)),
        .cipher = name_of(suite ? suite->name : NULL),
        .sni = known(tls_facts_sni(facts)),
        .alpn = known(tls_facts_alpn(facts)),
        .client_id = caller_of(session),
        .server_certificate = certificate_pair_at(&session->certificates, 1),
        .client_certificate = client_of(session),
        .without_client = facts->client_certificate == TLS_NO,
    };
}

/* What a later session may inherit, once it is proven. */
static void keep_for_resumption(struct pipeline *worker, const struct tls_session *session)
{
    const struct tls_facts *facts = &session->handshake.facts;
    if (facts->completed == TLS_YES)
        resumption_keep(worker->resumptions, &session->call.endpoints, &session->names, facts, caller_of(session),
                        session->call.end_ns);
}

/* As soon as the handshake goes on as a resumed one: a server that echoes a session id may still begin a full one. */
static void inherit(struct pipeline *worker, struct tls_session *session)
{
    struct tls_facts *facts = &session->handshake.facts;
    bool certain = facts->version >= VERSION_TLS13 || (facts->seen & TLS_SEEN_SERVER_CIPHER);
    if (session->inherits || facts->resumption <= TLS_RESUMED_NO || !certain)
        return;
    session->inherits = true;
    if (resumption_find(worker->resumptions, &session->call.endpoints, &session->names, facts, session->call.end_ns,
                        &session->inherited))
        resumption_inherit(&session->inherited, facts);
}

static void judge(struct pipeline *worker, struct tls_session *session, uint64_t time_ns)
{
    if (session->judged)
        return;
    session->judged = true;
    keep_for_resumption(worker, session);
    tls_view_update(session);
    session->call.tls = session->view;
    session->call.host = session->view.sni;
    session->call.end_ns = time_ns;
    judge_connection(worker, &session->call, &session->handshake.facts);
    judge_certificates(worker, &session->certificates, &session->call, &session->handshake.facts);
}

/* Nothing that comes can add to the facts. */
static bool handshake_over(const struct tls_session *session)
{
    const struct tls_facts *facts = &session->handshake.facts;
    uint32_t hellos = TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO;
    return facts->completed != TLS_UNKNOWN || ((facts->seen & TLS_SEEN_MIDSTREAM) && !(facts->seen & hellos));
}

/* What the facts do not keep of a message. */
void tls_session_message(struct pipeline *worker, struct tls_session *session, uint32_t direction,
                         const struct tls_message *message)
{
    tls_open_learn(worker, session, message);
    const struct tls_facts *facts = &session->handshake.facts;
    /* Tickets of TLS 1.3 come behind the handshake. */
    if (resumption_message(&worker->options.key, &session->names, facts, message))
        keep_for_resumption(worker, session);
    inherit(worker, session);
    if (message->type == TLS_CERTIFICATE && !message->truncated && (facts->seen & TLS_SEEN_SERVER_HELLO))
        certificate_message(worker, &session->certificates, &session->call, direction, facts->version >= VERSION_TLS13,
                            message->body);
    if (message->type == TLS_CERTIFICATE_STATUS && !message->truncated && direction == 1)
        certificate_status_message(worker, &session->certificates, session->call.end_ns, message->body);
}

/* A buffer only while a message is cut; without one the message is lost, and the facts know that. */
static void part_take(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                      const struct tls_record_part *part)
{
    uint32_t direction = feed->direction;
    struct tls_message_reader *reader = &session->handshake.readers[direction];
    struct tls_message message;
    if (part->content == TLS_HANDSHAKE && !reader->buffer)
        reader->buffer = pool_take(&worker->tls_messages);
    tls_handshake_part(&session->handshake, direction, part);
    /* Each message takes a byte of the part at least. */
    while (tls_handshake_next(&session->handshake, direction, &message))
        tls_session_message(worker, session, direction, &message);
    if (reader->buffer && reader->seen == 0 && (part->last || !part->sslv2)) {
        pool_give(&worker->tls_messages, reader->buffer);
        reader->buffer = NULL;
    }
    inherit(worker, session);
    session->read |= part->content != TLS_APPLICATION_DATA;
    tls_open_part(worker, session, feed, part);
}

/* Why the ledger counts bytes as closed. */
static enum ledger_reason closed_reason(enum tls_decrypt_cause cause)
{
    switch (cause) {
    case TLS_DECRYPT_CAUSE_ECH:
        return LEDGER_ENCRYPTED_HELLO;
    case TLS_DECRYPT_CAUSE_UNSUPPORTED:
        return LEDGER_ENCRYPTED_UNSUPPORTED;
    case TLS_DECRYPT_CAUSE_LOSS:
        return LEDGER_ENCRYPTED_LOSS;
    case TLS_DECRYPT_CAUSE_REFUSED:
        return LEDGER_ENCRYPTED_REFUSED;
    case TLS_DECRYPT_CAUSE_BUDGET:
        return LEDGER_BUFFER_BUDGET;
    default:
        return LEDGER_ENCRYPTED;
    }
}

/* Whether it stays closed because nobody gave its key in time: late or never is decided later. */
static bool lacks_key(const struct pipeline *worker, const struct tls_session *session)
{
    return worker->tls_engine && session->closed && session->cause == TLS_DECRYPT_CAUSE_NO_KEY &&
           !(session->view.flags & CONNECTION_DECRYPTED);
}

/* What becomes of packets of which nothing was read. What lies in other TLS has none: they are the outer connection's.
 */
static enum ledger_reason packets_reason(struct pipeline *worker, const struct tls_session *session)
{
    return session->missed && !session->nested ? tls_missed_reason(worker, session->missed, session->flow)
                                               : closed_reason((enum tls_decrypt_cause)session->cause);
}

static enum ledger_tls outcome_of(const struct tls_session *session)
{
    static const uint8_t outcomes[TLS_DECRYPT_CAUSE_COUNT] = {
        [TLS_DECRYPT_CAUSE_NONE] = LEDGER_TLS_NO_KEY,     [TLS_DECRYPT_CAUSE_NO_KEY] = LEDGER_TLS_NO_KEY,
        [TLS_DECRYPT_CAUSE_ECH] = LEDGER_TLS_HELLO,       [TLS_DECRYPT_CAUSE_UNSUPPORTED] = LEDGER_TLS_UNSUPPORTED,
        [TLS_DECRYPT_CAUSE_LOSS] = LEDGER_TLS_LOSS,       [TLS_DECRYPT_CAUSE_BUDGET] = LEDGER_TLS_BUDGET,
        [TLS_DECRYPT_CAUSE_REFUSED] = LEDGER_TLS_REFUSED,
    };
    bool opened = (session->view.flags & CONNECTION_DECRYPTED) != 0;
    return opened ? LEDGER_TLS_OPENED : (enum ledger_tls)outcomes[session->cause];
}

/* ------------------------------------------------------------------- protocol */

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade)
{
    (void)upgrade;
    struct tls_session *session = pool_take(&worker->tls_sessions);
    feed->channel->state = session;
    if (!session) {
        service_table_tls(worker->services, (struct span){0}, LEDGER_TLS_BUDGET);
        return false;
    }
    memset(session, 0, sizeof(*session));
    bool midstream = feed->channel->midstream;
    tls_handshake_init(&session->handshake, midstream);
    for (uint32_t i = 0; i < 2 && midstream; i++)
        tls_record_init_midstream(&session->records[i]);
    session->outer = feed->channel;
    session->flow = feed->flow;
    session->nested = worker->tls != NULL;
    tls_open_begin(worker, session);
    session->call = (struct call){.endpoints = flow_endpoints(feed->flow),
                                  .time_ns = feed->time_ns,
                                  .protocol = CALL_TLS,
                                  .flags = midstream ? CALL_MIDSTREAM : 0,
                                  .status = CALL_STATUS_NONE};
    return true;
}

/* All that comes is closed too; a key that is late changes why. */
static void close_outer(struct channel *channel, const struct tls_session *session)
{
    channel->missed = session->nested ? 0 : session->missed;
    channel_close(channel, closed_reason((enum tls_decrypt_cause)session->cause));
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct tls_session *session = feed->channel->state;
    uint32_t direction = feed->direction, consumed = 0;
    session->read = false;
    session->call.end_ns = feed->time_ns;
    if (!input.data && input.lost) {
        tls_handshake_lost(&session->handshake, direction);
        session->call.flags |= CALL_GAP;
        tls_open_lost(session, direction, input.lost);
    }
    /* The reader's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct tls_record_part part;
        struct parse_step step = tls_record_parse(&session->records[direction], &input, &part);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            break;
        part_take(worker, session, feed, &part);
        if (!input.data && input.lost == 0)
            break;
    }
    if (input.last)
        tls_open_last(worker, session, feed);
    bool waits = session->cut[direction] || session->wait.first;
    if (lacks_key(worker, session))
        tls_missed_add(worker, session);
    /* A record that is cut is decided by its last part, one that waits by its key. */
    feed->channel->fate = (uint8_t)(session->read ? LEDGER_AUDITED
                                    : waits       ? FLOW_UNDECIDED
                                                  : packets_reason(worker, session));
    /* Handshake messages may wait too. */
    if (!session->wait.first && handshake_over(session) &&
        (session->records[0].records || session->records[1].records)) {
        judge(worker, session, feed->time_ns);
        if (session->closed)
            close_outer(feed->channel, session);
    }
    return consumed;
}

static void finish(struct pipeline *worker, struct tls_session *session)
{
    judge(worker, session, session->call.end_ns);
    tls_open_end(worker, session);
    /* One that failed had nothing to be opened. */
    if (session->handshake.facts.completed != TLS_NO && !session->missed)
        service_table_tls(worker->services, session->view.sni, outcome_of(session));
    buffers_give(worker, session);
    certificate_pair_give(&session->certificates);
    pool_give(&worker->tls_sessions, session);
}

static void end(struct pipeline *worker, struct channel *channel)
{
    struct tls_session *session = channel->state;
    channel->state = NULL;
    if (session && !tls_wait_detach(session))
        finish(worker, session);
}

void tls_session_decided(struct pipeline *worker, struct tls_session *session)
{
    if (lacks_key(worker, session))
        tls_missed_add(worker, session);
    enum ledger_reason reason = session->read ? LEDGER_AUDITED : packets_reason(worker, session);
    struct channel *outer = session->outer;
    flow_settle_undecided(session->flow, &worker->ledger, reason);
    if (!outer) {
        finish(worker, session);
        return;
    }
    outer->fate = (uint8_t)reason;
    if (handshake_over(session))
        judge(worker, session, session->call.end_ns);
    if (session->closed && session->judged) {
        close_outer(outer, session);
        channel_abandon(worker, outer, (enum ledger_reason)outer->reason);
    }
}

static void move(struct channel *channel, struct flow *flow)
{
    struct tls_session *session = channel->state;
    session->flow = flow;
    channel_move(&session->inside.channel, flow);
}

const struct channel_protocol channel_tls = {begin, parse, end, move};

bool tls_sent_by_server(struct span bytes, bool guess)
{
    if (bytes.size > HANDSHAKE_TYPE_OFFSET && bytes.data[0] == TLS_HANDSHAKE)
        switch (bytes.data[HANDSHAKE_TYPE_OFFSET]) {
        case TLS_CLIENT_HELLO:
            return false;
        case TLS_SERVER_HELLO:
            return true;
        default:
            break;
        }
    return guess;
}
