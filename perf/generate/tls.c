/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS 1.3 around another protocol: OpenSSL plays both ends over memory, and what each says to the other becomes a
 * write. So handshakes, certificates, tickets and records are real ones, and the key log opens them.
 */

#include <errno.h>
#include <stdlib.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "generate/message.h"
#include "generate/operation.h"

#define CERTIFICATE_DAYS  390              /* what browsers take */
#define CERTIFICATE_EARLY (-24L * 60 * 60) /* it is a day old when the traffic begins */
#define CHUNK             16384            /* as much as a record holds */

struct context {
    SSL_CTX *client, *server;
    const struct traffic_protocol *inner;
    FILE *keylog;
};

/* One connection. */
struct session {
    struct traffic_author *author;
    SSL *ends[2]; /* client, server */
};

static void keylog_line(const SSL *ssl, const char *line)
{
    const struct context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    fprintf(context->keylog, "%s\n", line);
}

/* The only protocol on offer is the one that is spoken. */
static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                       unsigned int size, void *argument)
{
    (void)ssl;
    (void)argument;
    if (size < 2)
        return SSL_TLSEXT_ERR_NOACK;
    *out = offered + 1;
    *out_size = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

static bool certificate_fill(X509 *certificate, EVP_PKEY *key, time_t start)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:" TRAFFIC_HOST);
    bool fine = names && X509_set_version(certificate, X509_VERSION_3) &&
                ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
                X509_time_adj_ex(X509_getm_notBefore(certificate), 0, CERTIFICATE_EARLY, &start) &&
                X509_time_adj_ex(X509_getm_notAfter(certificate), CERTIFICATE_DAYS, CERTIFICATE_EARLY, &start) &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)TRAFFIC_HOST, -1, -1, 0) &&
                X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
                X509_add_ext(certificate, names, -1) && X509_sign(certificate, key, EVP_sha256());
    X509_EXTENSION_free(names);
    return fine;
}

static bool certificate_use(SSL_CTX *server, time_t start)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool fine = key && certificate && certificate_fill(certificate, key, start) &&
                SSL_CTX_use_certificate(server, certificate) && SSL_CTX_use_PrivateKey(server, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return fine;
}

static void tls_end(struct traffic_author *author)
{
    struct context *context = author->context;
    if (!context)
        return;
    SSL_CTX_free(context->client);
    SSL_CTX_free(context->server);
    free(context);
    author->context = NULL;
}

static int tls_begin(struct traffic_author *author, const struct traffic_protocol *inner, const char *alpn)
{
    struct context *context = calloc(1, sizeof(*context));
    if (!context)
        return -ENOMEM;
    author->context = context;
    author->secure = true;
    context->inner = inner;
    context->keylog = author->keylog;
    context->client = SSL_CTX_new(TLS_client_method());
    context->server = SSL_CTX_new(TLS_server_method());
    if (!context->client || !context->server)
        return -ENOMEM;
    if (!SSL_CTX_set_min_proto_version(context->client, TLS1_3_VERSION) ||
        SSL_CTX_set_alpn_protos(context->client, (const unsigned char *)alpn, (unsigned int)strlen(alpn)) != 0 ||
        !SSL_CTX_set_app_data(context->client, context) ||
        !certificate_use(context->server, (time_t)(author->settings->start_ns / 1000000000u)))
        return -EIO;
    SSL_CTX_set_keylog_callback(context->client, keylog_line);
    SSL_CTX_set_alpn_select_cb(context->server, alpn_select, NULL);
    return 0;
}

/* What one end has to say becomes a write, and reaches the other end. */
static int say(struct session *session, uint32_t from, struct traffic_script *script)
{
    BIO *out = SSL_get_wbio(session->ends[from]), *in = SSL_get_rbio(session->ends[!from]);
    size_t size = BIO_ctrl_pending(out);
    if (size == 0)
        return 0;
    uint8_t *bytes = arena_take(session->author->arena, size, 1);
    if (!bytes)
        return -ENOMEM;
    if (BIO_read(out, bytes, (int)size) != (int)size || BIO_write(in, bytes, (int)size) != (int)size)
        return -EIO;
    require(script->count < TRAFFIC_WRITES_MAX);
    script->writes[script->count++] = (struct traffic_write){span_of(bytes, size), from == 1, 0};
    return 0;
}

/* Reads whatever has come, so that tickets and data are behind us. */
static void listen_all(SSL *end)
{
    uint8_t bytes[CHUNK];
    while (SSL_read(end, bytes, sizeof(bytes)) > 0)
        continue;
}

static int handshake(struct session *session, struct traffic_script *script)
{
    SSL *client = session->ends[0], *server = session->ends[1];
    int result = 0;
    /* Hello, answer, Finished: three flights, and the server's tickets are the fourth. */
    for (uint32_t flight = 0; flight < 4 && result == 0; flight++) {
        SSL_do_handshake(session->ends[flight % 2]);
        result = say(session, flight % 2, script);
    }
    listen_all(client);
    script->role = TRAFFIC_OPENING;
    return result == 0 && !(SSL_is_init_finished(client) && SSL_is_init_finished(server)) ? -EIO : result;
}

/* Adds the writes of `inner` to the script, sealed. */
static int seal(struct session *session, const struct traffic_script *inner, struct traffic_script *script)
{
    int result = 0;
    for (uint32_t i = 0; i < inner->count && result == 0; i++) {
        const struct traffic_write *write = &inner->writes[i];
        if (SSL_write(session->ends[write->to_client], write->bytes.data, (int)write->bytes.size) !=
            (int)write->bytes.size)
            return -EIO;
        result = say(session, write->to_client, script);
        if (result == 0)
            script->writes[script->count - 1].transactions = write->transactions;
        listen_all(session->ends[!write->to_client]);
    }
    script->kind = inner->kind;
    return result;
}

static int good_bye(struct session *session, struct traffic_script *script)
{
    script->role = TRAFFIC_CLOSING;
    int result = 0;
    for (uint32_t end = 0; end < 2 && result == 0; end++) {
        SSL_shutdown(session->ends[end]);
        result = say(session, end, script);
    }
    return result;
}

static int inner_write(struct traffic_author *author, const struct traffic_protocol *inner, const uint8_t *kinds,
                       uint32_t calls, struct traffic_script *scripts)
{
    if (!inner->write_call)
        return inner->write_session(author, kinds, calls, scripts);
    int result = 0;
    for (uint32_t i = 0; i < calls && result == 0; i++)
        result = inner->write_call(author, kinds[i], &scripts[1 + i]);
    return result;
}

static int session_open(struct session *session)
{
    const struct context *context = session->author->context;
    for (uint32_t end = 0; end < 2; end++) {
        SSL *ssl = session->ends[end] = SSL_new(end ? context->server : context->client);
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        if (!ssl || !in || !out) {
            BIO_free(in);
            BIO_free(out);
            return -ENOMEM;
        }
        SSL_set_bio(ssl, in, out);
    }
    SSL_set_accept_state(session->ends[1]);
    SSL_set_connect_state(session->ends[0]);
    char host[] = TRAFFIC_HOST; /* the macro takes no constant */
    return SSL_set_tlsext_host_name(session->ends[0], host) ? 0 : -EIO;
}

static int tls_write_session(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                             struct traffic_script *scripts_out)
{
    const struct context *context = author->context;
    struct session session = {.author = author};
    struct traffic_script *inner = arena_take_array(author->arena, struct traffic_script, calls + TRAFFIC_SESSION_ENDS);
    int result = inner ? inner_write(author, context->inner, kinds, calls, inner) : -ENOMEM;
    if (result == 0)
        result = session_open(&session);
    if (result == 0)
        result = handshake(&session, &scripts_out[0]);
    for (uint32_t i = 0; i < calls + TRAFFIC_SESSION_ENDS && result == 0; i++)
        result = seal(&session, &inner[i], &scripts_out[i]);
    if (result == 0)
        result = good_bye(&session, &scripts_out[calls + 1]);
    SSL_free(session.ends[0]);
    SSL_free(session.ends[1]);
    return result;
}

static int http1_begin(struct traffic_author *author)
{
    return tls_begin(author, &traffic_http1, "\x08http/1.1");
}

static int http2_begin(struct traffic_author *author)
{
    return tls_begin(author, &traffic_http2, "\x02h2");
}

const struct traffic_protocol traffic_tls = {
    .name = "tls",
    .help = "HTTP/1.1 inside TLS 1.3",
    .server_port = 443,
    .write_session = tls_write_session,
    .begin = http1_begin,
    .end = tls_end,
};

const struct traffic_protocol traffic_tls_http2 = {
    .name = "tls-http2",
    .help = "HTTP/2 inside TLS 1.3",
    .server_port = 443,
    .write_session = tls_write_session,
    .begin = http2_begin,
    .end = tls_end,
};
