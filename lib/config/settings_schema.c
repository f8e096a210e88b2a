/* SPDX-License-Identifier: Apache-2.0 */

/* What assay.yaml may hold, as libcyaml wants it told: names, types, words. Ranges and what belongs together:
 * settings.c. */

#include "config/settings_schema.h"

#include "config/settings.h"

#define TEXT_MAX         4096u /* a path */
#define RULES_LISTED_MAX 64u
#define TOKEN_TEXT_MAX   512u /* an issuer is a URL; longer values of claims have no room in a token either */

static const struct cyaml_strval checksum_words[] = {
    {"accept", SETTINGS_CHECKSUM_ACCEPT},
    {"excuse", SETTINGS_CHECKSUM_EXCUSE},
};

static const struct cyaml_strval spread_words[] = {
    {"auto", SETTINGS_SPREAD_AUTO},
    {"nic", SETTINGS_SPREAD_NIC},
    {"hand-over", SETTINGS_SPREAD_HAND_OVER},
};

static const struct cyaml_strval kind_words[] = {
    {"internal", SETTINGS_ZONE_INTERNAL}, {"public", SETTINGS_ZONE_PUBLIC},         {"cde", SETTINGS_ZONE_CDE},
    {"partner", SETTINGS_ZONE_PARTNER},   {"management", SETTINGS_ZONE_MANAGEMENT},
};

static const struct cyaml_strval environment_words[] = {
    {"production", SETTINGS_ENVIRONMENT_PRODUCTION},
    {"non-production", SETTINGS_ENVIRONMENT_NON_PRODUCTION},
};

static const struct cyaml_strval tls_words[] = {
    {"TLSv1.0", SETTINGS_TLS_10},
    {"TLSv1.1", SETTINGS_TLS_11},
    {"TLSv1.2", SETTINGS_TLS_12},
    {"TLSv1.3", SETTINGS_TLS_13},
};

static const struct cyaml_schema_value text_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};
static const struct cyaml_schema_value number_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const struct cyaml_schema_field sensor_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_OPTIONAL, struct settings_sensor, name, 1, SETTINGS_NAME_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field capture_fields[] = {
    CYAML_FIELD_STRING_PTR("driver", CYAML_FLAG_OPTIONAL, struct settings_capture, driver, 1, TEXT_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field workers_fields[] = {
    CYAML_FIELD_UINT("count", CYAML_FLAG_OPTIONAL, struct settings_workers, count),
    CYAML_FIELD_UINT("memory_mib", CYAML_FLAG_OPTIONAL, struct settings_workers, memory_mib),
    CYAML_FIELD_UINT("flows", CYAML_FLAG_OPTIONAL, struct settings_workers, flows),
    CYAML_FIELD_UINT("flow_idle_seconds", CYAML_FLAG_OPTIONAL, struct settings_workers, flow_idle_seconds),
    CYAML_FIELD_UINT("skew_ms", CYAML_FLAG_OPTIONAL, struct settings_workers, skew_ms),
    CYAML_FIELD_UINT("reassembly_mib", CYAML_FLAG_OPTIONAL, struct settings_workers, reassembly_mib),
    CYAML_FIELD_UINT("flow_reassembly_kib", CYAML_FLAG_OPTIONAL, struct settings_workers, flow_reassembly_kib),
    CYAML_FIELD_ENUM("checksum", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings_workers, checksum,
                     checksum_words, ARRAY_COUNT(checksum_words)),
    CYAML_FIELD_UINT("body_scan_kib", CYAML_FLAG_OPTIONAL, struct settings_workers, body_scan_kib),
    CYAML_FIELD_UINT("body_decode_kib", CYAML_FLAG_OPTIONAL, struct settings_workers, body_decode_kib),
    CYAML_FIELD_ENUM("spread", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings_workers, spread, spread_words,
                     ARRAY_COUNT(spread_words)),
    CYAML_FIELD_UINT("hand_over_kib", CYAML_FLAG_OPTIONAL, struct settings_workers, hand_over_kib),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field zone_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_DEFAULT, struct settings_zone, name, 1, SETTINGS_NAME_MAX),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct settings_zone, kind, kind_words, ARRAY_COUNT(kind_words)),
    CYAML_FIELD_ENUM("environment", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings_zone, environment,
                     environment_words, ARRAY_COUNT(environment_words)),
    CYAML_FIELD_BOOL("plaintext_allowed", CYAML_FLAG_OPTIONAL, struct settings_zone, plaintext_allowed),
    CYAML_FIELD_BOOL("trusted_proxy", CYAML_FLAG_OPTIONAL, struct settings_zone, trusted_proxy),
    CYAML_FIELD_BOOL("scanner", CYAML_FLAG_OPTIONAL, struct settings_zone, scanner),
    CYAML_FIELD_ENUM("tls_minimum", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings_zone, tls_minimum,
                     tls_words, ARRAY_COUNT(tls_words)),
    CYAML_FIELD_SEQUENCE("trust", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, trust, &text_entry, 0,
                         SETTINGS_ZONE_FILES_MAX),
    CYAML_FIELD_SEQUENCE("public_trust", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, public_trust,
                         &text_entry, 0, SETTINGS_ZONE_FILES_MAX),
    CYAML_FIELD_SEQUENCE("revocation", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, revocation,
                         &text_entry, 0, SETTINGS_ZONE_FILES_MAX),
    CYAML_FIELD_SEQUENCE("svids", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, svids, &text_entry, 0,
                         SETTINGS_ZONE_NETS_MAX),
    CYAML_FIELD_SEQUENCE("names", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, names, &text_entry, 0,
                         SETTINGS_ZONE_NETS_MAX),
    CYAML_FIELD_SEQUENCE("callers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, callers,
                         &text_entry, 0, SETTINGS_ZONE_NETS_MAX),
    CYAML_FIELD_SEQUENCE("cidrs", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, cidrs, &text_entry, 0,
                         SETTINGS_ZONE_NETS_MAX),
    CYAML_FIELD_SEQUENCE("vlans", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, vlans, &number_entry,
                         0, SETTINGS_ZONE_TUNNELS_MAX),
    CYAML_FIELD_SEQUENCE("vnis", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, vnis, &number_entry, 0,
                         SETTINGS_ZONE_TUNNELS_MAX),
    CYAML_FIELD_SEQUENCE("sessions", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_zone, sessions,
                         &number_entry, 0, SETTINGS_ZONE_TUNNELS_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field registry_fields[] = {
    CYAML_FIELD_STRING_PTR("folder", CYAML_FLAG_OPTIONAL, struct settings_registry, folder, 1, TEXT_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field certificates_fields[] = {
    CYAML_FIELD_STRING_PTR("inventory", CYAML_FLAG_OPTIONAL, struct settings_certificates, inventory, 1, TEXT_MAX),
    CYAML_FIELD_END,
};

#define TOKEN_NAMES(key, structure, member)                                                                            \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, member, &text_entry, 0,             \
                         SETTINGS_TOKEN_NAMES_MAX)

static const struct cyaml_schema_field token_issuer_fields[] = {
    CYAML_FIELD_STRING_PTR("issuer", CYAML_FLAG_DEFAULT, struct settings_token_issuer, issuer, 1, TOKEN_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("jwks", CYAML_FLAG_OPTIONAL, struct settings_token_issuer, jwks, 1, TEXT_MAX),
    TOKEN_NAMES("audiences", struct settings_token_issuer, audiences),
    TOKEN_NAMES("algorithms", struct settings_token_issuer, algorithms),
    TOKEN_NAMES("types", struct settings_token_issuer, types),
    CYAML_FIELD_UINT("lifetime_max_seconds", CYAML_FLAG_OPTIONAL, struct settings_token_issuer, lifetime_max_seconds),
    CYAML_FIELD_UINT("skew_seconds", CYAML_FLAG_OPTIONAL, struct settings_token_issuer, skew_seconds),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value token_issuer_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct settings_token_issuer, token_issuer_fields)};

static const struct cyaml_schema_field tokens_fields[] = {
    CYAML_FIELD_SEQUENCE("issuers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_tokens, issuers,
                         &token_issuer_entry, 0, SETTINGS_ISSUERS_MAX),
    TOKEN_NAMES("headers", struct settings_tokens, headers),
    TOKEN_NAMES("cookies", struct settings_tokens, cookies),
    TOKEN_NAMES("parameters", struct settings_tokens, parameters),
    TOKEN_NAMES("scope_claims", struct settings_tokens, scope_claims),
    CYAML_FIELD_UINT("verifications_per_second", CYAML_FLAG_OPTIONAL, struct settings_tokens, verifications_per_second),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field caller_fields[] = {
    CYAML_FIELD_STRING_PTR("claim", CYAML_FLAG_OPTIONAL, struct settings_caller, claim, 1, TOKEN_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("value", CYAML_FLAG_OPTIONAL, struct settings_caller, value, 1, TOKEN_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("spiffe", CYAML_FLAG_OPTIONAL, struct settings_caller, spiffe, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("role", CYAML_FLAG_DEFAULT, struct settings_caller, role, 1, SETTINGS_NAME_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value caller_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct settings_caller, caller_fields)};

static const struct cyaml_schema_field queue_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_OPTIONAL, struct settings_queue, name, 1, SETTINGS_NAME_MAX),
    CYAML_FIELD_UINT("size_kib", CYAML_FLAG_OPTIONAL, struct settings_queue, size_kib),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field log_fields[] = {
    CYAML_FIELD_STRING_PTR("folder", CYAML_FLAG_OPTIONAL, struct settings_log, folder, 1, TEXT_MAX),
    CYAML_FIELD_UINT("rotate_mib", CYAML_FLAG_OPTIONAL, struct settings_log, rotate_mib),
    CYAML_FIELD_UINT("rotate_minutes", CYAML_FLAG_OPTIONAL, struct settings_log, rotate_minutes),
    CYAML_FIELD_UINT("keep_files", CYAML_FLAG_OPTIONAL, struct settings_log, keep_files),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field reporter_fields[] = {
    CYAML_FIELD_UINT("flush_ms", CYAML_FLAG_OPTIONAL, struct settings_reporter, flush_ms),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field ledger_fields[] = {
    CYAML_FIELD_UINT("interval_seconds", CYAML_FLAG_OPTIONAL, struct settings_ledger, interval_seconds),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field vault_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_OPTIONAL, struct settings_vault, address, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("namespace", CYAML_FLAG_OPTIONAL, struct settings_vault, name_space, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("mount", CYAML_FLAG_OPTIONAL, struct settings_vault, mount, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("paths", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_vault, paths, &text_entry,
                         0, SETTINGS_KEY_SOURCES_MAX),
    CYAML_FIELD_STRING_PTR("token_file", CYAML_FLAG_OPTIONAL, struct settings_vault, token_file, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("role_id_file", CYAML_FLAG_OPTIONAL, struct settings_vault, role_id_file, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("secret_id_file", CYAML_FLAG_OPTIONAL, struct settings_vault, secret_id_file, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("ca_file", CYAML_FLAG_OPTIONAL, struct settings_vault, ca_file, 1, TEXT_MAX),
    CYAML_FIELD_UINT("interval_seconds", CYAML_FLAG_OPTIONAL, struct settings_vault, interval_seconds),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field keys_fields[] = {
    CYAML_FIELD_SEQUENCE("files", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_keys, files, &text_entry, 0,
                         SETTINGS_KEY_SOURCES_MAX),
    CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_OPTIONAL, struct settings_keys, socket, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("socket_users", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_keys, socket_users,
                         &number_entry, 0, SETTINGS_KEY_SOURCES_MAX),
    CYAML_FIELD_SEQUENCE("rsa_keys", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings_keys, rsa_keys,
                         &text_entry, 0, SETTINGS_KEY_SOURCES_MAX),
    CYAML_FIELD_MAPPING("vault", CYAML_FLAG_OPTIONAL, struct settings_keys, vault, vault_fields),
    CYAML_FIELD_UINT("connections", CYAML_FLAG_OPTIONAL, struct settings_keys, connections),
    CYAML_FIELD_UINT("expire_seconds", CYAML_FLAG_OPTIONAL, struct settings_keys, expire_seconds),
    CYAML_FIELD_UINT("resumption_seconds", CYAML_FLAG_OPTIONAL, struct settings_keys, resumption_seconds),
    CYAML_FIELD_UINT("wait_ms", CYAML_FLAG_OPTIONAL, struct settings_keys, wait_ms),
    CYAML_FIELD_UINT("wait_mib", CYAML_FLAG_OPTIONAL, struct settings_keys, wait_mib),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value zone_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct settings_zone, zone_fields)};

static const struct cyaml_schema_field settings_fields[] = {
    CYAML_FIELD_MAPPING("sensor", CYAML_FLAG_OPTIONAL, struct settings, sensor, sensor_fields),
    CYAML_FIELD_MAPPING("capture", CYAML_FLAG_OPTIONAL, struct settings, capture, capture_fields),
    CYAML_FIELD_MAPPING("workers", CYAML_FLAG_OPTIONAL, struct settings, workers, workers_fields),
    CYAML_FIELD_SEQUENCE("zones", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings, zones, &zone_entry, 0,
                         SETTINGS_ZONES_MAX),
    CYAML_FIELD_MAPPING("registry", CYAML_FLAG_OPTIONAL, struct settings, registry, registry_fields),
    CYAML_FIELD_MAPPING("certificates", CYAML_FLAG_OPTIONAL, struct settings, certificates, certificates_fields),
    CYAML_FIELD_MAPPING("tokens", CYAML_FLAG_OPTIONAL, struct settings, tokens, tokens_fields),
    CYAML_FIELD_SEQUENCE("callers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings, callers, &caller_entry,
                         0, SETTINGS_CALLERS_MAX),
    CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings, rules, &text_entry, 0,
                         RULES_LISTED_MAX),
    CYAML_FIELD_SEQUENCE("detectors", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct settings, detectors, &text_entry,
                         0, RULES_LISTED_MAX),
    CYAML_FIELD_BOOL("fips", CYAML_FLAG_OPTIONAL, struct settings, fips),
    CYAML_FIELD_MAPPING("queue", CYAML_FLAG_OPTIONAL, struct settings, queue, queue_fields),
    CYAML_FIELD_MAPPING("log", CYAML_FLAG_OPTIONAL, struct settings, log, log_fields),
    CYAML_FIELD_MAPPING("reporter", CYAML_FLAG_OPTIONAL, struct settings, reporter, reporter_fields),
    CYAML_FIELD_MAPPING("ledger", CYAML_FLAG_OPTIONAL, struct settings, ledger, ledger_fields),
    CYAML_FIELD_MAPPING("keys", CYAML_FLAG_OPTIONAL, struct settings, keys, keys_fields),
    CYAML_FIELD_END,
};

const struct cyaml_schema_value settings_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, settings_fields)};

const char *settings_zone_kind_name(enum settings_zone_kind kind)
{
    require(kind < SETTINGS_ZONE_KIND_COUNT);
    for (uint32_t i = 0; i < ARRAY_COUNT(kind_words); i++)
        if (kind_words[i].val == (int64_t)kind)
            return kind_words[i].str;
    return "unknown";
}

const char *settings_environment_name(enum settings_environment environment)
{
    require(environment < SETTINGS_ENVIRONMENT_COUNT);
    for (uint32_t i = 0; i < ARRAY_COUNT(environment_words); i++)
        if (environment_words[i].val == (int64_t)environment)
            return environment_words[i].str;
    return "unknown";
}
