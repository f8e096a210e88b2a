/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates of a handshake: read through the worker's cache, judged for each handshake (names and times differ), and
 * told once for each service and epoch: a breach that every connection repeats is one finding.
 */

#include "base/hex.h"
#include "pipeline/worker.h"

#include "tls/facts.h"

#define INVENTORY_INTERVAL_NS UINT64_C(3600000000000) /* an hour: the inventory is a list, not a log of handshakes */
#define NAMES_TOLD_SIZE       1024u                   /* as much as a text of a record holds */

/* What a finding about one certificate is told once for. */
struct fold {
    struct address server;
    uint16_t port;
    uint8_t client;
    uint8_t verdict;
    uint32_t padding; /* zero */
    uint8_t rule[RULE_ID_SIZE_MAX];
};

struct fold_context {
    struct pipeline *worker;
    struct certificate_entry *entry; /* NULL: nothing to fold by */
    bool client;
};

static const struct zone *zone_of(const struct epoch *epoch, const struct call *connection, bool client)
{
    const struct endpoints *endpoints = &connection->endpoints;
    return zones_find(epoch->zones, endpoints, client ? &endpoints->source : &endpoints->destination);
}

/* An entry of an epoch that was replaced meanwhile was judged against anchors that may be gone. */
static void staple_take(struct pipeline *worker, struct certificate_pair *pair, uint64_t time_ns, struct span response)
{
    struct certificate_entry *entry = pair->entries[1];
    if (entry && entry->readable && entry->key.epoch == worker->epoch->number)
        certificate_cache_staple(worker->certificates, worker->epoch->trust, entry, response, time_ns, &pair->staple);
}

void certificate_status_message(struct pipeline *worker, struct certificate_pair *pair, uint64_t time_ns,
                                struct span body)
{
    struct span response;
    if (certificate_status_parse(body, &response))
        staple_take(worker, pair, time_ns, response);
}

void certificate_message(struct pipeline *worker, struct certificate_pair *pair, const struct call *connection,
                         uint32_t direction, bool extensions, struct span body)
{
    struct certificate_chain chain;
    struct epoch *epoch = worker->epoch;
    if (pair->entries[direction] || !certificate_chain_parse(body, extensions, &chain))
        return;
    struct certificate_cache_key key = {epoch->number, zone_of(epoch, connection, direction == 0)->index};
    struct certificate_entry *entry =
        certificate_cache_take(worker->certificates, epoch->trust, key, &chain, connection->end_ns);
    pair->entries[direction] = entry;
    if (direction == 1 && chain.staple.size)
        staple_take(worker, pair, connection->end_ns, chain.staple);
    if (!entry || entry->count > 1)
        return;
    memcpy(entry->server, connection->endpoints.destination.bytes, sizeof(entry->server));
    entry->server_port = connection->endpoints.destination_port;
    entry->client = direction == 0;
}

/* --------------------------------------------------------------------- inventory */

static struct span names_join(const struct certificate *certificate, char text[NAMES_TOLD_SIZE])
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < certificate->name_count; i++) {
        struct span name = certificate_name_text(certificate, i);
        if (certificate->names[i].kind == CERTIFICATE_NAME_ADDRESS)
            continue;
        if (name.size + 1 > NAMES_TOLD_SIZE - used)
            break;
        if (used)
            text[used++] = ' ';
        if (name.size)
            memcpy(text + used, name.data, name.size);
        used += name.size;
    }
    return used ? span_of(text, used) : (struct span){0};
}

static struct span texts_or_none(const char *text, uint32_t size)
{
    return size ? span_of(text, size) : (struct span){0};
}

static void inventory_tell(struct pipeline *worker, struct certificate_entry *entry)
{
    const struct certificate *certificate = &entry->certificate;
    char digest[2 * CERTIFICATE_DIGEST_SIZE], names[NAMES_TOLD_SIZE];
    hex_write(certificate->digest, CERTIFICATE_DIGEST_SIZE, digest);
    struct certificate_report report = {
        .first_ns = entry->told_ns ? entry->told_ns : entry->first_ns,
        .last_ns = entry->last_ns,
        .count = entry->count - entry->told_count,
        .not_before_s = certificate->not_before_s,
        .not_after_s = certificate->not_after_s,
        .server_port = entry->server_port,
        .client = entry->client,
        .sha256 = span_of(digest, sizeof(digest)),
        .subject = texts_or_none(certificate->subject, certificate->subject_size),
        .issuer = texts_or_none(certificate->issuer, certificate->issuer_size),
        .serial = texts_or_none(certificate->serial, certificate->serial_size),
        .names = names_join(certificate, names),
    };
    memcpy(report.server.bytes, entry->server, sizeof(entry->server));
    tell_certificate(worker, &report);
    entry->told_ns = entry->last_ns;
    entry->told_count = entry->count;
}

/* At once when it is new, then with what came since. */
static void inventory_advance(struct pipeline *worker, struct certificate_entry *entry)
{
    bool due = entry->told_ns == 0 || entry->last_ns - entry->told_ns >= INVENTORY_INTERVAL_NS;
    if (worker->options.certificates && entry->readable && entry->count > entry->told_count && due)
        inventory_tell(worker, entry);
}

void certificates_flush(struct pipeline *worker)
{
    struct certificate_entry *entry;
    for (uint32_t i = 0; worker->options.certificates && (entry = certificate_cache_at(worker->certificates, i)); i++)
        if (entry->readable && entry->count > entry->told_count)
            inventory_tell(worker, entry);
}

/* ----------------------------------------------------------------------- findings */

static void finding_fold(void *context, const struct finding *finding)
{
    struct fold_context *fold = context;
    struct fold what = {.server = finding->call->endpoints.destination,
                        .port = finding->call->endpoints.destination_port,
                        .client = fold->client,
                        .verdict = (uint8_t)finding->verdict};
    memcpy(what.rule, finding->rule.data, min_u32(finding->rule.size, RULE_ID_SIZE_MAX));
    uint64_t digest = hash_bytes(&fold->worker->options.service_key, &what, sizeof(what));
    /* Of a replay no worker sees all connections, and what is told must not depend on how many there are. */
    bool folds = fold->entry && !fold->worker->options.share && fold->worker->options.rollups;
    if (!folds || certificate_entry_fold(fold->entry, digest))
        tell_finding(fold->worker, finding);
}

static void judge_one(struct pipeline *worker, struct policy_input *input, const struct certificate_pair *pair,
                      bool client)
{
    struct certificate_entry *entry = pair->entries[client ? 0 : 1];
    struct epoch *epoch = worker->epoch;
    struct fold_context context = {.worker = worker, .entry = entry, .client = client};
    uint32_t row = epoch->registry ? registry_operation_count(epoch->registry) : 0;
    struct policy_sink sink = {.context = &context, .finding = finding_fold};
    rollup_open(worker, epoch, row, 0, &sink);
    /* Of an epoch that was replaced meanwhile it was judged against other anchors. */
    bool current = entry && entry->key.epoch == epoch->number;
    input->certificate = current && entry->readable ? &entry->certificate : NULL;
    input->client_certificate = client;
    input->staple = client ? NULL : &pair->staple;
    policy_judge_certificate(epoch->policy, input, &sink);
}

void judge_certificates(struct pipeline *worker, const struct certificate_pair *pair, const struct call *connection,
                        const struct tls_facts *tls)
{
    struct epoch *epoch = worker->epoch;
    struct policy_input input = {
        .connection = connection,
        .tls = tls,
        .source_zone = zone_of(epoch, connection, true),
        .destination_zone = zone_of(epoch, connection, false),
        .time_ns = connection->end_ns,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
    };
    for (uint32_t i = 0; i < 2; i++)
        if (pair->entries[i])
            inventory_advance(worker, pair->entries[i]);
    judge_one(worker, &input, pair, false);
    if (tls->client_certificate == TLS_YES)
        judge_one(worker, &input, pair, true);
}

void certificate_pair_give(struct certificate_pair *pair)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (pair->entries[i])
            certificate_cache_give(pair->entries[i]);
        pair->entries[i] = NULL;
    }
}

const struct certificate *certificate_pair_at(const struct certificate_pair *pair, uint32_t direction)
{
    const struct certificate_entry *entry = pair->entries[direction];
    return entry && entry->readable ? &entry->certificate : NULL;
}
