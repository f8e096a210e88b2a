/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings
 *
 * assay.yaml: what one sensor is called, what it captures, how much memory it may use, what its networks are called,
 * and where registry, rules and log lie. Everything has a default, so an empty file is a valid one.
 *
 * Memory:  heap, slow path only; settings_deinit() frees all of it.
 * Threads: read-only once loaded.
 * Paths:   relative ones are taken from the folder of the file; after loading all are absolute or as found.
 * Errors:  as config/yaml.h.
 */

#include "base/arena.h"
#include "base/diagnostics.h"

#define SETTINGS_WORKERS_MAX      64u  /* cores of one machine that a tap can use */
#define SETTINGS_ZONES_MAX        256u /* named networks; a rule's zones are judged by kind, not by scanning the list */
#define SETTINGS_ZONE_NETS_MAX    4096u /* CIDRs of one zone */
#define SETTINGS_ZONE_TUNNELS_MAX 4096u /* VLANs or VNIs of one zone */
#define SETTINGS_ISSUERS_MAX      64u   /* authorization servers of one organisation */
#define SETTINGS_TOKEN_NAMES_MAX  16u   /* entries of each list about tokens */
#define SETTINGS_SKEW_SECONDS     60u   /* clocks that are kept at all are nearer than that */
#define SETTINGS_CALLERS_MAX      48u   /* roles; each is compared with every claim of every token */
#define SETTINGS_KEY_SOURCES_MAX  64u   /* files, folders and private keys listed; folders hold any number of files */
#define SETTINGS_ZONE_FILES_MAX   64u   /* trust and revocation of one zone: a file for each authority */
#define SETTINGS_NAME_MAX         64u   /* names become file names, labels and keys elsewhere */

enum settings_checksum {
    SETTINGS_CHECKSUM_ACCEPT, /* mirrors often carry checksums the NIC has yet to fill in: not looked at */
    SETTINGS_CHECKSUM_EXCUSE, /* a bad one means the receiver dropped the segment: excused in the ledger */
};

enum settings_zone_kind {
    SETTINGS_ZONE_INTERNAL,
    SETTINGS_ZONE_PUBLIC, /* open networks (PCI DSS 4.2.1) */
    SETTINGS_ZONE_CDE,    /* cardholder data environment */
    SETTINGS_ZONE_PARTNER,
    SETTINGS_ZONE_MANAGEMENT,
    SETTINGS_ZONE_UNKNOWN, /* no zone has the address; cannot be written in a file */
    SETTINGS_ZONE_KIND_COUNT
};

enum settings_environment {
    SETTINGS_ENVIRONMENT_UNKNOWN, /* not said */
    SETTINGS_ENVIRONMENT_PRODUCTION,
    SETTINGS_ENVIRONMENT_NON_PRODUCTION,
    SETTINGS_ENVIRONMENT_COUNT
};

enum settings_tls_version {
    SETTINGS_TLS_ANY, /* not said */
    SETTINGS_TLS_10 = 0x0301,
    SETTINGS_TLS_11,
    SETTINGS_TLS_12,
    SETTINGS_TLS_13,
};

struct settings_sensor {
    char *name; /* default: the host's name */
};

struct settings_capture {
    char *driver; /* drivers-config file; NULL: none chosen, only replay is possible */
};

/* How both directions of a connection reach the same worker. */
enum settings_spread {
    SETTINGS_SPREAD_AUTO, /* by the NIC where that can do it for one port, otherwise workers hand packets over */
    SETTINGS_SPREAD_NIC,
    SETTINGS_SPREAD_HAND_OVER,
};

struct settings_workers {
    uint32_t count;                  /* default 1 */
    uint32_t memory_mib;             /* each worker's arena; default 1024 */
    uint32_t flows;                  /* each worker; default 65536 */
    uint32_t flow_idle_seconds;      /* default 300 */
    uint32_t skew_ms;                /* how far two tap ports may be apart; default 20 */
    uint32_t reassembly_mib;         /* out-of-order bytes of one worker; default 64 */
    uint32_t flow_reassembly_kib;    /* out-of-order bytes of one flow; default 256 */
    enum settings_checksum checksum; /* default accept */
    uint32_t body_scan_kib;          /* body bytes searched for sensitive data, a side; default 1024 */
    uint32_t body_decode_kib;        /* decompressed bytes of one body; default 1024 */
    enum settings_spread spread;     /* default auto */
    uint32_t hand_over_kib;          /* ring between two workers, a power of two; default 1024 */
};

struct settings_zone {
    char *name;
    enum settings_zone_kind kind;
    enum settings_environment environment;
    bool plaintext_allowed;                /* declared plaintext hop: cleartext is no finding here */
    bool trusted_proxy;                    /* its machines may set X-Forwarded-* and the like */
    bool scanner;                          /* its machines try weak handshakes on purpose: they are no finding */
    enum settings_tls_version tls_minimum; /* lowest version for servers of the zone, above what the rules say */
    char **trust; /* PEM: what certificates of its machines must lead to; empty: their trust is unknown */
    uint32_t trust_count;
    char **public_trust; /* the same, roots of the public PKI, whose certificates may not live long */
    uint32_t public_trust_count;
    char **revocation; /* CRLs, PEM or DER */
    uint32_t revocation_count;
    char **svids; /* patterns of the SPIFFE ids its machines may have; empty: any */
    uint32_t svids_count;
    char **names; /* patterns of the host names that certificates of its machines may have; empty: any */
    uint32_t names_count;
    char **callers; /* patterns of the SPIFFE ids that may call its services; empty: any */
    uint32_t callers_count;
    char **cidrs; /* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"; empty: every address of the tunnels below */
    uint32_t cidrs_count;
    uint32_t *vlans; /* only traffic inside one of these VLANs, VNIs or sessions; all empty: any */
    uint32_t vlans_count;
    uint32_t *vnis;
    uint32_t vnis_count;
    uint32_t *sessions; /* ERSPAN session ids, GRE keys, PPPoE sessions, MPLS labels, GTP-U tunnel ids */
    uint32_t sessions_count;
};

struct settings_registry {
    char *folder; /* NULL: no registry; what needs one answers unknown */
};

struct settings_certificates {
    char *inventory; /* digests of known certificates and issuers; NULL: none is kept */
};

/* Whose tokens are right; see token/issuers.h. */
struct settings_token_issuer {
    char *issuer; /* the `iss` claim */
    char *jwks;   /* file of its public keys; NULL: signatures are not verified */
    char **audiences;
    uint32_t audiences_count;
    char **algorithms;
    uint32_t algorithms_count;
    char **types; /* of the header, such as at+jwt */
    uint32_t types_count;
    uint32_t lifetime_max_seconds; /* default 0: any */
    uint32_t skew_seconds;         /* default 60 */
};

struct settings_tokens {
    struct settings_token_issuer *issuers;
    uint32_t issuers_count;
    char **headers; /* beside Authorization: where tokens travel */
    uint32_t headers_count;
    char **cookies;
    uint32_t cookies_count;
    char **parameters; /* of the query */
    uint32_t parameters_count;
    char **scope_claims; /* default: scope, scp, roles, permissions and realm_access.roles */
    uint32_t scope_claims_count;
    uint32_t verifications_per_second; /* of one worker; default 1000 */
};

/* Who has this value in this claim of a token, or a certificate with such a SPIFFE id, has the role. */
struct settings_caller {
    char *claim; /* "realm_access.roles", or a JSON pointer; NULL: the caller is told by `spiffe` */
    char *value;
    char *spiffe; /* a pattern; NULL: the caller is told by `claim` and `value` */
    char *role;
};

struct settings_queue {
    char *name;        /* of the shared memory; default "assay" */
    uint32_t size_kib; /* ring of one worker, a power of two; default 16384 */
};

struct settings_log {
    char *folder;            /* findings; default "findings" beside the file */
    uint32_t rotate_mib;     /* default 256 */
    uint32_t rotate_minutes; /* default 60 */
    uint32_t keep_files;     /* 0: all; default 0 */
};

struct settings_reporter {
    uint32_t flush_ms; /* longest time a record waits for its batch to reach the disk; default 5 */
};

struct settings_ledger {
    uint32_t interval_seconds; /* between two coverage records; default 60 */
};

/* A secret engine of HashiCorp Vault, key/value version 2. */
struct settings_vault {
    char *address;    /* "https://vault.example:8200"; NULL: no vault */
    char *name_space; /* X-Vault-Namespace; NULL: none */
    char *mount;      /* default "secret" */
    char **paths;     /* secrets whose text fields hold key log lines */
    uint32_t paths_count;
    char *token_file;   /* either this one ... */
    char *role_id_file; /* ... or these two (AppRole) */
    char *secret_id_file;
    char *ca_file;             /* certificates to trust; NULL: the system's */
    uint32_t interval_seconds; /* between two looks; default 5 */
};

/* Where the secrets of TLS connections come from, and how long ciphertext waits for them. */
struct settings_keys {
    char **files; /* key logs (RFC 9850) that grow, or folders of them */
    uint32_t files_count;
    char *socket;           /* a Unix socket that takes key log lines; NULL: none */
    uint32_t *socket_users; /* user ids that may write to it beside root and the worker's own */
    uint32_t socket_users_count;
    char **rsa_keys; /* PEM, unencrypted: for suites whose key exchange is static RSA */
    uint32_t rsa_keys_count;
    struct settings_vault vault;
    uint32_t connections;    /* whose secrets are kept; default 65536 */
    uint32_t expire_seconds; /* an older secret is wiped; default 3600 */
    uint32_t
        resumption_seconds; /* a master secret up to TLS 1.2 is kept so long for resumption; default 0: it is not */
    uint32_t wait_ms;       /* ciphertext waits so long for its key; default 5000 */
    uint32_t wait_mib;      /* ciphertext of one worker that may wait; default 64 */
};

struct yaml_document;

struct settings {
    struct settings_sensor sensor;
    struct settings_capture capture;
    struct settings_workers workers;
    struct settings_zone *zones;
    uint32_t zones_count;
    struct settings_registry registry;
    struct settings_certificates certificates;
    struct settings_tokens tokens;
    struct settings_caller *callers; /* the first that fits counts */
    uint32_t callers_count;
    char **rules; /* rule packs, files or folders; default: the shipped ones. Later ones override earlier ones. */
    uint32_t rules_count;
    char **detectors; /* detector files; default: the shipped ones */
    uint32_t detectors_count;
    bool fips; /* use OpenSSL's FIPS provider, judge by the FIPS lists */
    struct settings_queue queue;
    struct settings_log log;
    struct settings_reporter reporter;
    struct settings_ledger ledger;
    struct settings_keys keys;
    struct yaml_document *document; /* places of entries, for checks made later */
    struct arena *arena;            /* texts made while loading */
};

MUST_USE int settings_load(const char *path, struct diagnostics *diagnostics, struct settings *settings_out);

/* Of an empty file in the current folder. */
MUST_USE int settings_default(struct diagnostics *diagnostics, struct settings *settings_out);

/* `name` stands for the file, and its folder for relative paths. */
MUST_USE int settings_load_text(const char *name, const void *text, size_t size, struct diagnostics *diagnostics,
                                struct settings *settings_out);

/* Zeroed settings are fine too. */
void settings_deinit(struct settings *settings);

/* "internal", "cde" ...; "production" ... Never NULL. */
const char *settings_zone_kind_name(enum settings_zone_kind kind);
const char *settings_environment_name(enum settings_environment environment);
