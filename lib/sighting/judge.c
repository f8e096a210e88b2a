/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What sightings say together: one function for each kind. All of them are told once a window, so that what goes on and
 * on does not fill the log.
 */

#include "sighting/judge.h"

#include <string.h>

#define TOKEN_SOURCES_MAX   6u   /* clients of one token kept: a breach shows with two or three */
#define TOKEN_RECEIVERS_MAX 4u   /* services it was sent to that may send it on */
#define OBJECTS_KEPT        301u /* of one client and operation: one more than a rule may let pass */

struct token_source {
    struct address client;
    uint64_t certificate;
    uint64_t first_ns, last_ns;
};

struct token_entry {
    struct sighting_entry entry;
    uint64_t told_ns;
    uint32_t source_count, receiver_count;
    struct token_source sources[TOKEN_SOURCES_MAX];
    struct address receivers[TOKEN_RECEIVERS_MAX];
};

struct attempt_entry {
    struct sighting_entry entry;
    uint64_t failures; /* in a row */
    uint64_t first_ns, last_ns;
};

struct object_entry {
    struct sighting_entry entry;
    uint64_t first_ns;
    bool told;
    uint32_t count;
    uint32_t objects[OBJECTS_KEPT + 1]; /* of each a part of its hash; one more, so that entries stay aligned */
};

struct request_id_entry {
    struct sighting_entry entry;
    uint64_t detail;
    uint64_t first_ns, last_ns, told_ns;
    struct address server;
    uint64_t port;
};

static const struct {
    uint32_t entries;
    size_t entry_size;
    size_t offset;
} tables[] = {
    {SIGHTING_TOKENS_MAX, sizeof(struct token_entry), offsetof(struct sighting_judge, tokens)},
    {SIGHTING_ATTEMPTS_MAX, sizeof(struct attempt_entry), offsetof(struct sighting_judge, attempts)},
    {SIGHTING_OBJECTS_MAX, sizeof(struct object_entry), offsetof(struct sighting_judge, objects)},
    {SIGHTING_REQUEST_IDS_MAX, sizeof(struct request_id_entry), offsetof(struct sighting_judge, request_ids)},
    {SIGHTING_RECEIVERS_MAX, sizeof(struct sighting_entry), offsetof(struct sighting_judge, receivers)},
};

size_t sighting_judge_size(void)
{
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        size += sighting_table_size(tables[i].entries, tables[i].entry_size);
    return size;
}

bool sighting_judge_init(struct sighting_judge *judge, struct arena *arena)
{
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        void *table = (uint8_t *)judge + tables[i].offset;
        if (!sighting_table_init(table, arena, tables[i].entries, tables[i].entry_size))
            return false;
    }
    return true;
}

static uint64_t later(uint64_t time_ns, uint64_t by_ns)
{
    return time_ns > UINT64_MAX - by_ns ? UINT64_MAX : time_ns + by_ns;
}

/* At most `span_ns` lie between; the earlier one may come late. */
static bool near(uint64_t earlier_ns, uint64_t now_ns, uint64_t span_ns)
{
    return now_ns <= later(earlier_ns, span_ns);
}

static bool same(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void *entry_take(struct sighting_table *table, const struct sighting *sighting)
{
    return sighting_table_take(table, sighting->key, sighting->time_ns, later(sighting->time_ns, sighting->window_ns));
}

/* -------------------------------------------------------------------- tokens */

static bool is_mapped(const struct address *address)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

/* One client: of IPv6 the network, of which a host has many addresses (RFC 8981). */
static bool same_client(const struct address *a, const struct address *b)
{
    return is_mapped(a) || is_mapped(b) ? same(a, b) : memcmp(a->bytes, b->bytes, 8) == 0;
}

static void receiver_add(struct token_entry *token, const struct address *server)
{
    for (uint32_t i = 0; i < min_u32(token->receiver_count, TOKEN_RECEIVERS_MAX); i++)
        if (same(&token->receivers[i], server))
            return;
    token->receivers[token->receiver_count++ % TOKEN_RECEIVERS_MAX] = *server;
}

/* A gateway sends on what it was sent: that is one use of the token, not two. */
static bool sends_on(const struct token_entry *token, const struct token_source *source)
{
    for (uint32_t i = 0; i < min_u32(token->receiver_count, TOKEN_RECEIVERS_MAX); i++)
        if (same(&token->receivers[i], &source->client))
            return true;
    return false;
}

static struct token_source *source_find(struct token_entry *token, const struct sighting *sighting)
{
    for (uint32_t i = 0; i < token->source_count; i++)
        if (same_client(&token->sources[i].client, &sighting->client) &&
            token->sources[i].certificate == sighting->detail)
            return &token->sources[i];
    return NULL;
}

/* The one that was quiet longest gives way. */
static struct token_source *source_add(struct token_entry *token, const struct sighting *sighting)
{
    struct token_source *source = &token->sources[0];
    if (token->source_count < TOKEN_SOURCES_MAX)
        source = &token->sources[token->source_count++];
    for (uint32_t i = 0; i < token->source_count; i++)
        if (token->sources[i].last_ns < source->last_ns)
            source = &token->sources[i];
    *source = (struct token_source){.client = sighting->client,
                                    .certificate = sighting->detail,
                                    .first_ns = sighting->time_ns,
                                    .last_ns = sighting->time_ns};
    return source;
}

struct token_uses {
    uint32_t clients;                 /* addresses, this one included */
    const struct token_source *other; /* the last one before */
    const char *breach;               /* NULL: none */
};

/* A walker who changes networks leaves the old one; two clients take turns. */
static bool takes_turns(const struct token_source *source, const struct token_source *other)
{
    return other->first_ns > source->first_ns && is_mapped(&other->client) == is_mapped(&source->client) &&
           !same_client(&other->client, &source->client);
}

static void other_note(struct token_uses *uses, const struct token_source *source, const struct token_source *other)
{
    if (!same_client(&other->client, &source->client))
        uses->clients++;
    if (!uses->other || other->last_ns > uses->other->last_ns)
        uses->other = other;
    if (other->certificate && source->certificate && other->certificate != source->certificate)
        uses->breach = "with two client certificates";
    else if (!uses->breach && takes_turns(source, other))
        uses->breach = "from two clients in turns";
}

static struct token_uses uses_count(const struct token_entry *token, const struct token_source *source,
                                    const struct sighting *sighting)
{
    struct token_uses uses = {.clients = 1};
    if (sends_on(token, source))
        return uses;
    for (uint32_t i = 0; i < token->source_count; i++) {
        const struct token_source *other = &token->sources[i];
        if (other != source && !sends_on(token, other) && near(other->last_ns, sighting->time_ns, sighting->window_ns))
            other_note(&uses, source, other);
    }
    if (!uses.breach && uses.clients > sighting->limit)
        uses.breach = "from more clients than the limit";
    return uses;
}

static bool judge_token(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence)
{
    struct token_entry *token = entry_take(&judge->tokens, sighting);
    receiver_add(token, &sighting->server);
    struct token_source *source = source_find(token, sighting);
    if (!source)
        source = source_add(token, sighting);
    source->last_ns = sighting->time_ns;
    struct token_uses uses = uses_count(token, source, sighting);
    if (!uses.breach || (token->told_ns && near(token->told_ns, sighting->time_ns, sighting->window_ns)))
        return false;
    token->told_ns = sighting->time_ns;
    evidence_add_text(evidence, "used", span_from_text(uses.breach));
    evidence_add_unsigned(evidence, "clients", uses.clients);
    evidence_add_address(evidence, "client", &sighting->client);
    evidence_add_time(evidence, "client_first", source->first_ns);
    evidence_add_time(evidence, "client_last", source->last_ns);
    evidence_add_address(evidence, "other_client", &uses.other->client);
    evidence_add_time(evidence, "other_first", uses.other->first_ns);
    evidence_add_time(evidence, "other_last", uses.other->last_ns);
    return true;
}

/* ------------------------------------------------------------------ attempts */

static bool judge_attempt(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence)
{
    uint64_t now_ns = sighting->time_ns;
    if (sighting->refused) {
        struct attempt_entry *refused = entry_take(&judge->attempts, sighting);
        if (refused->failures++ == 0)
            refused->first_ns = now_ns;
        refused->last_ns = now_ns;
        return false;
    }
    struct attempt_entry *attempt = sighting_table_find(&judge->attempts, sighting->key, now_ns);
    if (!attempt)
        return false;
    bool guessed = attempt->failures > sighting->limit;
    if (guessed) {
        evidence_add_address(evidence, "client", &sighting->client);
        evidence_add_unsigned(evidence, "failures", attempt->failures);
        evidence_add_time(evidence, "first_failure", attempt->first_ns);
        evidence_add_time(evidence, "last_failure", attempt->last_ns);
        evidence_add_time(evidence, "success", now_ns);
    }
    attempt->failures = 0; /* many behind one address succeed between their failures; one who guesses does not */
    return guessed;
}

/* ------------------------------------------------------------------- objects */

static void object_note(struct object_entry *objects, uint32_t object)
{
    for (uint32_t i = 0; i < objects->count; i++)
        if (objects->objects[i] == object)
            return;
    if (objects->count < OBJECTS_KEPT)
        objects->objects[objects->count++] = object;
}

static bool judge_object(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence)
{
    struct object_entry *objects = entry_take(&judge->objects, sighting);
    if (!near(objects->first_ns, sighting->time_ns, sighting->window_ns)) {
        objects->count = 0;
        objects->first_ns = sighting->time_ns;
        objects->told = false;
    }
    object_note(objects, (uint32_t)(sighting->detail >> 32));
    if (objects->count <= sighting->limit || objects->told)
        return false;
    objects->told = true;
    evidence_add_address(evidence, "client", &sighting->client);
    evidence_add_unsigned(evidence, "objects", objects->count);
    evidence_add_time(evidence, "first", objects->first_ns);
    evidence_add_time(evidence, "last", sighting->time_ns);
    return true;
}

/* --------------------------------------------------------------- request ids */

static void address_key(const struct address *address, uint64_t key_out[2])
{
    memcpy(key_out, address->bytes, sizeof(address->bytes));
}

void sighting_note_receiver(struct sighting_judge *judge, const struct sighting *sighting)
{
    uint64_t key[2];
    if (sighting->kind != SIGHTING_REQUEST_ID || same(&sighting->client, &sighting->server))
        return;
    address_key(&sighting->server, key);
    (void)sighting_table_take(&judge->receivers, key, sighting->time_ns, later(sighting->time_ns, sighting->window_ns));
}

/* A service that is called with request ids gives each to all calls it makes for it. */
static bool gives_on(struct sighting_judge *judge, const struct sighting *sighting)
{
    uint64_t key[2];
    address_key(&sighting->client, key);
    return sighting_table_find(&judge->receivers, key, sighting->time_ns) != NULL;
}

static bool judge_request_id(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence)
{
    struct request_id_entry *id = entry_take(&judge->request_ids, sighting);
    uint64_t now_ns = sighting->time_ns;
    struct request_id_entry before = *id;
    if (id->last_ns == 0) {
        id->detail = sighting->detail;
        id->first_ns = now_ns;
        id->server = sighting->server;
        id->port = sighting->client_port;
    }
    id->last_ns = now_ns;
    bool soon = near(before.last_ns, now_ns, sighting->retry_ns);
    if (before.last_ns == 0 || (soon && before.detail == sighting->detail) || (soon && gives_on(judge, sighting)) ||
        (before.told_ns && near(before.told_ns, now_ns, sighting->window_ns)))
        return false;
    id->told_ns = now_ns;
    evidence_add_text(evidence, "request",
                      before.detail == sighting->detail ? SPAN_LITERAL("the same, too late for a retry")
                                                        : SPAN_LITERAL("another one"));
    evidence_add_address(evidence, "client", &sighting->client);
    evidence_add_time(evidence, "first", before.first_ns);
    evidence_add_address(evidence, "first_server", &before.server);
    evidence_add_unsigned(evidence, "first_client_port", before.port);
    evidence_add_time(evidence, "before", before.last_ns);
    return true;
}

/* --------------------------------------------------------------------- public */

bool sighting_judge(struct sighting_judge *judge, const struct sighting *sighting, struct evidence *evidence)
{
    switch ((enum sighting_kind)sighting->kind) {
    case SIGHTING_TOKEN:
        return judge_token(judge, sighting, evidence);
    case SIGHTING_ATTEMPT:
        return judge_attempt(judge, sighting, evidence);
    case SIGHTING_OBJECT:
        return judge_object(judge, sighting, evidence);
    case SIGHTING_REQUEST_ID:
        return judge_request_id(judge, sighting, evidence);
    case SIGHTING_KIND_COUNT:
        break;
    }
    require(false);
    return false;
}

/* Receivers are not counted: they only keep a finding back. */
uint64_t sighting_judge_held(const struct sighting_judge *judge)
{
    return judge->tokens.held + judge->attempts.held + judge->objects.held + judge->request_ids.held;
}

uint64_t sighting_judge_forgotten(const struct sighting_judge *judge)
{
    return judge->tokens.forgotten + judge->attempts.forgotten + judge->objects.forgotten +
           judge->request_ids.forgotten;
}
