/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Facts of the TLS connections in captures, one JSON object a connection, for comparison with what other programs see.
 *
 * usage: tls_facts [-c BYTES] CAPTURE...
 *   -c  hand the streams over in pieces of so many bytes: the answer must not depend on it
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/file.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "tls/handshake.h"
#include "tls/suite.h"

#define ARENA_SIZE (512u << 20)

struct connection {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    uint8_t buffers[2][TLS_MESSAGE_SIZE_MAX];
    char messages[2][512]; /* types, comma separated */
    uint64_t lost;
};

static uint32_t cut_bytes = UINT32_MAX;

static void part_take(struct connection *connection, uint32_t direction, const struct tls_record_part *part)
{
    struct tls_message message;
    tls_handshake_part(&connection->handshake, direction, part);
    while (tls_handshake_next(&connection->handshake, direction, &message)) {
        char *text = connection->messages[direction];
        size_t used = strlen(text);
        snprintf(text + used, sizeof(connection->messages[direction]) - used, "%s%u", used ? "," : "", message.type);
    }
}

static void bytes_take(struct connection *connection, uint32_t direction, struct parse_input input)
{
    for (;;) {
        struct tls_record_part part;
        struct parse_step step = tls_record_parse(&connection->records[direction], &input, &part);
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            return;
        part_take(connection, direction, &part);
        if (!input.data && input.lost == 0)
            return;
    }
}

static enum ledger_reason data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    (void)context;
    struct connection *connection = flow->session;
    if (!connection) {
        connection = flow->session = calloc(1, sizeof(*connection));
        require(connection != NULL);
        bool midstream = (flow->flags & FLOW_MIDSTREAM) != 0;
        tls_handshake_init(&connection->handshake, midstream);
        for (uint32_t i = 0; i < 2; i++) {
            connection->handshake.readers[i].buffer = connection->buffers[i];
            if (midstream)
                tls_record_init_midstream(&connection->records[i]);
        }
    }
    uint32_t direction = chunk->direction == FLOW_TO_CLIENT;
    if (chunk->lost) {
        connection->lost += chunk->lost;
        tls_handshake_lost(&connection->handshake, direction);
        bytes_take(connection, direction, (struct parse_input){.lost = chunk->lost});
    }
    for (uint32_t at = 0; at < chunk->size;) {
        uint32_t size = min_u32(cut_bytes, chunk->size - at);
        bytes_take(connection, direction, (struct parse_input){.data = chunk->data + at, .size = size});
        at += size;
    }
    return LEDGER_AUDITED;
}

static void print_text(const char *name, const uint8_t *text, uint32_t size)
{
    printf(",\"%s\":\"", name);
    for (uint32_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
            printf("\\u%04x", text[i]);
        else
            putchar(text[i]);
    putchar('"');
}

static void print_hex(const char *name, const uint8_t *bytes, uint32_t size)
{
    printf(",\"%s\":\"", name);
    for (uint32_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('"');
}

static void print_list(const char *name, const uint16_t *values, uint32_t count, uint32_t limit)
{
    printf(",\"%s\":[", name);
    for (uint32_t i = 0; i < count && i < limit; i++)
        printf("%s%u", i ? "," : "", values[i]);
    putchar(']');
}

static void print_negotiated(const struct tls_facts *facts)
{
    const struct tls_suite *suite = tls_suite_find(facts->suite);
    printf("\"seen\":%u,\"version\":%u,\"suite\":%u,\"suite_name\":\"%s\",\"group\":%u,\"signature\":%u,\"dh_bits\":%u",
           facts->seen, facts->version, facts->suite, suite ? suite->name : "", facts->group, facts->signature_scheme,
           facts->dh_bits);
    printf(",\"compression\":%u,\"resumption\":%u,\"completed\":%u,\"extended_master_secret\":%u", facts->compression,
           facts->resumption, facts->completed, facts->extended_master_secret);
    printf(",\"encrypt_then_mac\":%u,\"secure_renegotiation\":%u,\"early_data\":[%u,%u]", facts->encrypt_then_mac,
           facts->secure_renegotiation, facts->early_data_offered, facts->early_data_accepted);
    printf(",\"requested\":%u,\"client_certificate\":%u,\"staple\":%u,\"ech\":%u,\"downgrade_to\":%u,\"fallback\":%u",
           facts->client_certificate_requested, facts->client_certificate, facts->staple, facts->ech,
           facts->downgrade_to, facts->fallback_scsv);
    printf(",\"alerts\":[[%u,%u],[%u,%u]]", facts->alert_level[0], facts->alert[0], facts->alert_level[1],
           facts->alert[1]);
    print_text("alpn", facts->alpn, facts->alpn_size);
    printf(",\"ja3s\":\"%s\"", facts->ja3s);
    print_hex("server_random", facts->server_random, TLS_RANDOM_SIZE);
}

static void print_offered(const struct tls_facts *facts)
{
    printf(",\"hello_version\":%u,\"offered_max\":%u,\"offered_min\":%u,\"grease\":%s", facts->hello_version,
           facts->version_offered_max, facts->version_offered_min, facts->grease ? "true" : "false");
    print_list("suites", facts->suites, facts->suite_count, TLS_SUITES_MAX);
    print_list("groups", facts->groups, facts->group_count, TLS_GROUPS_MAX);
    print_list("signatures", facts->signatures, facts->signature_count, TLS_SIGNATURES_MAX);
    print_text("sni", facts->sni, facts->sni_size);
    print_text("alpn_offered", facts->alpn_offered, facts->alpn_offered_size);
    print_hex("client_random", facts->client_random, TLS_RANDOM_SIZE);
    printf(",\"ja3\":\"%s\",\"ja4\":\"%s\"", facts->ja3, facts->ja4);
}

static void end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)context;
    (void)reason;
    struct connection *connection = flow->session;
    if (!connection)
        return;
    const struct tls_facts *facts = &connection->handshake.facts;
    if (facts->seen & (TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO)) {
        printf("{\"client_port\":%u,\"server_port\":%u,\"lost\":%" PRIu64 ",\"messages\":[\"%s\",\"%s\"],",
               flow->ends.source_port, flow->ends.destination_port, connection->lost, connection->messages[0],
               connection->messages[1]);
        print_negotiated(facts);
        print_offered(facts);
        printf("}\n");
    }
    free(connection);
    flow->session = NULL;
}

static int read_capture(const char *path)
{
    struct arena *arena = arena_new(ARENA_SIZE);
    struct ledger ledger = {0};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct net_settings net;
    net_settings_default(&net);
    struct net_decoder *decoder;
    struct flow_table *table;
    struct flow_settings settings = flow_settings_default(65536);
    const struct hash_key key = {1, 2};
    const struct flow_sink sink = {NULL, data, end};
    struct capture_file *file;
    if (!arena || net_decoder_new(&decoder, arena, &net) ||
        flow_table_new(&table, arena, &settings, &ledger, &key, &sink) ||
        capture_file_open(&file, path, CAPTURE_FILE_STREAM, &diagnostics)) {
        diagnostics_print(&diagnostics, stderr);
        return 1;
    }
    struct packet packets[PACKET_BURST_MAX];
    struct net_packet decoded[PACKET_BURST_MAX];
    int count;
    while ((count = capture_file_next_burst(file, packets)) > 0) {
        uint32_t tcp = net_decode_burst(decoder, &ledger, packets, (uint32_t)count, decoded);
        flow_table_packets(table, decoded, tcp);
        flow_table_advance(table, packets[count - 1].time_ns);
    }
    flow_table_flush(table);
    capture_file_close(file);
    arena_free(arena);
    diagnostics_deinit(&diagnostics);
    return count < 0;
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        cut_bytes = (uint32_t)strtoul(argv[2], NULL, 10);
        first = 3;
    }
    if (first >= argc || cut_bytes == 0) {
        fprintf(stderr, "usage: tls_facts [-c BYTES] CAPTURE...\n");
        return 2;
    }
    int failed = 0;
    for (int i = first; i < argc; i++)
        failed |= read_capture(argv[i]);
    return failed;
}
