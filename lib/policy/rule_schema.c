/* SPDX-License-Identifier: Apache-2.0 */

/* Shape of a rule pack: tables only. */

#include "policy/rule_schema.h"

#include "config/settings.h"

#define TEXT_MAX  256u  /* a name, pattern or path */
#define PROSE_MAX 2048u /* a description */

const struct rule_check_shape rule_check_shapes[RULE_CHECK_COUNT] = {
    [RULE_CHECK_CLEARTEXT] = {{NULL}, {NULL}},
    [RULE_CHECK_FRAMING] = {{"anomalies"}, {"statuses", "sides"}},
    [RULE_CHECK_PORT] = {{"allowed_ports"}, {"broker_ports"}},
    [RULE_CHECK_EXPOSED_ENDPOINT] = {{"statuses"}, {"methods", "headers", "names", "paths", "allowed_ports"}},
    [RULE_CHECK_LINE_BREAK] = {{"statuses"}, {NULL}},
    [RULE_CHECK_INTROSPECTION] = {{"statuses"}, {"paths"}},
    [RULE_CHECK_RESPONSE_PROTECTION] = {{"classes"}, {NULL}},
    [RULE_CHECK_WEBSOCKET] = {{"anomalies"}, {"origins"}},
    [RULE_CHECK_HEADER_MISSING] = {{"headers"}, {"sides"}},
    [RULE_CHECK_HEADER_FORMAT] = {{"formats"}, {NULL}},
    [RULE_CHECK_FORWARDED_HEADER] = {{"headers"}, {"leak_headers"}},
    [RULE_CHECK_CREDENTIAL_MISSING] = {{NULL}, {NULL}},
    [RULE_CHECK_AUTHORIZATION_SCHEME] = {{"schemes"}, {NULL}},
    [RULE_CHECK_CREDENTIAL_CLEARTEXT] = {{"headers"}, {"classes", "detectors", "confidence"}},
    [RULE_CHECK_CREDENTIAL_IN_URL] = {{"names"}, {"classes", "detectors", "confidence"}},
    [RULE_CHECK_TOKEN_SIGNATURE] = {{NULL}, {NULL}},
    [RULE_CHECK_TOKEN_CLAIMS] = {{NULL}, {NULL}},
    [RULE_CHECK_TOKEN_SCOPE] = {{NULL}, {NULL}},
    [RULE_CHECK_TOKEN_BINDING] = {{NULL}, {NULL}},
    [RULE_CHECK_OPERATION_CALLER] = {{NULL}, {NULL}},
    [RULE_CHECK_OAUTH_FLOW] = {{NULL}, {NULL}},
    [RULE_CHECK_BROKER_LOGIN] = {{"schemes"}, {"names"}},
    [RULE_CHECK_TOKEN_SOURCES] = {{"threshold", "window_seconds"}, {NULL}},
    [RULE_CHECK_FAILED_ATTEMPTS] = {{"statuses", "threshold", "window_seconds"}, {NULL}},
    [RULE_CHECK_OBJECT_ENUMERATION] = {{"statuses", "threshold", "window_seconds"}, {NULL}},
    [RULE_CHECK_REQUEST_ID_REUSE] = {{"headers", "window_seconds", "retry_seconds"}, {NULL}},
    [RULE_CHECK_SHADOW_ENDPOINT] = {{NULL}, {"statuses"}},
    [RULE_CHECK_DEPRECATED_OPERATION] = {{"statuses"}, {NULL}},
    [RULE_CHECK_SUNSET_OPERATION] = {{"statuses"}, {NULL}},
    [RULE_CHECK_RETIRED_VERSION] = {{"statuses"}, {NULL}},
    [RULE_CHECK_UNDOCUMENTED_METHOD] = {{NULL}, {"methods", "statuses"}},
    [RULE_CHECK_UNDOCUMENTED_RESPONSE] = {{NULL}, {"statuses"}},
    [RULE_CHECK_UNDOCUMENTED_PARAMETER] = {{NULL}, {"names", "request_places"}},
    [RULE_CHECK_UNDOCUMENTED_HOST] = {{NULL}, {"statuses"}},
    [RULE_CHECK_UNDOCUMENTED_RPC] = {{NULL}, {"statuses"}},
    [RULE_CHECK_MALFORMED_BODY] = {{"anomalies", "statuses"}, {"sides"}},
    [RULE_CHECK_UNDOCUMENTED_CHANNEL] = {{NULL}, {"names"}},
    [RULE_CHECK_DETECTION] = {{NULL},
                              {"classes", "detectors", "request_places", "response_places", "allowed_in_request",
                               "allowed_in_response", "unless_declared", "allowed_zones", "cleartext", "threshold",
                               "confidence", "statuses"}},
    [RULE_CHECK_TEST_CARD] = {{"test_numbers"}, {"classes", "detectors", "confidence"}},
    [RULE_CHECK_TLS_VERSION] = {{"minimum_version"}, {NULL}},
    [RULE_CHECK_TLS_SUITE_APPROVAL] = {{NULL}, {NULL}},
    [RULE_CHECK_TLS_SUITE_WEAK] = {{NULL}, {NULL}},
    [RULE_CHECK_TLS_KEY_EXCHANGE] = {{NULL}, {NULL}},
    [RULE_CHECK_TLS_OFFER] = {{"minimum_version"}, {NULL}},
    [RULE_CHECK_TLS_DOWNGRADE] = {{NULL}, {NULL}},
    [RULE_CHECK_TLS_EXTENSIONS] = {{NULL}, {NULL}},
    [RULE_CHECK_TLS_NAMES] = {{NULL}, {NULL}},
    [RULE_CHECK_CLIENT_CERTIFICATE] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_VALIDITY] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_REMAINING] = {{"remaining_days_min"}, {NULL}},
    [RULE_CHECK_CERTIFICATE_LIFETIME] = {{NULL}, {"lifetime_hours_max"}},
    [RULE_CHECK_CERTIFICATE_NAME] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_SCOPE] = {{"names_max"}, {NULL}},
    [RULE_CHECK_CERTIFICATE_CHAIN] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_STRENGTH] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_USAGE] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_SVID] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_REVOCATION] = {{NULL}, {NULL}},
    [RULE_CHECK_CERTIFICATE_INVENTORY] = {{"grace_hours"}, {NULL}},
    [RULE_CHECK_CERTIFICATE_CALLER] = {{NULL}, {NULL}},
    [RULE_CHECK_AMBIGUOUS_CONNECTION] = {{NULL}, {NULL}},
    [RULE_CHECK_DATAGRAM_CONNECTION] = {{NULL}, {NULL}},
    [RULE_CHECK_COVERAGE_LOSS] = {{"lost_packets_max"}, {NULL}},
    [RULE_CHECK_COVERAGE_GAPS] = {{"gap_percent_max", "cut_percent_max", "one_sided_percent_max", "packets_min",
                                   "transactions_min"},
                                  {NULL}},
    [RULE_CHECK_COVERAGE_UNREAD] = {{"unread_percent_max", "packets_min"},
                                    {"service_closed_percent_max", "service_connections_min"}},
    [RULE_CHECK_COVERAGE_CLOCK] = {{"step_ms_max"}, {NULL}},
    [RULE_CHECK_LIFECYCLE] = {{NULL}, {NULL}},
};

/* In the order of enum rule_check. */
static const struct cyaml_strval check_words[RULE_CHECK_COUNT] = {
    {"cleartext", RULE_CHECK_CLEARTEXT},
    {"port", RULE_CHECK_PORT},
    {"framing", RULE_CHECK_FRAMING},
    {"exposed-endpoint", RULE_CHECK_EXPOSED_ENDPOINT},
    {"line-break", RULE_CHECK_LINE_BREAK},
    {"introspection", RULE_CHECK_INTROSPECTION},
    {"response-protection", RULE_CHECK_RESPONSE_PROTECTION},
    {"websocket", RULE_CHECK_WEBSOCKET},
    {"header-missing", RULE_CHECK_HEADER_MISSING},
    {"header-format", RULE_CHECK_HEADER_FORMAT},
    {"forwarded-header", RULE_CHECK_FORWARDED_HEADER},
    {"credential-missing", RULE_CHECK_CREDENTIAL_MISSING},
    {"authorization-scheme", RULE_CHECK_AUTHORIZATION_SCHEME},
    {"credential-cleartext", RULE_CHECK_CREDENTIAL_CLEARTEXT},
    {"credential-in-url", RULE_CHECK_CREDENTIAL_IN_URL},
    {"token-signature", RULE_CHECK_TOKEN_SIGNATURE},
    {"token-claims", RULE_CHECK_TOKEN_CLAIMS},
    {"token-scope", RULE_CHECK_TOKEN_SCOPE},
    {"token-binding", RULE_CHECK_TOKEN_BINDING},
    {"operation-caller", RULE_CHECK_OPERATION_CALLER},
    {"oauth-flow", RULE_CHECK_OAUTH_FLOW},
    {"broker-login", RULE_CHECK_BROKER_LOGIN},
    {"token-sources", RULE_CHECK_TOKEN_SOURCES},
    {"failed-attempts", RULE_CHECK_FAILED_ATTEMPTS},
    {"object-enumeration", RULE_CHECK_OBJECT_ENUMERATION},
    {"request-id-reuse", RULE_CHECK_REQUEST_ID_REUSE},
    {"shadow-endpoint", RULE_CHECK_SHADOW_ENDPOINT},
    {"deprecated-operation", RULE_CHECK_DEPRECATED_OPERATION},
    {"sunset-operation", RULE_CHECK_SUNSET_OPERATION},
    {"retired-version", RULE_CHECK_RETIRED_VERSION},
    {"undocumented-method", RULE_CHECK_UNDOCUMENTED_METHOD},
    {"undocumented-response", RULE_CHECK_UNDOCUMENTED_RESPONSE},
    {"undocumented-parameter", RULE_CHECK_UNDOCUMENTED_PARAMETER},
    {"undocumented-host", RULE_CHECK_UNDOCUMENTED_HOST},
    {"undocumented-rpc", RULE_CHECK_UNDOCUMENTED_RPC},
    {"malformed-body", RULE_CHECK_MALFORMED_BODY},
    {"undocumented-channel", RULE_CHECK_UNDOCUMENTED_CHANNEL},
    {"detection", RULE_CHECK_DETECTION},
    {"test-card", RULE_CHECK_TEST_CARD},
    {"tls-version", RULE_CHECK_TLS_VERSION},
    {"tls-suite-approval", RULE_CHECK_TLS_SUITE_APPROVAL},
    {"tls-suite-weak", RULE_CHECK_TLS_SUITE_WEAK},
    {"tls-key-exchange", RULE_CHECK_TLS_KEY_EXCHANGE},
    {"tls-offer", RULE_CHECK_TLS_OFFER},
    {"tls-downgrade", RULE_CHECK_TLS_DOWNGRADE},
    {"tls-extensions", RULE_CHECK_TLS_EXTENSIONS},
    {"tls-names", RULE_CHECK_TLS_NAMES},
    {"client-certificate", RULE_CHECK_CLIENT_CERTIFICATE},
    {"certificate-validity", RULE_CHECK_CERTIFICATE_VALIDITY},
    {"certificate-remaining", RULE_CHECK_CERTIFICATE_REMAINING},
    {"certificate-lifetime", RULE_CHECK_CERTIFICATE_LIFETIME},
    {"certificate-name", RULE_CHECK_CERTIFICATE_NAME},
    {"certificate-scope", RULE_CHECK_CERTIFICATE_SCOPE},
    {"certificate-chain", RULE_CHECK_CERTIFICATE_CHAIN},
    {"certificate-strength", RULE_CHECK_CERTIFICATE_STRENGTH},
    {"certificate-usage", RULE_CHECK_CERTIFICATE_USAGE},
    {"certificate-svid", RULE_CHECK_CERTIFICATE_SVID},
    {"certificate-revocation", RULE_CHECK_CERTIFICATE_REVOCATION},
    {"certificate-inventory", RULE_CHECK_CERTIFICATE_INVENTORY},
    {"certificate-caller", RULE_CHECK_CERTIFICATE_CALLER},
    {"ambiguous-connection", RULE_CHECK_AMBIGUOUS_CONNECTION},
    {"datagram-connection", RULE_CHECK_DATAGRAM_CONNECTION},
    {"coverage-loss", RULE_CHECK_COVERAGE_LOSS},
    {"coverage-gaps", RULE_CHECK_COVERAGE_GAPS},
    {"coverage-unread", RULE_CHECK_COVERAGE_UNREAD},
    {"coverage-clock", RULE_CHECK_COVERAGE_CLOCK},
    {"lifecycle", RULE_CHECK_LIFECYCLE},
};

static const struct cyaml_strval severity_words[] = {
    {"info", SEVERITY_INFO}, {"low", SEVERITY_LOW},           {"medium", SEVERITY_MEDIUM},
    {"high", SEVERITY_HIGH}, {"critical", SEVERITY_CRITICAL},
};

static const struct cyaml_strval pattern_words[] = {
    {"identifier", RULE_PATTERN_IDENTIFIER},
    {"uuid", RULE_PATTERN_UUID},
    {"traceparent", RULE_PATTERN_TRACEPARENT},
};

static const struct cyaml_strval confidence_words[] = {
    {"low", DETECTION_LOW},
    {"medium", DETECTION_MEDIUM},
    {"high", DETECTION_HIGH},
};

static const struct cyaml_strval version_words[] = {
    {"TLSv1.0", RULE_TLS_10},
    {"TLSv1.1", RULE_TLS_11},
    {"TLSv1.2", RULE_TLS_12},
    {"TLSv1.3", RULE_TLS_13},
};

static const struct cyaml_strval side_words[] = {
    {"request", RULE_SIDE_REQUEST},
    {"response", RULE_SIDE_RESPONSE},
};

static const struct cyaml_strval place_words[] = {
    {"path", 1 << DETECTION_PATH},     {"query", 1 << DETECTION_QUERY}, {"header", 1 << DETECTION_HEADER},
    {"cookie", 1 << DETECTION_COOKIE}, {"body", 1 << DETECTION_BODY},
};

static const struct cyaml_strval protocol_words[] = {
    {"http1", 1 << CALL_HTTP1},     {"http2", 1 << CALL_HTTP2},
    {"grpc", 1 << CALL_GRPC},       {"websocket", 1 << CALL_WEBSOCKET},
    {"amqp091", 1 << CALL_AMQP091}, {"amqp10", 1 << CALL_AMQP10},
    {"tls", 1 << CALL_TLS},
};

static const struct cyaml_strval zone_words[] = {
    {"internal", 1 << SETTINGS_ZONE_INTERNAL},
    {"public", 1 << SETTINGS_ZONE_PUBLIC},
    {"cde", 1 << SETTINGS_ZONE_CDE},
    {"partner", 1 << SETTINGS_ZONE_PARTNER},
    {"management", 1 << SETTINGS_ZONE_MANAGEMENT},
    {"unknown", 1 << SETTINGS_ZONE_UNKNOWN},
};

static const struct cyaml_strval environment_words[] = {
    {"production", 1 << SETTINGS_ENVIRONMENT_PRODUCTION},
    {"non-production", 1 << SETTINGS_ENVIRONMENT_NON_PRODUCTION},
};

static const struct cyaml_schema_value text_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};
static const struct cyaml_schema_value number_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

#define TEXTS(key, structure, member)                                                                                  \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, member, &text_entry, 0,             \
                         RULE_LIST_MAX)
#define WORDS(key, structure, member, words)                                                                           \
    CYAML_FIELD_FLAGS(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, structure, member, words, ARRAY_COUNT(words))

#define NUMBER(key, member) CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, struct rule_parameters, member)

static const struct cyaml_schema_field format_fields[] = {
    CYAML_FIELD_STRING_PTR("header", CYAML_FLAG_DEFAULT, struct rule_header_format, header, 1, TEXT_MAX),
    CYAML_FIELD_ENUM("pattern", CYAML_FLAG_STRICT, struct rule_header_format, pattern, pattern_words,
                     ARRAY_COUNT(pattern_words)),
    CYAML_FIELD_UINT("size_min", CYAML_FLAG_OPTIONAL, struct rule_header_format, size_min),
    CYAML_FIELD_UINT("size_max", CYAML_FLAG_OPTIONAL, struct rule_header_format, size_max),
    CYAML_FIELD_BOOL("echoed", CYAML_FLAG_OPTIONAL, struct rule_header_format, echoed),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value format_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_header_format, format_fields)};

static const struct cyaml_schema_field parameters_fields[] = {
    TEXTS("headers", struct rule_parameters, headers),
    TEXTS("leak_headers", struct rule_parameters, leak_headers),
    CYAML_FIELD_SEQUENCE("formats", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct rule_parameters, formats,
                         &format_entry, 0, RULE_LIST_MAX),
    TEXTS("anomalies", struct rule_parameters, anomalies),
    TEXTS("statuses", struct rule_parameters, statuses),
    TEXTS("methods", struct rule_parameters, methods),
    TEXTS("paths", struct rule_parameters, paths),
    TEXTS("origins", struct rule_parameters, origins),
    TEXTS("schemes", struct rule_parameters, schemes),
    TEXTS("names", struct rule_parameters, names),
    CYAML_FIELD_SEQUENCE("allowed_ports", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct rule_parameters,
                         allowed_ports, &number_entry, 0, RULE_LIST_MAX),
    CYAML_FIELD_SEQUENCE("broker_ports", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct rule_parameters, broker_ports,
                         &number_entry, 0, RULE_LIST_MAX),
    TEXTS("classes", struct rule_parameters, classes),
    TEXTS("detectors", struct rule_parameters, detectors),
    WORDS("request_places", struct rule_parameters, request_places, place_words),
    WORDS("response_places", struct rule_parameters, response_places, place_words),
    TEXTS("allowed_in_request", struct rule_parameters, allowed_in_request),
    TEXTS("allowed_in_response", struct rule_parameters, allowed_in_response),
    WORDS("allowed_zones", struct rule_parameters, allowed_zones, zone_words),
    TEXTS("test_numbers", struct rule_parameters, test_numbers),
    CYAML_FIELD_BOOL("unless_declared", CYAML_FLAG_OPTIONAL, struct rule_parameters, unless_declared),
    CYAML_FIELD_BOOL("cleartext", CYAML_FLAG_OPTIONAL, struct rule_parameters, cleartext),
    CYAML_FIELD_UINT("threshold", CYAML_FLAG_OPTIONAL, struct rule_parameters, threshold),
    CYAML_FIELD_ENUM("minimum_version", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct rule_parameters,
                     minimum_version, version_words, ARRAY_COUNT(version_words)),
    CYAML_FIELD_ENUM("confidence", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct rule_parameters, confidence,
                     confidence_words, ARRAY_COUNT(confidence_words)),
    WORDS("sides", struct rule_parameters, sides, side_words),
    NUMBER("remaining_days_min", remaining_days_min),
    NUMBER("lifetime_hours_max", lifetime_hours_max),
    NUMBER("names_max", names_max),
    NUMBER("grace_hours", grace_hours),
    NUMBER("window_seconds", window_seconds),
    NUMBER("retry_seconds", retry_seconds),
    NUMBER("lost_packets_max", limits.lost_packets_max),
    NUMBER("gap_percent_max", limits.gap_percent_max),
    NUMBER("cut_percent_max", limits.cut_percent_max),
    NUMBER("one_sided_percent_max", limits.one_sided_percent_max),
    NUMBER("unread_percent_max", limits.unread_percent_max),
    NUMBER("step_ms_max", limits.step_ms_max),
    NUMBER("packets_min", limits.packets_min),
    NUMBER("transactions_min", limits.transactions_min),
    NUMBER("service_closed_percent_max", limits.service_closed_percent_max),
    NUMBER("service_connections_min", limits.service_connections_min),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field scope_fields[] = {
    WORDS("protocols", struct rule_scope, protocols, protocol_words),
    WORDS("zones", struct rule_scope, zones, zone_words),
    WORDS("environments", struct rule_scope, environments, environment_words),
    TEXTS("methods", struct rule_scope, methods),
    TEXTS("hosts", struct rule_scope, hosts),
    TEXTS("paths", struct rule_scope, paths),
    TEXTS("exempt_paths", struct rule_scope, exempt_paths),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field rule_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_DEFAULT, struct rule, id, 1, RULE_ID_SIZE_MAX),
    CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_OPTIONAL, struct rule, title, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("description", CYAML_FLAG_OPTIONAL, struct rule, description, 0, PROSE_MAX),
    CYAML_FIELD_STRING_PTR("guard", CYAML_FLAG_OPTIONAL, struct rule, guard, 0, PROSE_MAX),
    CYAML_FIELD_ENUM("check", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct rule, check, check_words,
                     ARRAY_COUNT(check_words)),
    CYAML_FIELD_ENUM("severity", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct rule, severity, severity_words,
                     ARRAY_COUNT(severity_words)),
    CYAML_FIELD_BOOL("enabled", CYAML_FLAG_OPTIONAL, struct rule, enabled),
    CYAML_FIELD_BOOL("report_unknown", CYAML_FLAG_OPTIONAL, struct rule, report_unknown),
    WORDS("raise_in_zones", struct rule, raise_in_zones, zone_words),
    CYAML_FIELD_SEQUENCE("requirements", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct rule, requirements,
                         &text_entry, 0, FINDING_REQUIREMENTS_MAX),
    CYAML_FIELD_MAPPING("parameters", CYAML_FLAG_OPTIONAL, struct rule, parameters, parameters_fields),
    CYAML_FIELD_MAPPING("applies", CYAML_FLAG_OPTIONAL, struct rule, applies, scope_fields),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value rule_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule, rule_fields)};

static const struct cyaml_schema_field pack_fields[] = {
    CYAML_FIELD_STRING_PTR("pack", CYAML_FLAG_DEFAULT, struct rule_pack, name, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("version", CYAML_FLAG_DEFAULT, struct rule_pack, version, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER, struct rule_pack, rules, &rule_entry, 0, RULES_MAX),
    CYAML_FIELD_END,
};

const struct cyaml_schema_value rule_pack_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rule_pack, pack_fields)};

const char *rule_check_name(enum rule_check check)
{
    require(check < RULE_CHECK_COUNT && check_words[check].val == (int64_t)check);
    return check_words[check].str;
}
