/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Zones
 *
 * The named networks of the settings: which zone an address of a call belongs to. The longest prefix wins; among zones
 * with the same prefix one that also names the VLAN or VNI of the call wins.
 *
 * Memory:  one arena, taken by zones_compile(), given back by zones_free().
 * Threads: immutable; any number of readers.
 * Limits:  SETTINGS_ZONES_MAX zones, SETTINGS_ZONE_NETS_MAX CIDRs each. A lookup is one binary search per prefix length
 * in use. Errors:  -EINVAL with diagnostics: no CIDR, two zones with the same network, ...
 */

#include "base/diagnostics.h"
#include "base/pattern.h"
#include "config/settings.h"
#include "transaction/endpoints.h"

#define ZONE_NONE UINT32_MAX /* of addresses that no zone has */

struct zone {
    uint32_t index;   /* in the settings */
    const char *name; /* "" for the one of addresses that no zone has */
    uint32_t name_size;
    enum settings_zone_kind kind;
    enum settings_environment environment;
    bool plaintext_allowed;
    bool trusted_proxy;
    bool scanner;
    uint16_t tls_minimum;        /* version that its servers must speak at least; 0: that of the rule */
    struct pattern_list svids;   /* SPIFFE ids that its machines may have; empty: any */
    struct pattern_list names;   /* of hosts that its certificates may have, lower case; empty: any */
    struct pattern_list callers; /* those that may call its services; empty: any */
};

struct zones;

/* `settings` may have none at all: every address is then of unknown zone. */
MUST_USE int zones_compile(const struct settings *settings, struct diagnostics *diagnostics, struct zones **zones_out);
void zones_free(struct zones *zones);

/* Never NULL. */
const struct zone *zones_find(const struct zones *zones, const struct endpoints *endpoints,
                              const struct address *address);

/* Was any zone declared a trusted proxy / of this kind? A rule that needs to know answers unknown otherwise. */
bool zones_know_proxies(const struct zones *zones);
bool zones_know_kind(const struct zones *zones, enum settings_zone_kind kind);
