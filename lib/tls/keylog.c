/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key log lines: one line is found, split at blanks, and its label looked up in a table that says which sizes its two
 * values must have. Nothing is kept between lines, so a damaged one costs itself only.
 */

#include "tls/keylog.h"

#define FIELDS_MAX 3u /* label, id, secret */

struct label {
    struct span name;
    enum tls_secret_kind kind;
    enum tls_key_by by;
    bool numbered; /* the generation follows the name */
};

/* An initialiser, which SPAN_LITERAL() is not. */
#define NAME(text)                                                                                                     \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }

static const struct label labels[] = {
    {NAME("CLIENT_RANDOM"), TLS_SECRET_MASTER, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("PMS_CLIENT_RANDOM"), TLS_SECRET_PREMASTER, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("RSA"), TLS_SECRET_PREMASTER, TLS_KEY_BY_PREMASTER_PREFIX, false},
    {NAME("CLIENT_EARLY_TRAFFIC_SECRET"), TLS_SECRET_CLIENT_EARLY, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("EARLY_TRAFFIC_SECRET"), TLS_SECRET_CLIENT_EARLY, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), TLS_SECRET_CLIENT_HANDSHAKE, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("SERVER_HANDSHAKE_TRAFFIC_SECRET"), TLS_SECRET_SERVER_HANDSHAKE, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("CLIENT_TRAFFIC_SECRET_"), TLS_SECRET_CLIENT_TRAFFIC, TLS_KEY_BY_CLIENT_RANDOM, true},
    {NAME("SERVER_TRAFFIC_SECRET_"), TLS_SECRET_SERVER_TRAFFIC, TLS_KEY_BY_CLIENT_RANDOM, true},
    {NAME("EXPORTER_SECRET"), TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("EARLY_EXPORTER_SECRET"), TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("EARLY_EXPORTER_MASTER_SECRET"), TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("ECH_SECRET"), TLS_SECRET_ECH, TLS_KEY_BY_CLIENT_RANDOM, false},
    {NAME("ECH_CONFIG"), TLS_SECRET_ECH, TLS_KEY_BY_CLIENT_RANDOM, false},
};

static bool is_line_end(uint8_t byte)
{
    return byte == '\n' || byte == '\r';
}

static int hex_value(uint8_t digit)
{
    uint8_t lower = ascii_lower(digit);
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Bytes written, or -1: not hexadecimal, an odd number of digits, or more than fits. */
static int hex_decode(struct span text, uint8_t *bytes_out, uint32_t capacity)
{
    if (text.size % 2 || text.size / 2 > capacity)
        return -1;
    for (uint32_t i = 0; i < text.size; i += 2) {
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        bytes_out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(text.size / 2);
}

static bool is_hex(struct span text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (hex_value(text.data[i]) < 0)
            return false;
    return text.size > 0 && text.size % 2 == 0;
}

/* Decimal digits to their end; generations beyond 16 bits would need 2^16 key updates. */
static bool number_decode(struct span text, uint32_t *number_out)
{
    if (text.size == 0 || text.size > 5)
        return false;
    *number_out = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *number_out = *number_out * 10 + (uint32_t)(text.data[i] - '0');
    }
    return true;
}

static const struct label *label_find(struct span name, uint32_t *generation_out)
{
    *generation_out = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(labels); i++) {
        if (!labels[i].numbered && span_equal(name, labels[i].name))
            return &labels[i];
        if (labels[i].numbered && span_starts_with(name, labels[i].name) &&
            number_decode(span_from(name, labels[i].name.size), generation_out))
            return &labels[i];
    }
    return NULL;
}

/* The count of fields; FIELDS_MAX + 1 when there are more. */
static uint32_t split(struct span line, struct span fields_out[FIELDS_MAX])
{
    uint32_t count = 0;
    for (line = span_trim(line); line.size; line = span_trim(line)) {
        uint32_t size = 0;
        while (size < line.size && line.data[size] != ' ' && line.data[size] != '\t')
            size++;
        if (count == FIELDS_MAX)
            return FIELDS_MAX + 1;
        fields_out[count++] = span_first(line, size);
        line = span_from(line, size);
    }
    return count;
}

/* "RSA Session-ID:... Master-Key:..." as older NSS and s_client scripts write it. */
static bool session_line(const struct span fields[FIELDS_MAX], struct tls_keylog_item *item_out)
{
    const struct span session = SPAN_LITERAL("Session-ID:"), master = SPAN_LITERAL("Master-Key:");
    if (!span_starts_with(fields[1], session) || !span_starts_with(fields[2], master))
        return false;
    int id = hex_decode(span_from(fields[1], session.size), item_out->id, sizeof(item_out->id));
    int secret = hex_decode(span_from(fields[2], master.size), item_out->secret, sizeof(item_out->secret));
    item_out->kind = TLS_SECRET_MASTER;
    item_out->by = TLS_KEY_BY_SESSION_ID;
    item_out->id_size = (uint32_t)id;
    item_out->secret_size = (uint32_t)secret;
    return id > 0 && secret == (int)TLS_SECRET_MAX;
}

/* A master or premaster secret has 48 bytes, a traffic secret the size of the suite's hash. */
static bool secret_fits(enum tls_secret_kind kind, int size)
{
    if (kind == TLS_SECRET_MASTER || kind == TLS_SECRET_PREMASTER)
        return size == 48;
    return size == 32 || size == 48;
}

static bool label_line(const struct span fields[FIELDS_MAX], struct tls_keylog_item *item_out)
{
    const struct label *label = label_find(fields[0], &item_out->generation);
    if (!label)
        return false;
    item_out->kind = label->kind;
    item_out->by = label->by;
    int id_size = label->by == TLS_KEY_BY_PREMASTER_PREFIX ? (int)TLS_PREMASTER_PREFIX_SIZE : (int)TLS_RANDOM_SIZE;
    if (hex_decode(fields[1], item_out->id, sizeof(item_out->id)) != id_size)
        return false;
    item_out->id_size = (uint32_t)id_size;
    if (label->kind == TLS_SECRET_EXPORTER || label->kind == TLS_SECRET_ECH)
        return is_hex(fields[2]);
    int secret = hex_decode(fields[2], item_out->secret, sizeof(item_out->secret));
    item_out->secret_size = secret > 0 ? (uint32_t)secret : 0;
    return secret_fits(label->kind, secret);
}

/* True: *item_out is filled. */
static bool line_parse(struct tls_keylog *parser, struct span line, struct tls_keylog_item *item_out)
{
    if (line.size == 0)
        return false; /* also what lies between CR and LF */
    parser->lines++;
    line = span_trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return false;
    struct span fields[FIELDS_MAX];
    memset(item_out, 0, sizeof(*item_out));
    bool fine = split(line, fields) == FIELDS_MAX;
    if (fine && span_equal(fields[0], SPAN_LITERAL("RSA")) && fields[1].size > 0 && fields[1].data[0] == 'S')
        fine = session_line(fields, item_out);
    else if (fine)
        fine = label_line(fields, item_out);
    parser->refused += !fine;
    return fine;
}

/* Bytes up to the end of the line, or the input's size. */
static uint32_t find_end(const struct parse_input *input, uint32_t from)
{
    while (from < input->size && !is_line_end(input->data[from]))
        from++;
    return from;
}

/* Longer than any line with a meaning: counted, and not looked into. */
static void line_too_long(struct tls_keylog *parser, struct span line)
{
    line = span_trim(span_first(line, TLS_KEYLOG_LINE_MAX));
    parser->lines++;
    parser->refused += line.size == 0 || line.data[0] != '#';
}

struct parse_step tls_keylog_parse(struct tls_keylog *parser, const struct parse_input *input,
                                   struct tls_keylog_item *item_out)
{
    if (!input->data) {
        parser->skipping = true; /* the line the hole lies in, or begins in the middle of, cannot be known */
        parser->scanned = 0;
        return parse_step_of(PARSE_MORE, input->lost, 0);
    }
    uint32_t start = 0;
    while (start < input->size) {
        uint32_t end = find_end(input, start + parser->scanned);
        bool whole = end < input->size;
        parser->scanned = 0;
        if (parser->skipping) {
            parser->skipping = !whole;
        } else if (end - start > TLS_KEYLOG_LINE_MAX) {
            line_too_long(parser, span_of(input->data + start, end - start));
            parser->skipping = !whole;
        } else if (!whole && !input->last) {
            parser->scanned = end - start;
            return parse_step_of(PARSE_MORE, start, 0);
        } else if (line_parse(parser, span_of(input->data + start, end - start), item_out)) {
            return parse_step_of(PARSE_ITEM, end + whole, 0);
        }
        start = end + whole;
    }
    return parse_step_of(PARSE_MORE, input->size, 0);
}

const char *tls_secret_kind_name(enum tls_secret_kind kind)
{
    static const char *const names[] = {
        [TLS_SECRET_MASTER] = "master",
        [TLS_SECRET_PREMASTER] = "premaster",
        [TLS_SECRET_CLIENT_EARLY] = "client_early_traffic",
        [TLS_SECRET_CLIENT_HANDSHAKE] = "client_handshake_traffic",
        [TLS_SECRET_SERVER_HANDSHAKE] = "server_handshake_traffic",
        [TLS_SECRET_CLIENT_TRAFFIC] = "client_traffic",
        [TLS_SECRET_SERVER_TRAFFIC] = "server_traffic",
        [TLS_SECRET_EXPORTER] = "exporter",
        [TLS_SECRET_ECH] = "ech",
    };
    static_assert(ARRAY_COUNT(names) == TLS_SECRET_KIND_COUNT, "every kind has a name");
    return names[kind];
}
