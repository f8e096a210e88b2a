/* SPDX-License-Identifier: Apache-2.0 */

/* Resumed sessions: sets of a fixed number of entries, found by comparing tags that lie side by side. */

#include "pipeline/resumption.h"

#include <errno.h>

#include "tls/cursor.h"
#include "tls/hello.h"

#define TLS13 0x0304u

struct set {
    uint64_t *names; /* 0: free */
    uint64_t *used_ns;
    struct resumption_facts *facts;
};

struct resumption_table {
    struct hash_key key;
    uint32_t ways;
    struct set sets[RESUMPTION_SETS];
};

static size_t set_size(uint32_t ways)
{
    return ways * (2 * sizeof(uint64_t) + sizeof(struct resumption_facts)) + 3 * (size_t)CACHE_LINE;
}

size_t resumption_table_size(uint32_t ways)
{
    return sizeof(struct resumption_table) + CACHE_LINE + RESUMPTION_SETS * set_size(ways);
}

int resumption_table_new(struct resumption_table **table_out, struct arena *arena, const struct hash_key *key,
                         uint32_t ways)
{
    struct resumption_table *table = arena_take_array(arena, struct resumption_table, 1);
    if (!table)
        return -ENOMEM;
    table->key = *key;
    table->ways = ways;
    for (uint32_t i = 0; i < RESUMPTION_SETS; i++) {
        struct set *set = &table->sets[i];
        set->names = arena_take_array(arena, uint64_t, ways);
        set->used_ns = arena_take_array(arena, uint64_t, ways);
        set->facts = arena_take_array(arena, struct resumption_facts, ways);
        if (!set->names || !set->used_ns || !set->facts)
            return -ENOMEM;
    }
    *table_out = table;
    return 0;
}

/* ------------------------------------------------------------------------ names */

uint32_t resumption_set_of(const struct hash_key *key, const struct endpoints *endpoints)
{
    struct address pair[2] = {endpoints->source, endpoints->destination};
    if (memcmp(&pair[0], &pair[1], sizeof(pair[0])) > 0) {
        pair[0] = endpoints->destination;
        pair[1] = endpoints->source;
    }
    return (uint32_t)(hash_bytes(key, pair, sizeof(pair)) % RESUMPTION_SETS);
}

/* 0 where there is nothing to name by. Ids and tickets are long enough never to be mistaken for each other. */
static uint64_t name_of(const struct hash_key *key, struct span id)
{
    return id.size ? hash_bytes(key, id.data, id.size) | 1 : 0;
}

static void client_hello(const struct hash_key *key, struct resumption_names *names, const struct tls_message *message)
{
    struct tls_hello hello;
    if (message->sslv2 || !tls_hello_parse_client(message->body, &hello))
        return;
    memset(names->offered, 0, sizeof(names->offered));
    if (hello.extensions[TLS_EXTENSION_PRE_SHARED_KEY].size == 0) {
        names->offered[0] = name_of(key, hello.extensions[TLS_EXTENSION_TICKET]);
        return;
    }
    struct tls_cursor cursor = tls_cursor_of(hello.extensions[TLS_EXTENSION_PRE_SHARED_KEY]);
    struct tls_cursor identities = tls_cursor_of(tls_cursor_vector(&cursor, 2));
    for (uint32_t i = 0; i < RESUMPTION_NAMES_MAX && identities.left.size && !identities.bad; i++) {
        struct span identity = tls_cursor_vector(&identities, 2);
        tls_cursor_number(&identities, 4); /* obfuscated age */
        names->offered[i] = identities.bad ? 0 : name_of(key, identity);
    }
}

static void server_hello(const struct hash_key *key, struct resumption_names *names, const struct tls_facts *facts,
                         const struct tls_message *message)
{
    struct tls_hello hello;
    if (!(facts->seen & TLS_SEEN_SERVER_HELLO) || !tls_hello_parse_server(message->body, &hello))
        return;
    struct tls_cursor selected = tls_cursor_of(hello.extensions[TLS_EXTENSION_PRE_SHARED_KEY]);
    uint32_t index = tls_cursor_number(&selected, 2);
    if (facts->version < TLS13)
        names->resumed = names->offered[0] ? names->offered[0] : name_of(key, hello.session_id);
    else if (!selected.bad && index < RESUMPTION_NAMES_MAX)
        names->resumed = names->offered[index];
}

/* The ticket in NewSessionTicket: RFC 5077 3.3, RFC 8446 4.6.1. */
static bool ticket(const struct hash_key *key, struct resumption_names *names, const struct tls_facts *facts,
                   const struct tls_message *message)
{
    struct tls_cursor cursor = tls_cursor_of(message->body);
    tls_cursor_number(&cursor, 4); /* lifetime */
    if (facts->version >= TLS13) {
        tls_cursor_number(&cursor, 4); /* added to the age */
        tls_cursor_vector(&cursor, 1); /* nonce */
    }
    struct span issued = tls_cursor_vector(&cursor, 2);
    names->issued = cursor.bad ? 0 : name_of(key, issued);
    return names->issued != 0;
}

bool resumption_message(const struct hash_key *key, struct resumption_names *names, const struct tls_facts *facts,
                        const struct tls_message *message)
{
    if (message->truncated)
        return false;
    if (message->type == TLS_NEW_SESSION_TICKET)
        return ticket(key, names, facts, message);
    if (message->type == TLS_CLIENT_HELLO && !message->decrypted)
        client_hello(key, names, message);
    if (message->type == TLS_SERVER_HELLO && !message->decrypted)
        server_hello(key, names, facts, message);
    return false;
}

/* ------------------------------------------------------------------------ table */

static struct set *set_for(struct resumption_table *table, const struct endpoints *endpoints)
{
    return &table->sets[resumption_set_of(&table->key, endpoints)];
}

/* A name holds between two addresses only. */
static uint64_t name_between(const struct resumption_table *table, const struct endpoints *endpoints, uint64_t name)
{
    struct {
        struct address client, server;
        uint64_t name;
    } whole = {endpoints->source, endpoints->destination, name};
    return hash_bytes(&table->key, &whole, sizeof(whole)) | 1;
}

/* Its place, or where it is to be kept: a free place, or that of the one used longest ago. */
static uint32_t place_of(const struct resumption_table *table, const struct set *set, uint64_t name)
{
    uint32_t oldest = 0;
    for (uint32_t way = 0; way < table->ways; way++) {
        if (set->names[way] == name)
            return way;
        if (set->used_ns[way] < set->used_ns[oldest])
            oldest = way;
    }
    return oldest;
}

static void keep(struct resumption_table *table, const struct endpoints *endpoints, uint64_t name,
                 const struct resumption_facts *facts, uint64_t time_ns)
{
    if (!name)
        return;
    struct set *set = set_for(table, endpoints);
    name = name_between(table, endpoints, name);
    uint32_t way = place_of(table, set, name);
    set->names[way] = name;
    set->used_ns[way] = time_ns;
    set->facts[way] = *facts;
}

void resumption_keep(struct resumption_table *table, const struct endpoints *endpoints,
                     const struct resumption_names *names, const struct tls_facts *facts, struct span caller,
                     uint64_t time_ns)
{
    struct resumption_facts kept = {.group = facts->group,
                                    .dh_bits = facts->dh_bits,
                                    .extended_master_secret = facts->extended_master_secret,
                                    .client_certificate = facts->client_certificate,
                                    .client_certificate_requested = facts->client_certificate_requested};
    if (caller.size && caller.size <= RESUMPTION_CALLER_MAX) {
        memcpy(kept.caller, caller.data, caller.size);
        kept.caller_size = (uint8_t)caller.size;
    }
    keep(table, endpoints, names->issued, &kept, time_ns);
    if (facts->version < TLS13)
        keep(table, endpoints, name_of(&table->key, span_of(facts->session_id, facts->session_id_size)), &kept,
             time_ns);
}

bool resumption_find(struct resumption_table *table, const struct endpoints *endpoints,
                     const struct resumption_names *names, const struct tls_facts *facts, uint64_t time_ns,
                     struct resumption_facts *found_out)
{
    struct set *set = set_for(table, endpoints);
    uint64_t tried[] = {names->resumed, facts->version < TLS13
                                            ? name_of(&table->key, span_of(facts->session_id, facts->session_id_size))
                                            : 0};
    for (uint32_t i = 0; i < ARRAY_COUNT(tried); i++) {
        uint64_t name = name_between(table, endpoints, tried[i]);
        uint32_t way = place_of(table, set, name);
        if (!tried[i] || set->names[way] != name)
            continue;
        set->used_ns[way] = time_ns;
        *found_out = set->facts[way];
        return true;
    }
    return false;
}

void resumption_inherit(const struct resumption_facts *found, struct tls_facts *facts)
{
    if (facts->client_certificate == TLS_UNKNOWN)
        facts->client_certificate = found->client_certificate;
    if (facts->client_certificate_requested == TLS_UNKNOWN)
        facts->client_certificate_requested = found->client_certificate_requested;
    if (facts->extended_master_secret == TLS_UNKNOWN)
        facts->extended_master_secret = found->extended_master_secret;
    /* TLS 1.3 exchanges keys anew, or says that it does not. */
    if (facts->version >= TLS13 || facts->group || facts->dh_bits)
        return;
    facts->group = found->group;
    facts->dh_bits = found->dh_bits;
}
