/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opening TLS: whole records go to the decrypter in the order of their direction; what they hold is a connection of its
 * own, classified and read like any other. A record that lies whole in one segment is opened where it lies, a cut one
 * is put together first.
 */

#include "pipeline/tls.h"

#include "tls/cursor.h"
#include "tls/hello.h"
#include "tls/suite.h"

#define VERSION_TLS13 0x0304u

void tls_open_begin(struct pipeline *worker, struct tls_session *session)
{
    session->inside.inner = true;
    session->cause = TLS_DECRYPT_CAUSE_NO_KEY;
    if (!worker->tls_engine) {
        session->closed = true;
        return;
    }
    session->decrypter = tls_decrypt_begin(worker->tls_engine);
    session->closed = session->decrypter == NULL;
    if (session->closed)
        session->cause = TLS_DECRYPT_CAUSE_BUDGET;
}

/* The encrypted premaster secret has its length before it, but in SSL 3.0 (RFC 5246 7.4.7.1). */
static void key_exchange_learn(struct pipeline *worker, struct tls_session *session, const struct tls_message *message)
{
    const struct tls_suite *suite = tls_suite_find(session->handshake.facts.suite);
    struct span premaster = message->body;
    uint8_t hash[TLS_SESSION_HASH_MAX];
    if (!suite || suite->key_exchange != TLS_KX_RSA || message->truncated)
        return;
    if (session->handshake.facts.version > 0x0300 && premaster.size > 2)
        premaster = span_from(premaster, 2);
    tls_decrypt_key_exchange(worker->tls_engine, session->decrypter, premaster,
                             span_of(hash, tls_transcript_hash(&session->transcript, hash)));
}

/*
 * A renegotiation: its hellos are encrypted, and what they say holds from the next ChangeCipherSpec on. The facts of
 * the connection stay those of its first handshake. What the client offers is kept in the place of what both agree on.
 */
static void renegotiation_learn(struct tls_session *session, const struct tls_message *message)
{
    struct tls_hello hello;
    struct tls_decrypt_facts *known = &session->renegotiated;
    bool from_server = message->type == TLS_SERVER_HELLO;
    bool sound =
        from_server ? tls_hello_parse_server(message->body, &hello) : tls_hello_parse_client(message->body, &hello);
    if (!sound || session->handshake.facts.version >= VERSION_TLS13)
        return;
    if (!from_server)
        *known = (struct tls_decrypt_facts){.client_random_known = true,
                                            .extended_master_secret = true,
                                            .encrypt_then_mac = true,
                                            .truncated_hmac = true};
    known->extended_master_secret &= tls_hello_has(&hello, TLS_EXTENSION_MASTER_SECRET);
    known->encrypt_then_mac &= tls_hello_has(&hello, TLS_EXTENSION_ENCRYPT_THEN_MAC);
    known->truncated_hmac &= tls_hello_has(&hello, TLS_EXTENSION_TRUNCATED_HMAC);
    memcpy(from_server ? known->server_random : known->client_random, hello.random, TLS_RANDOM_SIZE);
    if (from_server) {
        known->server_random_known = true;
        known->version = hello.version;
        known->suite = hello.suite;
        known->compression = hello.compression;
        known->session_id_size = (uint8_t)min_u32(hello.session_id.size, TLS_SESSION_ID_MAX);
        if (known->session_id_size)
            memcpy(known->session_id, hello.session_id.data, known->session_id_size);
    }
    tls_decrypt_learn(session->decrypter, known);
}

/* A ticket of TLS 1.2 and before, as long as it is read in clear. */
static void ticket_learn(struct pipeline *worker, struct tls_session *session, const struct tls_message *message)
{
    struct tls_hello hello;
    struct tls_cursor cursor = tls_cursor_of(message->body);
    bool offered = message->type == TLS_CLIENT_HELLO && !message->sslv2;
    if (message->truncated)
        return;
    if (offered && tls_hello_parse_client(message->body, &hello))
        tls_decrypt_ticket(worker->tls_engine, session->decrypter, TLS_FROM_CLIENT,
                           hello.extensions[TLS_EXTENSION_TICKET]);
    if (message->type != TLS_NEW_SESSION_TICKET)
        return;
    tls_cursor_number(&cursor, 4); /* lifetime (RFC 5077 3.3) */
    struct span ticket = tls_cursor_vector(&cursor, 2);
    if (!cursor.bad)
        tls_decrypt_ticket(worker->tls_engine, session->decrypter, TLS_FROM_SERVER, ticket);
}

void tls_open_learn(struct pipeline *worker, struct tls_session *session, const struct tls_message *message)
{
    const struct tls_facts *facts = &session->handshake.facts;
    bool hello = message->type == TLS_CLIENT_HELLO || message->type == TLS_SERVER_HELLO;
    if (session->closed)
        return;
    if (message->decrypted && hello && !message->truncated)
        renegotiation_learn(session, message);
    if (message->decrypted)
        return;
    tls_transcript_message(&session->transcript, facts, message);
    ticket_learn(worker, session, message);
    if (message->type == TLS_CLIENT_KEY_EXCHANGE)
        key_exchange_learn(worker, session, message);
    if (!hello)
        return;
    struct tls_decrypt_facts known = {
        .version = facts->seen & TLS_SEEN_SERVER_HELLO ? facts->version : 0,
        .suite = facts->seen & TLS_SEEN_SERVER_HELLO ? facts->suite : 0,
        .compression = facts->compression,
        .client_random_known = (facts->seen & TLS_SEEN_CLIENT_HELLO) != 0,
        .server_random_known = (facts->seen & TLS_SEEN_SERVER_HELLO) != 0,
        .extended_master_secret = facts->extended_master_secret == TLS_YES,
        .encrypt_then_mac = facts->encrypt_then_mac == TLS_YES,
        .truncated_hmac = facts->truncated_hmac == TLS_YES,
        .early_data = facts->early_data_offered == TLS_YES,
        .encrypted_client_hello = facts->ech == TLS_ECH_OFFERED,
        .resumed = facts->resumption == TLS_RESUMED_SESSION_ID,
        .session_id_size = facts->session_id_size,
    };
    memcpy(known.client_random, facts->client_random, TLS_RANDOM_SIZE);
    memcpy(known.server_random, facts->server_random, TLS_RANDOM_SIZE);
    memcpy(known.session_id, facts->session_id, TLS_SESSION_ID_MAX);
    tls_decrypt_learn(session->decrypter, &known);
}

/* ---------------------------------------------------------------------- inside */

/* What the records hold, or lack, as a chunk of the connection inside. */
static void inside_feed(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                        struct flow_chunk chunk)
{
    chunk.direction = feed->direction ? FLOW_TO_CLIENT : FLOW_TO_SERVER;
    chunk.time_ns = feed->time_ns;
    worker->tls = &session->view;
    session_chunk(worker, &session->inside, feed->flow, &chunk);
    worker->tls = NULL;
}

/* A record that cannot be opened: its bytes are missing inside. */
static void inside_hole(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                        uint32_t lost)
{
    if (lost && (session->view.flags & CONNECTION_DECRYPTED))
        inside_feed(worker, session, feed, (struct flow_chunk){.lost = lost});
}

static void plain_take(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                       const struct tls_plain *plain)
{
    session->read = true;
    if (!plain->protection)
        return;
    if (!(session->view.flags & CONNECTION_DECRYPTED) || !session->view.version.data) {
        session->view.flags |= CONNECTION_DECRYPTED;
        tls_view_update(session);
    }
    if (plain->type == TLS_APPLICATION_DATA) {
        if (plain->data.size)
            inside_feed(worker, session, feed, (struct flow_chunk){.data = plain->data.data, .size = plain->data.size});
        return;
    }
    struct tls_message message;
    tls_handshake_plaintext(&session->handshake, feed->direction, plain->type, plain->data);
    while (tls_handshake_next(&session->handshake, feed->direction, &message)) {
        tls_session_message(worker, session, feed->direction, &message);
        tls_view_update(session);
    }
}

/* --------------------------------------------------------------------- records */

static void record_closed(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                          enum tls_decrypt_cause cause, uint32_t size)
{
    session->cause = (uint8_t)cause;
    inside_hole(worker, session, feed, size);
    bool hopeless = cause == TLS_DECRYPT_CAUSE_NO_KEY || cause == TLS_DECRYPT_CAUSE_ECH ||
                    cause == TLS_DECRYPT_CAUSE_UNSUPPORTED || session->gave_up;
    if (hopeless && !(session->view.flags & CONNECTION_DECRYPTED))
        session->closed = true;
}

bool tls_open_record(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                     const struct tls_decrypt_input *input, enum tls_decrypt_cause cause)
{
    enum tls_direction from = feed->direction ? TLS_FROM_SERVER : TLS_FROM_CLIENT;
    struct tls_plain plain;
    worker->tls_opening = session;
    enum tls_decrypt_status status = tls_decrypt_record(worker->tls_engine, session->decrypter, from, input, &plain);
    if (status == TLS_DECRYPT_WAIT && cause == TLS_DECRYPT_CAUSE_NONE)
        return false;
    if (status == TLS_DECRYPT_WAIT) {
        session->gave_up = true;
        tls_decrypt_give_up(session->decrypter, plain.cause == TLS_DECRYPT_CAUSE_NO_KEY ? cause : plain.cause);
        status = tls_decrypt_record(worker->tls_engine, session->decrypter, from, input, &plain);
    }
    if (status == TLS_DECRYPT_PLAIN)
        plain_take(worker, session, feed, &plain);
    else
        record_closed(worker, session, feed, plain.cause, input->fragment.size);
    return true;
}

void tls_open_mark(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed, uint32_t lost,
                   bool last)
{
    if (lost) {
        tls_decrypt_lost(session->decrypter, feed->direction ? TLS_FROM_SERVER : TLS_FROM_CLIENT, lost);
        inside_hole(worker, session, feed, lost);
    }
    if (last && (session->view.flags & CONNECTION_DECRYPTED))
        inside_feed(worker, session, feed, (struct flow_chunk){.last = true});
}

/* What waits comes before it. */
static void mark_offer(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed, bool last)
{
    uint32_t lost = session->lost[feed->direction];
    session->lost[feed->direction] = 0;
    if (session->wait.first && tls_wait_mark(worker, session, feed, lost, last))
        return;
    if (session->wait.first)
        tls_wait_open(worker, session, TLS_DECRYPT_CAUSE_BUDGET);
    if (!session->closed)
        tls_open_mark(worker, session, feed, lost, last);
}

static void record_offer(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                         const struct tls_decrypt_input *input)
{
    bool waits = worker->options.settings->keys.wait_ms > 0;
    tls_wait_look(worker, session, feed->time_ns);
    if (!session->closed && session->lost[feed->direction])
        mark_offer(worker, session, feed, false);
    if (session->closed)
        return;
    if (!session->wait.first &&
        tls_open_record(worker, session, feed, input, waits ? TLS_DECRYPT_CAUSE_NONE : TLS_DECRYPT_CAUSE_NO_KEY))
        return;
    if (tls_wait_record(worker, session, feed, input))
        return;
    tls_wait_open(worker, session, TLS_DECRYPT_CAUSE_BUDGET);
    if (!session->closed)
        tls_open_record(worker, session, feed, input, TLS_DECRYPT_CAUSE_BUDGET);
}

static void cut_give(struct pipeline *worker, struct tls_session *session, uint32_t direction)
{
    if (session->cut[direction])
        pool_give(&worker->tls_records, session->cut[direction]);
    session->cut[direction] = NULL;
}

/* Puts a part into its record. False: there is no room, and the record is as good as lost. */
static bool part_keep(struct pipeline *worker, struct tls_session *session, uint32_t direction,
                      const struct tls_record_part *part)
{
    if (!session->cut[direction])
        session->cut[direction] = pool_take(&worker->tls_records);
    if (!session->cut[direction])
        return false;
    memcpy(session->cut[direction]->body + part->offset, part->data.data, part->data.size);
    return true;
}

void tls_open_part(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                   const struct tls_record_part *part)
{
    uint32_t direction = feed->direction;
    if (session->closed || part->sslv2)
        return;
    if (part->first)
        session->damaged[direction] = false;
    struct tls_decrypt_input input = {
        .type = part->content, .version = part->version, .fragment = part->data, .time_ns = feed->time_ns};
    if (part->lost || (!(part->first && part->last) && part->data.size && !part_keep(worker, session, direction, part)))
        session->damaged[direction] = true;
    if (!part->last)
        return;
    if (session->damaged[direction]) {
        tls_open_lost(session, direction, part->size);
    } else {
        if (!part->first)
            input.fragment = span_of(session->cut[direction]->body, part->size);
        record_offer(worker, session, feed, &input);
    }
    cut_give(worker, session, direction);
}

void tls_open_lost(struct tls_session *session, uint32_t direction, uint32_t lost)
{
    uint32_t room = UINT32_MAX - session->lost[direction];
    session->lost[direction] += min_u32(lost, room);
}

void tls_open_last(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed)
{
    if (!session->closed)
        mark_offer(worker, session, feed, true);
}

void tls_open_end(struct pipeline *worker, struct tls_session *session)
{
    if (session->wait.first)
        tls_wait_open(worker, session, TLS_DECRYPT_CAUSE_NO_KEY);
    worker->tls = &session->view;
    channel_end(worker, &session->inside.channel, session->flow);
    worker->tls = NULL;
    cut_give(worker, session, 0);
    cut_give(worker, session, 1);
    if (session->decrypter)
        tls_decrypt_end(worker->tls_engine, session->decrypter);
    session->decrypter = NULL;
}
