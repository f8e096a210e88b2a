/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Zones: networks sorted by (prefix length, address), so that a lookup is one binary search for each length in use,
 * longest first. Zones without networks, told by tunnel only, are networks of length 0.
 */

#include "policy/zones.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "config/yaml.h"
#include "policy/caller.h"

#define LENGTHS_MAX 129u /* 0 to 128 */

struct network {
    struct address address;
    uint8_t length; /* bits of the 16-byte form: an IPv4 /8 is 104 */
    bool tunnelled; /* its zone names VLANs or VNIs */
    uint16_t zone;
    uint32_t entry; /* in the zone's cidrs, for messages */
};

struct zone_tunnels {
    const uint32_t *vlans, *vnis, *sessions;
    uint32_t vlans_count, vnis_count, sessions_count;
};

struct zones {
    struct arena *arena;
    struct zone *zones;
    struct zone_tunnels *tunnels;
    struct network *networks;
    uint32_t networks_count;
    uint32_t zones_count;
    uint32_t lengths_count;
    uint32_t starts[LENGTHS_MAX + 1]; /* networks of lengths[i] begin at starts[i], end at starts[i + 1] */
    uint8_t lengths[LENGTHS_MAX];     /* in use, descending */
    uint32_t kinds;                   /* 1 << enum settings_zone_kind: some zone has it */
    bool proxies;
    struct zone unknown;
};

static void mask_apply(struct address *address, uint32_t length)
{
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t left = length > i * 8 ? length - i * 8 : 0;
        if (left < 8)
            address->bytes[i] &= (uint8_t)(0xff00u >> left);
    }
}

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". */
static int cidr_parse(const char *text, struct network *network_out, bool *host_bits_out)
{
    char address[ADDRESS_TEXT_SIZE];
    size_t size = strcspn(text, "/");
    uint8_t ip_version;
    if (size >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, size);
    address[size] = '\0';
    if (address_parse(address, &network_out->address, &ip_version) < 0)
        return -EINVAL;
    uint32_t whole = ip_version == 4 ? 32 : 128;
    uint32_t length = whole;
    if (text[size] == '/') {
        char *end;
        size_t digits = strspn(text + size + 1, "0123456789");
        if (digits == 0 || digits > 3 || text[size + 1 + digits] != '\0')
            return -EINVAL;
        length = (uint32_t)strtoul(text + size + 1, &end, 10);
        if (length > whole)
            return -EINVAL;
    }
    network_out->length = (uint8_t)(length + 128 - whole);
    struct address before = network_out->address;
    mask_apply(&network_out->address, network_out->length);
    *host_bits_out = memcmp(&before, &network_out->address, sizeof(before)) != 0;
    return 0;
}

/* Longest first; of the same network those told by tunnel first. */
static int network_order(const void *a, const void *b)
{
    const struct network *left = a, *right = b;
    if (left->length != right->length)
        return left->length > right->length ? -1 : 1;
    int order = memcmp(&left->address, &right->address, sizeof(left->address));
    if (order)
        return order;
    if (left->tunnelled != right->tunnelled)
        return left->tunnelled ? -1 : 1;
    return left->zone < right->zone ? -1 : left->zone > right->zone;
}

static void network_add(struct zones *zones, const struct settings *settings, struct diagnostics *diagnostics,
                        uint32_t zone, uint32_t entry)
{
    struct network *network = &zones->networks[zones->networks_count];
    const char *text = settings->zones[zone].cidrs[entry];
    bool host_bits;
    struct diagnostic_place place = yaml_document_place(settings->document, "/zones/%u/cidrs/%u", zone, entry);
    if (cidr_parse(text, network, &host_bits) < 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "'%.60s' is no network; write it like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1", text);
        return;
    }
    if (host_bits)
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &place,
                        "'%.60s' has bits set behind its prefix length; they are ignored", text);
    network->zone = (uint16_t)zone;
    network->entry = entry;
    network->tunnelled =
        settings->zones[zone].vlans_count || settings->zones[zone].vnis_count || settings->zones[zone].sessions_count;
    zones->networks_count++;
}

static const uint32_t *numbers_copy(struct zones *zones, const uint32_t *numbers, uint32_t count)
{
    uint32_t *copy = arena_take_array(zones->arena, uint32_t, count + 1);
    if (copy && count)
        memcpy(copy, numbers, count * sizeof(*copy));
    return copy;
}

/* A list of patterns in the settings of a zone. */
struct zone_list {
    const char *key;
    char *const *texts;
    uint32_t count;
    bool hosts; /* of host names; otherwise of SPIFFE ids */
};

static bool list_entry_compile(struct zones *zones, const struct zone_list *list, const char *text,
                               const struct diagnostic_place *place, struct diagnostics *diagnostics,
                               struct pattern *pattern_out)
{
    if (!list->hosts)
        return caller_pattern_compile(zones->arena, text, place, diagnostics, pattern_out);
    char *copy = arena_copy_text(zones->arena, text, strlen(text));
    for (char *letter = copy; letter && *letter; letter++)
        *letter = (char)ascii_lower((uint8_t)*letter);
    if (copy && pattern_init(pattern_out, span_from_text(copy)))
        return true;
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, place,
                    "'%.60s' is no pattern of host names; write it like *.example.org, with up to %u stars", text,
                    PATTERN_STARS_MAX);
    return false;
}

/* Empty when it could not be made: then a mistake was told, or memory was short. */
static struct pattern_list list_compile(struct zones *zones, const struct settings *settings,
                                        struct diagnostics *diagnostics, uint32_t zone, const struct zone_list *from)
{
    struct pattern_list list = {0};
    struct pattern *patterns = arena_take_array(zones->arena, struct pattern, from->count + 1);
    for (uint32_t i = 0; patterns && i < from->count; i++) {
        struct diagnostic_place place = yaml_document_place(settings->document, "/zones/%u/%s/%u", zone, from->key, i);
        if (!list_entry_compile(zones, from, from->texts[i], &place, diagnostics, &patterns[i]))
            return list;
    }
    if (from->count && (!patterns || pattern_list_init(&list, zones->arena, patterns, from->count) < 0))
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "no memory for the names of the zones");
    return list;
}

static void zone_add(struct zones *zones, const struct settings *settings, struct diagnostics *diagnostics,
                     uint32_t index)
{
    const struct settings_zone *from = &settings->zones[index];
    const struct zone_list svids = {"svids", from->svids, from->svids_count, false};
    const struct zone_list callers = {"callers", from->callers, from->callers_count, false};
    const struct zone_list names = {"names", from->names, from->names_count, true};
    size_t size = strlen(from->name);
    zones->zones[index] = (struct zone){
        .index = index,
        .name = arena_copy_text(zones->arena, from->name, size),
        .name_size = (uint32_t)size,
        .kind = from->kind,
        .environment = from->environment,
        .plaintext_allowed = from->plaintext_allowed,
        .trusted_proxy = from->trusted_proxy,
        .scanner = from->scanner,
        .tls_minimum = (uint16_t)from->tls_minimum,
        .svids = list_compile(zones, settings, diagnostics, index, &svids),
        .callers = list_compile(zones, settings, diagnostics, index, &callers),
        .names = list_compile(zones, settings, diagnostics, index, &names),
    };
    /* A growing arena that is out of memory says so at its last use too, see zones_compile(). */
    zones->tunnels[index] = (struct zone_tunnels){
        .vlans = numbers_copy(zones, from->vlans, from->vlans_count),
        .vnis = numbers_copy(zones, from->vnis, from->vnis_count),
        .sessions = numbers_copy(zones, from->sessions, from->sessions_count),
        .vlans_count = from->vlans_count,
        .vnis_count = from->vnis_count,
        .sessions_count = from->sessions_count,
    };
    zones->kinds |= 1u << from->kind;
    zones->proxies |= from->trusted_proxy;
    for (uint32_t i = 0; i < from->cidrs_count; i++)
        network_add(zones, settings, diagnostics, index, i);
    if (from->cidrs_count == 0)
        zones->networks[zones->networks_count++] = (struct network){.zone = (uint16_t)index, .tunnelled = true};
}

static void duplicates_check(const struct zones *zones, const struct settings *settings,
                             struct diagnostics *diagnostics)
{
    for (uint32_t i = 1; i < zones->networks_count; i++) {
        const struct network *one = &zones->networks[i - 1], *other = &zones->networks[i];
        if (one->length != other->length || one->tunnelled || other->tunnelled ||
            memcmp(&one->address, &other->address, sizeof(one->address)) != 0)
            continue;
        struct diagnostic_place place =
            yaml_document_place(settings->document, "/zones/%u/cidrs/%u", other->zone, other->entry);
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "the zones '%s' and '%s' have the same network; keep one", settings->zones[one->zone].name,
                        settings->zones[other->zone].name);
    }
}

static void lengths_index(struct zones *zones)
{
    for (uint32_t i = 0; i < zones->networks_count; i++) {
        if (i > 0 && zones->networks[i].length == zones->networks[i - 1].length)
            continue;
        zones->lengths[zones->lengths_count] = zones->networks[i].length;
        zones->starts[zones->lengths_count++] = i;
    }
    zones->starts[zones->lengths_count] = zones->networks_count;
}

int zones_compile(const struct settings *settings, struct diagnostics *diagnostics, struct zones **zones_out)
{
    *zones_out = NULL;
    uint32_t networks = 0;
    for (uint32_t i = 0; i < settings->zones_count; i++)
        networks += settings->zones[i].cidrs_count + 1;
    struct arena *arena = arena_new_growing();
    struct zones *zones = arena ? arena_take_array(arena, struct zones, 1) : NULL;
    if (zones) {
        zones->arena = arena;
        zones->zones_count = settings->zones_count;
        zones->zones = arena_take_array(arena, struct zone, settings->zones_count + 1);
        zones->tunnels = arena_take_array(arena, struct zone_tunnels, settings->zones_count + 1);
        zones->networks = arena_take_array(arena, struct network, networks + 1);
        zones->unknown = (struct zone){.index = ZONE_NONE, .name = "", .kind = SETTINGS_ZONE_UNKNOWN};
    }
    if (!zones || !zones->zones || !zones->tunnels || !zones->networks) {
        arena_free(arena);
        return -ENOMEM;
    }
    uint32_t errors = diagnostics->errors;
    bool complete = true;
    for (uint32_t i = 0; i < settings->zones_count; i++) {
        zone_add(zones, settings, diagnostics, i);
        complete &=
            zones->zones[i].name && zones->tunnels[i].vlans && zones->tunnels[i].vnis && zones->tunnels[i].sessions;
    }
    qsort(zones->networks, zones->networks_count, sizeof(zones->networks[0]), network_order);
    duplicates_check(zones, settings, diagnostics);
    lengths_index(zones);
    if (!complete || diagnostics->errors > errors) {
        zones_free(zones);
        return complete ? -EINVAL : -ENOMEM;
    }
    *zones_out = zones;
    return 0;
}

void zones_free(struct zones *zones)
{
    if (zones)
        arena_free(zones->arena);
}

static bool number_listed(const uint32_t *numbers, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static bool tunnels_fit(const struct zone_tunnels *wanted, const struct endpoints *endpoints)
{
    for (uint32_t i = 0; i < endpoints->tunnel_count && i < TUNNELS_MAX; i++) {
        const struct tunnel *tunnel = &endpoints->tunnels[i];
        bool vlan = tunnel->kind == TUNNEL_VLAN;
        bool vni = tunnel->kind == TUNNEL_VXLAN || tunnel->kind == TUNNEL_GENEVE || tunnel->kind == TUNNEL_NVGRE;
        bool session = !vlan && !vni && tunnel->kind != TUNNEL_IP;
        if (vlan && number_listed(wanted->vlans, wanted->vlans_count, tunnel->id))
            return true;
        if (vni && number_listed(wanted->vnis, wanted->vnis_count, tunnel->id))
            return true;
        if (session && number_listed(wanted->sessions, wanted->sessions_count, tunnel->id))
            return true;
    }
    return false;
}

/* The first network of that length with this address, or the end of the length's part. */
static uint32_t network_search(const struct zones *zones, uint32_t length_index, const struct address *address)
{
    uint32_t low = zones->starts[length_index], high = zones->starts[length_index + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(&zones->networks[middle].address, address, sizeof(*address)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct zone *zones_find(const struct zones *zones, const struct endpoints *endpoints,
                              const struct address *address)
{
    for (uint32_t i = 0; i < zones->lengths_count; i++) {
        struct address prefix = *address;
        mask_apply(&prefix, zones->lengths[i]);
        uint32_t end = zones->starts[i + 1];
        for (uint32_t at = network_search(zones, i, &prefix); at < end; at++) {
            const struct network *network = &zones->networks[at];
            if (memcmp(&network->address, &prefix, sizeof(prefix)) != 0)
                break;
            if (!network->tunnelled || tunnels_fit(&zones->tunnels[network->zone], endpoints))
                return &zones->zones[network->zone];
        }
    }
    return &zones->unknown;
}

bool zones_know_proxies(const struct zones *zones)
{
    return zones->proxies;
}

bool zones_know_kind(const struct zones *zones, enum settings_zone_kind kind)
{
    return (zones->kinds >> kind & 1) != 0;
}
