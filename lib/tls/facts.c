/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS facts: one function for each message. Answers are three-valued and only ever leave "unknown" when a message that
 * says so was read whole; what a message would have said that did not come is settled at the points of the handshake
 * behind which it can no longer come.
 */

#include "tls/facts.h"

#include "tls/cursor.h"
#include "tls/fingerprint.h"
#include "tls/handshake.h"
#include "tls/hello.h"
#include "tls/suite.h"

#define TLS13 0x0304u
#define TLS12 0x0303u

/* An encrypted record in TLS 1.3 that is no bare alert: 2 bytes, the inner type and a tag of 16 (of 8 with CCM_8)
 * are 19. */
#define ALERT_RECORD_MAX 19u
/* Finished is 4 + 32 bytes at least, with inner type and a tag of 8 at least 45. */
#define FINISHED_RECORD_MIN 45u
/* EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished, each in a record of its own. */
#define SERVER_FLIGHT_RECORDS_MAX 5u

static enum tls_answer answer(bool yes)
{
    return yes ? TLS_YES : TLS_NO;
}

/* Drafts of TLS 1.3 announced themselves as 0x7fXX. */
static uint16_t version_of(uint16_t value)
{
    return value >> 8 == 0x7f ? TLS13 : value;
}

static uint8_t text_keep(struct span text, uint8_t *kept, uint32_t limit)
{
    uint32_t size = min_u32(text.size, limit);
    if (size)
        memcpy(kept, text.data, size);
    return (uint8_t)size;
}

/* Values of two bytes without GREASE. Returns how many there are; the first `limit` are kept. */
static uint16_t values_keep(struct tls_facts *facts, struct span list, uint16_t *kept, uint32_t limit)
{
    uint16_t count = 0;
    for (uint32_t i = 0; i + 1 < list.size; i += 2) {
        uint16_t value = tls_u16(list.data + i);
        if (tls_is_grease(value)) {
            facts->grease = true;
            continue;
        }
        if (count < limit)
            kept[count] = value;
        count++;
    }
    return count;
}

/* ------------------------------------------------------------------------------------------------ hellos */

static void suites_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    uint32_t step = hello->sslv2 ? 3 : 2; /* those of TLS begin with a zero in an SSL 2.0 hello */
    for (uint32_t i = 0; i + step <= hello->suites.size; i += step) {
        const uint8_t *bytes = hello->suites.data + i;
        if (hello->sslv2 && *bytes++ != 0)
            continue;
        uint16_t id = tls_u16(bytes);
        if (tls_is_grease(id)) {
            facts->grease = true;
            continue;
        }
        const struct tls_suite *suite = tls_suite_find(id);
        if (suite)
            facts->offered_flags |= suite->flags;
        if (id == TLS_SUITE_FALLBACK_SCSV)
            facts->fallback_scsv = TLS_YES;
        if (id == TLS_SUITE_RENEGOTIATION_SCSV)
            facts->renegotiation_offered = true;
        if (facts->suite_count < TLS_SUITES_MAX)
            facts->suites[facts->suite_count] = id;
        facts->suite_count++;
    }
}

static void versions_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    facts->hello_version = hello->version;
    facts->version_offered_max = hello->version;
    struct span list = tls_hello_list(hello, TLS_EXTENSION_VERSIONS, 1);
    bool first = true;
    for (uint32_t i = 0; i + 1 < list.size; i += 2) {
        uint16_t version = version_of(tls_u16(list.data + i));
        if (version >> 8 != 3)
            continue;
        if (first || version > facts->version_offered_max)
            facts->version_offered_max = version;
        if (first || version < facts->version_offered_min)
            facts->version_offered_min = version;
        first = false;
    }
}

static void psk_modes_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    struct tls_cursor cursor = tls_cursor_of(hello->extensions[TLS_EXTENSION_PSK_MODES]);
    struct span modes = tls_cursor_vector(&cursor, 1);
    facts->psk_mode_plain = answer(modes.size && memchr(modes.data, 0, modes.size));
    facts->psk_mode_dhe = answer(modes.size && memchr(modes.data, 1, modes.size));
}

static void client_extensions_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    facts->group_count =
        values_keep(facts, tls_hello_list(hello, TLS_EXTENSION_GROUPS, 2), facts->groups, TLS_GROUPS_MAX);
    facts->signature_count =
        values_keep(facts, tls_hello_list(hello, TLS_EXTENSION_SIGNATURES, 2), facts->signatures, TLS_SIGNATURES_MAX);
    struct span name = tls_hello_server_name(hello), alpn = tls_hello_alpn(hello);
    facts->sni_present = answer(tls_hello_has(hello, TLS_EXTENSION_SERVER_NAME));
    facts->sni_size = text_keep(name, facts->sni, TLS_NAME_SIZE_MAX);
    facts->alpn_present = answer(tls_hello_has(hello, TLS_EXTENSION_ALPN));
    facts->alpn_offered_size = text_keep(alpn, facts->alpn_offered, TLS_ALPN_SIZE_MAX);
    facts->early_data_offered = answer(tls_hello_has(hello, TLS_EXTENSION_EARLY_DATA));
    facts->ech = tls_hello_has(hello, TLS_EXTENSION_CLIENT_HELLO) ? TLS_ECH_OFFERED : TLS_ECH_NONE;
    facts->renegotiation_offered |= tls_hello_has(hello, TLS_EXTENSION_RENEGOTIATION);
    facts->master_secret_offered = tls_hello_has(hello, TLS_EXTENSION_MASTER_SECRET);
    psk_modes_note(facts, hello);
}

/* The challenge of an SSL 2.0 hello is the random, zeros before it (RFC 5246 appendix E.2). */
static void random_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    if (hello->random) {
        memcpy(facts->client_random, hello->random, TLS_RANDOM_SIZE);
        return;
    }
    uint32_t size = min_u32(hello->challenge.size, TLS_RANDOM_SIZE);
    if (size)
        memcpy(facts->client_random + TLS_RANDOM_SIZE - size, hello->challenge.data, size);
}

static void client_hello(struct tls_facts *facts, const struct tls_message *message)
{
    struct tls_hello hello;
    bool sound = message->sslv2 ? tls_hello_parse_client_sslv2(message->body, &hello)
                                : tls_hello_parse_client(message->body, &hello);
    if (!sound) {
        facts->seen |= TLS_SEEN_MALFORMED;
        return;
    }
    if (facts->seen & TLS_SEEN_SERVER_HELLO) {
        facts->seen |= TLS_SEEN_RENEGOTIATION;
        return;
    }
    if (facts->seen & TLS_SEEN_CLIENT_HELLO)
        return; /* the second one, behind a HelloRetryRequest, repeats the first */
    facts->seen |= TLS_SEEN_CLIENT_HELLO | (message->sslv2 ? TLS_SEEN_SSLV2_HELLO : 0);
    facts->fallback_scsv = TLS_NO;
    suites_note(facts, &hello);
    versions_note(facts, &hello);
    client_extensions_note(facts, &hello);
    random_note(facts, &hello);
    facts->session_offered_size = text_keep(hello.session_id, facts->session_offered, TLS_SESSION_ID_MAX);
    facts->ticket_offered = hello.extensions[TLS_EXTENSION_TICKET].size > 0;
    tls_fingerprint_client(&hello, facts->version_offered_max, facts->ja3, facts->ja4);
}

static void downgrade_note(struct tls_facts *facts)
{
    /* RFC 8446 4.1.3: set by servers that speak a higher version than the one agreed on. */
    static const uint8_t sentinel[7] = {'D', 'O', 'W', 'N', 'G', 'R', 'D'};
    const uint8_t *tail = facts->server_random + TLS_RANDOM_SIZE - 8;
    if (facts->version >= TLS13 || memcmp(tail, sentinel, sizeof(sentinel)) != 0 || tail[7] > 1)
        return;
    facts->downgrade_to = tail[7] == 1 ? TLS12 : 0x0302;
}

static void server_resumption_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    facts->session_id_size = text_keep(hello->session_id, facts->session_id, TLS_SESSION_ID_MAX);
    if (facts->version >= TLS13)
        facts->resumption = tls_hello_has(hello, TLS_EXTENSION_PRE_SHARED_KEY) ? TLS_RESUMED_PSK : TLS_RESUMED_NO;
    else if ((facts->seen & TLS_SEEN_CLIENT_HELLO) && facts->session_id_size &&
             span_equal(hello->session_id, span_of(facts->session_offered, facts->session_offered_size)))
        facts->resumption = TLS_RESUMED_SESSION_ID; /* a full handshake that goes on says otherwise */
}

static void server_version_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    facts->version = hello->version;
    struct span selected = hello->extensions[TLS_EXTENSION_VERSIONS];
    if (selected.size == 2)
        facts->version = version_of(tls_u16(selected.data));
    facts->suite = hello->suite;
}

/* What both have to say before it holds; known only where both hellos were read. */
static void agreements_note(struct tls_facts *facts, const struct tls_hello *hello)
{
    if (!(facts->seen & TLS_SEEN_CLIENT_HELLO) || facts->version >= TLS13)
        return;
    facts->extended_master_secret =
        answer(facts->master_secret_offered && tls_hello_has(hello, TLS_EXTENSION_MASTER_SECRET));
    facts->secure_renegotiation =
        answer(facts->renegotiation_offered && tls_hello_has(hello, TLS_EXTENSION_RENEGOTIATION));
    facts->encrypt_then_mac = answer(tls_hello_has(hello, TLS_EXTENSION_ENCRYPT_THEN_MAC));
    facts->truncated_hmac = answer(tls_hello_has(hello, TLS_EXTENSION_TRUNCATED_HMAC));
    if (facts->ech == TLS_ECH_OFFERED)
        facts->ech = TLS_ECH_REFUSED; /* there is none before TLS 1.3 */
}

static void retry_request(struct tls_facts *facts, const struct tls_hello *hello)
{
    facts->seen |= TLS_SEEN_RETRY_REQUEST;
    server_version_note(facts, hello);
    if (facts->early_data_offered == TLS_YES)
        facts->early_data_accepted = TLS_NO;
}

static void server_hello(struct tls_facts *facts, const struct tls_message *message)
{
    struct tls_hello hello;
    if (!tls_hello_parse_server(message->body, &hello)) {
        facts->seen |= TLS_SEEN_MALFORMED;
        return;
    }
    if (facts->seen & TLS_SEEN_SERVER_HELLO) {
        facts->seen |= TLS_SEEN_RENEGOTIATION;
        return;
    }
    if (tls_hello_is_retry_request(&hello)) {
        retry_request(facts, &hello);
        return;
    }
    facts->seen |= TLS_SEEN_SERVER_HELLO;
    server_version_note(facts, &hello);
    facts->compression = hello.compression;
    memcpy(facts->server_random, hello.random, TLS_RANDOM_SIZE);
    facts->alpn_size = text_keep(tls_hello_alpn(&hello), facts->alpn, TLS_ALPN_SIZE_MAX);
    struct span share = hello.extensions[TLS_EXTENSION_KEY_SHARE];
    if (share.size >= 2)
        facts->group = tls_u16(share.data);
    if (facts->version < TLS13 || !tls_hello_has(&hello, TLS_EXTENSION_PRE_SHARED_KEY))
        facts->early_data_accepted = facts->early_data_offered == TLS_YES ? TLS_NO : facts->early_data_accepted;
    server_resumption_note(facts, &hello);
    agreements_note(facts, &hello);
    downgrade_note(facts);
    tls_fingerprint_server(&hello, facts->ja3s);
}

static void encrypted_extensions(struct tls_facts *facts, const struct tls_message *message)
{
    struct tls_hello hello;
    if (!tls_hello_parse_extensions(message->body, &hello)) {
        facts->seen |= TLS_SEEN_MALFORMED;
        return;
    }
    facts->seen |= TLS_SEEN_ENCRYPTED_EXTENSIONS;
    facts->alpn_size = text_keep(tls_hello_alpn(&hello), facts->alpn, TLS_ALPN_SIZE_MAX);
    if (facts->early_data_offered == TLS_YES)
        facts->early_data_accepted = answer(tls_hello_has(&hello, TLS_EXTENSION_EARLY_DATA));
    /* The server sends other configurations exactly when it refuses (RFC 9849 7.1). */
    if (facts->ech == TLS_ECH_OFFERED && tls_hello_has(&hello, TLS_EXTENSION_CLIENT_HELLO))
        facts->ech = TLS_ECH_REFUSED;
}

/* --------------------------------------------------------------------------------------- key exchange */

static uint16_t bits_of(struct span number)
{
    while (number.size && number.data[0] == 0)
        number = span_from(number, 1);
    if (number.size == 0 || number.size > 0x1000)
        return 0;
    return (uint16_t)(number.size * 8 - (uint32_t)(__builtin_clz(number.data[0]) - 24));
}

static void curve_note(struct tls_facts *facts, struct tls_cursor *cursor)
{
    uint32_t curve_type = tls_cursor_number(cursor, 1); /* RFC 8422 5.4; explicit ones have fields we need not know */
    uint16_t group = (uint16_t)(curve_type == 3 ? tls_cursor_number(cursor, 2) : 0xff00 + curve_type);
    tls_cursor_vector(cursor, 1);
    if (!cursor->bad)
        facts->group = group;
    if (curve_type != 3)
        cursor->bad = true; /* where the signature begins is not known */
}

static void modulus_note(struct tls_facts *facts, struct tls_cursor *cursor)
{
    struct span modulus = tls_cursor_vector(cursor, 2);
    tls_cursor_vector(cursor, 2);
    tls_cursor_vector(cursor, 2);
    if (!cursor->bad)
        facts->dh_bits = bits_of(modulus);
}

/* The parameters of the server, and behind them in TLS 1.2 the scheme of its signature (RFC 5246 7.4.3). */
static void server_key_exchange(struct tls_facts *facts, const struct tls_message *message)
{
    const struct tls_suite *suite = tls_suite_find(facts->suite);
    facts->seen |= TLS_SEEN_SERVER_KEY_EXCHANGE;
    if (!(facts->seen & TLS_SEEN_SERVER_HELLO) || !suite)
        return;
    struct tls_cursor cursor = tls_cursor_of(message->body);
    uint8_t exchange = suite->key_exchange;
    if (exchange == TLS_KX_DHE_PSK || exchange == TLS_KX_ECDHE_PSK)
        tls_cursor_vector(&cursor, 2); /* identity hint (RFC 4279 2, RFC 5489 2) */
    if (exchange == TLS_KX_ECDHE || exchange == TLS_KX_ECDHE_PSK)
        curve_note(facts, &cursor);
    else if (exchange == TLS_KX_DHE || exchange == TLS_KX_DHE_PSK)
        modulus_note(facts, &cursor);
    else
        return;
    bool is_signed = suite->authentication != TLS_AUTH_NULL && suite->authentication != TLS_AUTH_PSK;
    uint16_t scheme = (uint16_t)(is_signed && facts->version == TLS12 ? tls_cursor_number(&cursor, 2) : 0);
    if (!cursor.bad)
        facts->signature_scheme = scheme;
}

/* The scheme of the server's signature in TLS 1.3 (RFC 8446 4.4.3). */
static void certificate_verify(struct tls_facts *facts, uint32_t direction, const struct tls_message *message)
{
    if (direction == TLS_TO_SERVER)
        facts->seen |= TLS_SEEN_CLIENT_CERTIFICATE_VERIFY;
    else if (facts->version >= TLS13 && message->body.size >= 2)
        facts->signature_scheme = tls_u16(message->body.data);
}

/* --------------------------------------------------------------------------------------- certificates */

/* The list in a Certificate message of either version. A message cut short still says that there is one. */
static struct span certificate_list(const struct tls_facts *facts, const struct tls_message *message, bool *known)
{
    struct tls_cursor cursor = tls_cursor_of(message->body);
    if (facts->version >= TLS13)
        tls_cursor_vector(&cursor, 1); /* certificate_request_context */
    uint32_t size = tls_cursor_number(&cursor, 3);
    *known = !cursor.bad;
    return span_first(cursor.left, size);
}

/* Does the first entry of a TLS 1.3 certificate list carry a status_request extension (RFC 8446 4.4.2.1)? */
static bool entry_is_stapled(struct span list)
{
    struct tls_cursor cursor = tls_cursor_of(list);
    tls_cursor_vector(&cursor, 3);
    struct tls_cursor extensions = tls_cursor_of(tls_cursor_vector(&cursor, 2));
    while (extensions.left.size && !extensions.bad) {
        bool status = tls_cursor_number(&extensions, 2) == 5;
        tls_cursor_vector(&extensions, 2);
        if (status && !extensions.bad)
            return true;
    }
    return false;
}

static void full_handshake_note(struct tls_facts *facts)
{
    if (facts->version < TLS13)
        facts->resumption = TLS_RESUMED_NO;
}

static void certificate(struct tls_facts *facts, uint32_t direction, const struct tls_message *message)
{
    bool known;
    struct span list = certificate_list(facts, message, &known);
    if (!known) {
        facts->seen |= TLS_SEEN_MALFORMED;
        return;
    }
    if (direction == TLS_TO_SERVER) {
        facts->seen |= TLS_SEEN_CLIENT_CERTIFICATE;
        facts->client_certificate = answer(list.size > 0);
        facts->client_certificate_requested = TLS_YES;
        return;
    }
    facts->seen |= TLS_SEEN_CERTIFICATE;
    full_handshake_note(facts);
    if (facts->version >= TLS13 && !message->truncated)
        facts->staple = answer(entry_is_stapled(list));
}

/* The server has said all of its first flight: what did not come was not sent, unless bytes are missing. */
static void server_flight_end(struct tls_facts *facts)
{
    if (facts->seen & (TLS_SEEN_DAMAGED | TLS_SEEN_MIDSTREAM) || !(facts->seen & TLS_SEEN_SERVER_HELLO))
        return;
    if (facts->resumption == TLS_RESUMED_NO && facts->client_certificate_requested == TLS_UNKNOWN) {
        facts->client_certificate_requested = TLS_NO;
        facts->client_certificate = TLS_NO;
    }
    if (facts->resumption == TLS_RESUMED_NO && facts->staple == TLS_UNKNOWN)
        facts->staple = TLS_NO;
}

/* -------------------------------------------------------------------------------------------- the end */

static void completed_note(struct tls_facts *facts)
{
    if (facts->completed == TLS_UNKNOWN)
        facts->completed = TLS_YES;
}

static void finished(struct tls_facts *facts, uint32_t direction)
{
    facts->seen |= direction == TLS_TO_SERVER ? TLS_SEEN_CLIENT_FINISHED : TLS_SEEN_SERVER_FINISHED;
    if (direction == TLS_TO_CLIENT && facts->version >= TLS13 && (facts->seen & TLS_SEEN_ENCRYPTED_EXTENSIONS))
        server_flight_end(facts);
    if (tls_facts_seen(facts, TLS_SEEN_CLIENT_FINISHED | TLS_SEEN_SERVER_FINISHED))
        completed_note(facts);
}

/* -------------------------------------------------------------------------------------------- public */

void tls_facts_message(struct tls_facts *facts, uint32_t direction, const struct tls_message *message)
{
    bool to_server = direction == TLS_TO_SERVER;
    if (message->decrypted)
        facts->seen |= TLS_SEEN_DECRYPTED;
    if (message->truncated && message->type != TLS_CERTIFICATE && message->type != TLS_CERTIFICATE_STATUS) {
        facts->seen |= TLS_SEEN_DAMAGED;
        return;
    }
    switch (message->type) {
    case TLS_CLIENT_HELLO:
        if (to_server)
            client_hello(facts, message);
        break;
    case TLS_SERVER_HELLO:
        if (!to_server)
            server_hello(facts, message);
        break;
    case TLS_ENCRYPTED_EXTENSIONS:
        encrypted_extensions(facts, message);
        break;
    case TLS_CERTIFICATE:
        certificate(facts, direction, message);
        break;
    case TLS_CERTIFICATE_STATUS:
        facts->seen |= TLS_SEEN_CERTIFICATE_STATUS;
        facts->staple = TLS_YES;
        break;
    case TLS_SERVER_KEY_EXCHANGE:
        full_handshake_note(facts);
        server_key_exchange(facts, message);
        break;
    case TLS_CERTIFICATE_REQUEST:
        facts->seen |= TLS_SEEN_CERTIFICATE_REQUEST;
        facts->client_certificate_requested = TLS_YES;
        break;
    case TLS_SERVER_HELLO_DONE:
        facts->seen |= TLS_SEEN_SERVER_HELLO_DONE;
        full_handshake_note(facts);
        server_flight_end(facts);
        break;
    case TLS_CERTIFICATE_VERIFY:
        certificate_verify(facts, direction, message);
        break;
    case TLS_CLIENT_KEY_EXCHANGE:
        facts->seen |= TLS_SEEN_CLIENT_KEY_EXCHANGE;
        break;
    case TLS_NEW_SESSION_TICKET:
        facts->seen |= TLS_SEEN_TICKET;
        break;
    case TLS_FINISHED:
        finished(facts, direction);
        break;
    default:
        break;
    }
}

void tls_facts_cipher_change(struct tls_facts *facts, uint32_t direction)
{
    facts->seen |= direction == TLS_TO_SERVER ? TLS_SEEN_CLIENT_CIPHER : TLS_SEEN_SERVER_CIPHER;
    uint32_t full = TLS_SEEN_CERTIFICATE | TLS_SEEN_SERVER_KEY_EXCHANGE | TLS_SEEN_SERVER_HELLO_DONE;
    /* A server that goes on to encryption right behind its hello resumes (RFC 5246 7.3, RFC 5077 3.1). */
    if (direction == TLS_TO_CLIENT && facts->version && facts->version < TLS13 && !(facts->seen & full) &&
        !(facts->seen & (TLS_SEEN_DAMAGED | TLS_SEEN_MIDSTREAM)) && facts->resumption == TLS_RESUMED_UNKNOWN)
        facts->resumption = TLS_RESUMED_TICKET;
}

void tls_facts_alert(struct tls_facts *facts, uint32_t direction, uint8_t level, uint8_t alert)
{
    facts->alert_level[direction] = level;
    facts->alert[direction] = alert;
    if (level == 2 && facts->completed == TLS_UNKNOWN)
        facts->completed = TLS_NO;
    /* SSL 3.0 says by a warning that it has no certificate (RFC 6101 5.4.2). */
    if (direction == TLS_TO_SERVER && alert == 41 && facts->client_certificate == TLS_UNKNOWN)
        facts->client_certificate = TLS_NO;
}

/*
 * TLS 1.3 hides where the handshake ends. The client's Finished is its first encrypted record behind the server's, and
 * too large for an alert; when the server then sends what is no alert either, it has accepted it.
 */
static void encrypted_note_13(struct tls_facts *facts, uint32_t direction, uint32_t size)
{
    if (facts->seen & TLS_SEEN_DECRYPTED)
        return; /* the messages themselves say it */
    if (direction == TLS_TO_SERVER) {
        if ((facts->seen & TLS_SEEN_SERVER_FLIGHT) && size >= FINISHED_RECORD_MIN)
            facts->seen |= TLS_SEEN_CLIENT_FINISHED;
    } else if (size > ALERT_RECORD_MAX) {
        if (facts->server_records < UINT8_MAX)
            facts->server_records++;
        /* Early data of the client looks like its Finished: then the server's whole flight must have gone by. */
        bool early = facts->early_data_offered == TLS_YES && facts->early_data_accepted != TLS_NO;
        if ((facts->seen & TLS_SEEN_CLIENT_FINISHED) && (!early || facts->server_records > SERVER_FLIGHT_RECORDS_MAX))
            completed_note(facts);
        facts->seen |= TLS_SEEN_SERVER_FLIGHT;
    }
}

void tls_facts_encrypted(struct tls_facts *facts, uint32_t direction, uint8_t content, uint32_t size)
{
    if (facts->version >= TLS13) {
        if (content == TLS_APPLICATION_DATA && (facts->seen & TLS_SEEN_SERVER_HELLO))
            encrypted_note_13(facts, direction, size);
        return;
    }
    uint32_t own = direction == TLS_TO_SERVER ? TLS_SEEN_CLIENT_FINISHED : TLS_SEEN_SERVER_FINISHED;
    if (content == TLS_HANDSHAKE) {
        if (facts->seen & own)
            facts->seen |= TLS_SEEN_RENEGOTIATION;
        else
            finished(facts, direction);
    }
    /* A server sends no data before it has accepted the client's Finished; a client may (RFC 7918). */
    if (content == TLS_APPLICATION_DATA && direction == TLS_TO_CLIENT && (facts->seen & TLS_SEEN_SERVER_HELLO))
        completed_note(facts);
}
