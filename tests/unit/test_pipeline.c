/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pipeline: packets in, events out. Hand-built connections, cut in every way, give the same calls; what a gap or a
 * missing side costs is exactly what it touched; the ledger balances; nothing sensitive is told.
 */

#include "unit/pipeline_bench.h"

#define REQUEST_1                                                                                                      \
    "POST /v1/pay?token=abcdef0123456789 HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"            \
    "Content-Length: 44\r\n\r\n{\"card\":{\"number\":\"4111111111111111\",\"x\":1}}"
#define RESPONSE_1                                                                                                     \
    "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "   \
    "world\r\n0\r\n\r\n"
#define REQUEST_2  "GET /v1/list HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define RESPONSE_2 "HTTP/1.1 204 No Content\r\n\r\n"

static struct wire *two_calls(uint32_t step)
{
    struct wire *wire = wire_new();
    wire_text(wire, 0, REQUEST_1, step);
    wire_text(wire, 1, RESPONSE_1, step);
    wire_text(wire, 0, REQUEST_2, step);
    wire_text(wire, 1, RESPONSE_2, step);
    wire_close(wire);
    return wire;
}

static void every_cut_gives_the_same_calls_and_findings(void **state)
{
    (void)state;
    char *calls = NULL, *findings = NULL;
    static const uint32_t steps[] = {1400, 1, 2, 3, 5, 7, 11, 16, 40, 100};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = two_calls(steps[i]);
        /* Times differ with the number of packets: everything at once. */
        for (uint32_t k = 0; k < wire->count; k++)
            wire->packets[k].time_ns = 1000 * SECOND_NS;
        play(bench, wire, FRAMES_MAX);
        if (i == 0) {
            calls = strdup(bench->calls);
            findings = strdup(bench->findings);
            /* 0x200: chunk extension is an anomaly. */
            assert_string_equal(calls, "POST /v1/pay?token=**************** 201 200 44 11\nGET /v1/list 204 0 0 0\n");
        }
        assert_string_equal(bench->calls, calls);
        /* Digests of values are keyed for each process; the key differs from bench to bench. */
        assert_int_equal(strlen(bench->findings), strlen(findings));
        bench_free(bench);
        free(wire);
    }
    free(calls);
    free(findings);
}

static void nothing_sensitive_is_told(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = two_calls(1400);
    play(bench, wire, FRAMES_MAX);
    assert_null(strstr(bench->findings, "4111111111111111"));
    assert_null(strstr(bench->findings, "abcdef0123456789"));
    assert_non_null(strstr(bench->findings, "\"AUT-004\""));
    assert_non_null(strstr(bench->findings, "/card/number"));
    bench_free(bench);
    free(wire);
}

/* What a rule asks of a credential is its scheme; the rest is overwritten. */
static void the_scheme_of_a_credential_is_kept(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_text(wire, 0, "GET /v1/list HTTP/1.1\r\nHost: a\r\nAuthorization: Basic am86c2VjcmV0LXdvcmQ=\r\n\r\n", 1400);
    wire_text(wire, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1400);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    assert_non_null(strstr(bench->findings, "\"AUT-002\""));
    assert_null(strstr(bench->findings, "am86c2VjcmV0LXdvcmQ"));
    bench_free(bench);
    free(wire);
}

/* {"card":{"number":"4111111111111111","x":1}} in UTF-16, with and without byte order mark, and in an 8-bit charset. */
static void a_body_in_another_charset_is_searched_however_it_is_cut(void **state)
{
    (void)state;
    static const char text[] = "{\"card\":{\"number\":\"4111111111111111\",\"x\":1}}";
    static const char *const types[] = {"application/json; charset=utf-16be", "text/json", "application/json",
                                        "application/json; charset=iso-8859-1"};
    for (uint32_t i = 0; i < 2 * ARRAY_COUNT(types); i++) {
        static const uint32_t steps[] = {1400, 1};
        uint32_t step = steps[i / ARRAY_COUNT(types)], type = i % ARRAY_COUNT(types), size = 0;
        uint8_t body[128];
        if (type == 2)
            body[size++] = 0xff, body[size++] = 0xfe;
        for (const char *c = text; *c; c++) {
            if (type == 0)
                body[size++] = 0;
            body[size++] = (uint8_t)*c;
            if (type == 1 || type == 2)
                body[size++] = 0;
        }
        char head[160];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %u\r\n\r\n", types[type],
                 size);
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        wire_text(wire, 0, REQUEST_2, 1400);
        wire_text(wire, 1, head, 1400);
        for (uint32_t at = 0; at < size; at += step)
            wire_segment(wire, 1, 0x18, body + at, min_u32(step, size - at));
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        char calls[64];
        snprintf(calls, sizeof(calls), "GET /v1/list 200 0 0 %u\n", size);
        assert_string_equal(bench->calls, calls);
        assert_non_null(strstr(bench->findings, "\"name\":\"/card/number\""));
        bench_free(bench);
        free(wire);
    }
}

/* gzip of {"payment":{"card":"4111111111111111","note":"xxx..."}} by Python's gzip module. */
static const uint8_t coded_body[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56,
                                     0x2a, 0x48, 0xac, 0xcc, 0x4d, 0xcd, 0x2b, 0x51, 0xb2, 0xaa, 0x56, 0x4a,
                                     0x4e, 0x2c, 0x4a, 0x51, 0xb2, 0x52, 0x32, 0x31, 0x44, 0x05, 0x4a, 0x3a,
                                     0x4a, 0x79, 0xf9, 0x25, 0xa9, 0x40, 0x99, 0x8a, 0x61, 0x02, 0x94, 0x6a,
                                     0x6b, 0x01, 0x23, 0x34, 0x6a, 0x2e, 0xf9, 0x00, 0x00, 0x00};

static void a_compressed_body_is_decoded_and_searched_however_it_is_cut(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 200; step += 33) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        char head[160];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: "
                 "%zu\r\n\r\n",
                 sizeof(coded_body));
        wire_text(wire, 0, REQUEST_2, 1400);
        wire_text(wire, 1, head, 1400);
        for (uint32_t at = 0; at < sizeof(coded_body); at += step)
            wire_segment(wire, 1, 0x18, coded_body + at, min_u32(step, (uint32_t)sizeof(coded_body) - at));
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        assert_string_equal(bench->calls, "GET /v1/list 200 0 0 249\n");
        assert_non_null(strstr(bench->findings, "\"DAT-003\""));
        assert_non_null(strstr(bench->findings, "/payment/card"));
        assert_null(strstr(bench->findings, "4111111111111111"));
        bench_free(bench);
        free(wire);
    }
}

/* Findings of a response with this JSON, cut into segments. */
static char *findings_of_body(const char *body)
{
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    char head[160];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    wire_text(wire, 0, REQUEST_2, 1400);
    wire_text(wire, 1, head, 1400);
    wire_text(wire, 1, body, 1400);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    char *findings = bench->findings;
    bench->findings = NULL;
    bench_free(bench);
    free(wire);
    return findings;
}

/* However much was read over before it: nothing, less than is kept, more than that, and with an escape in between. */
static void a_value_deep_in_a_long_body_has_its_name(void **state)
{
    (void)state;
    static const uint32_t rows[] = {0, 400, 2000, 7000};
    static char body[1 << 20]; /* the longest takes half of it */
    for (uint32_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
        uint32_t count = rows[i / 2];
        size_t size = (size_t)snprintf(body, sizeof(body), "{\"list\":[");
        for (uint32_t row = 0; row < count; row++) {
            const char *note = i % 2 && row == count / 2 ? "left\\tthere" : "left at the door";
            size += (size_t)snprintf(body + size, sizeof(body) - size,
                                     "{\"id\":%u,\"state\":\"sent\",\"note\":\"%s\"},", row, note);
        }
        size += (size_t)snprintf(body + size, sizeof(body) - size, "{\"card\":\"4111111111111111\"}");
        for (uint32_t row = 0; row < count; row++)
            size += (size_t)snprintf(body + size, sizeof(body) - size, ",{\"id\":%u}", row);
        snprintf(body + size, sizeof(body) - size, "],\"last\":1}");
        char *findings = findings_of_body(body), name[64];
        snprintf(name, sizeof(name), "\"name\":\"/list/%u/card\"", count);
        assert_non_null(findings);
        assert_non_null(strstr(findings, name));
        free(findings);
    }
}

/* The escape lies in one view of the body, the value in a later one that has none. */
static void a_value_far_behind_an_escape_is_found(void **state)
{
    (void)state;
    char *body = malloc(1 << 17);
    assert_non_null(body);
    char *end = body + sprintf(body, "{\"note\":\"one\\ntwo");
    while (end < body + 40000)
        end += sprintf(end, " and one more");
    end += sprintf(end, " card 4111111111111111");
    while (end < body + 45000)
        end += sprintf(end, " and one more");
    sprintf(end, "\"}");
    char *findings = findings_of_body(body);
    assert_non_null(findings);
    assert_non_null(strstr(findings, "\"name\":\"/note\""));
    free(findings);
    free(body);
}

/* Losing any one packet never changes a call whose bytes were all seen, and never makes one up. */
static void one_lost_packet_costs_only_what_it_touched(void **state)
{
    (void)state;
    struct wire *wire = two_calls(24);
    for (uint32_t lost = 0; lost < wire->count; lost++) {
        struct bench *bench = bench_new(256, 1024);
        play(bench, wire, lost);
        char *rest = bench->calls ? bench->calls : strdup("");
        for (char *line = strtok(rest, "\n"); line; line = strtok(NULL, "\n")) {
            char method[64] = "", path[256] = "";
            int status = 0;
            /* An empty method and path mean that only the response was seen. */
            if (line[0] == ' ')
                assert_int_equal(sscanf(line, " %d", &status), 1);
            else
                assert_int_equal(sscanf(line, "%63s %255s %d", method, path, &status), 3);
            bool first = strcmp(method, "POST") == 0, second = strcmp(method, "GET") == 0;
            if (first)
                assert_true(status == 201 || status == -1);
            else if (second)
                assert_true(status == 204 || status == -1);
            else
                assert_true(method[0] == 0 && (status == 201 || status == 204));
        }
        if (rest != bench->calls)
            free(rest);
        bench_free(bench);
    }
    free(wire);
}

static void a_response_before_its_request_is_paired(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_text(wire, 0, REQUEST_2, 1400);
    wire_text(wire, 1, RESPONSE_2, 1400);
    wire_close(wire);
    /* The two tap ports are out of step: the response (frame 4) comes before the request (frame 3). */
    struct packet request = wire->packets[3];
    wire->packets[3] = wire->packets[4];
    wire->packets[4] = request;
    play(bench, wire, FRAMES_MAX);
    assert_string_equal(bench->calls, "GET /v1/list 204 0 0 0\n");
    bench_free(bench);
    free(wire);
}

static void one_side_alone_is_told_as_such(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = two_calls(1400);
        for (uint32_t i = 0; i < wire->count; i++) {
            bool from_server = wire->packets[i].data[29] == 2;
            if (from_server == (side == 1))
                pipeline_burst(bench->fixture.pipeline, &wire->packets[i], 1);
        }
        bench_finish(bench);
        const uint64_t *settled = pipeline_ledger(bench->fixture.pipeline)->transactions_settled;
        assert_int_equal(settled[side ? LEDGER_TRANSACTION_NO_REQUEST : LEDGER_TRANSACTION_NO_RESPONSE], 2);
        bench_free(bench);
        free(wire);
    }
}

static void other_protocols_are_excused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ledger_reason reason;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", LEDGER_UNPARSED},
        {"\x01\x02\x03\x04\x05\x06\x07\x08 nobody knows this", LEDGER_UNCLASSIFIED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        uint32_t size = (uint32_t)strlen(cases[i].text);
        wire_segment(wire, 0, 0x18, cases[i].text, size);
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
        assert_int_equal(ledger->settled[cases[i].reason].packets, 1);
        assert_int_equal(ledger->transactions_seen, 0);
        bench_free(bench);
        free(wire);
    }
}

/* AMQP 1.0, part 2, 2.2: both peers send the header of TLS, and what follows is that. The client may run ahead. */
static void amqp_hands_its_connection_over_to_tls(void **state)
{
    (void)state;
    static const char header[] = "AMQP\2\1\0\0", hello[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    for (int ahead = 0; ahead < 2; ahead++) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        wire_segment(wire, 0, 0x18, header, 8);
        if (ahead)
            wire_segment(wire, 0, 0x18, hello, 10);
        wire_segment(wire, 1, 0x18, header, 8);
        if (!ahead)
            wire_segment(wire, 0, 0x18, hello, 10);
        /* The first of them may be read with the hello that had to wait, and counts with it. */
        wire_segment(wire, 0, 0x18, "\x17\x03\x03\x00\x02xx", 7);
        wire_segment(wire, 0, 0x18, "\x17\x03\x03\x00\x02yy", 7);
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
        assert_true(ledger->settled[LEDGER_ENCRYPTED].packets >= 1);
        assert_int_equal(ledger->settled[LEDGER_PARSER].packets, 0);
        assert_int_equal(ledger->transactions_seen, 0);
        assert_true(ledger_balanced(ledger));
        bench_free(bench);
        free(wire);
    }
    /* The server wants none of it: what the client sent ahead is no AMQP. */
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_segment(wire, 0, 0x18, header, 8);
    wire_segment(wire, 0, 0x18, hello, 10);
    wire_segment(wire, 1, 0x18, "AMQP\3\1\0\0", 8);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    assert_int_equal(pipeline_ledger(bench->fixture.pipeline)->settled[LEDGER_ENCRYPTED].packets, 0);
    assert_true(ledger_balanced(pipeline_ledger(bench->fixture.pipeline)));
    bench_free(bench);
    free(wire);
}

/* What a client publishes without its method is a publish of which nobody knows where it goes. */
static void amqp_content_without_its_method_has_no_path(void **state)
{
    (void)state;
    static const char content[] = "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\2\0\0\xce\3\0\1\0\0\0\2hi\xce";
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_segment(wire, 0, 0x18, "AMQP\0\0\x09\1", 8);
    wire_segment(wire, 0, 0x18, "\1\0\1\0\0\0\x0a\0\x3c\0\x28\0\0\1e\1k\0\xce", 19);
    wire_segment(wire, 0, 0x18, content, sizeof(content) - 1);
    wire_segment(wire, 1, 0x18, content, sizeof(content) - 1);
    wire_close(wire);
    play(bench, wire, 4);
    char publish[64], unknown[64];
    snprintf(publish, sizeof(publish), "basic.publish  -1 %x 2 0", CALL_GAP);
    snprintf(unknown, sizeof(unknown), "  -1 %x 0 2", CALL_GAP | CALL_ANOMALY);
    assert_non_null(strstr(bench->calls, publish));
    assert_non_null(strstr(bench->calls, unknown));
    assert_int_equal(pipeline_counts(bench->fixture.pipeline)->transactions, 2);
    bench_free(bench);
    free(wire);
}

/* Acknowledgements of class basic: a delivery tag and flags (AMQP 0-9-1, 1.8.3.13 and 14; nack and confirms: RabbitMQ).
 */
static void wire_acknowledge(struct wire *wire, int from_server, uint8_t method, uint8_t tag, uint8_t bits)
{
    const uint8_t frame[21] = {1, 0, 1, 0, 0, 0, 13, 0, 0x3c, 0, method, [18] = tag, bits, 0xce};
    wire_segment(wire, from_server, 0x18, frame, sizeof(frame));
}

static void amqp_messages_say_what_became_of_them(void **state)
{
    (void)state;
    static const char select[] = "\1\0\1\0\0\0\5\0\x55\0\x0a\0\xce";
    static const char publish[] = "\1\0\1\0\0\0\x0b\0\x3c\0\x28\0\0\1e\1k\0\xce"
                                  "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\2\0\0\xce\3\0\1\0\0\0\2hi\xce";
    enum { ACK = 80, REJECT = 90, NACK = 120 };
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_segment(wire, 0, 0x18, "AMQP\0\0\x09\1", 8);
    wire_segment(wire, 0, 0x18, select, sizeof(select) - 1);
    for (uint32_t i = 0; i < 3; i++)
        wire_segment(wire, 0, 0x18, publish, sizeof(publish) - 1);
    wire_acknowledge(wire, 1, NACK, 1, 0);
    wire_acknowledge(wire, 1, ACK, 3, 1);
    wire_acknowledge(wire, 0, ACK, 4, 0);
    wire_acknowledge(wire, 0, REJECT, 5, 0);
    wire_acknowledge(wire, 0, NACK, 6, 2);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    assert_string_equal(bench->outcomes, "basic.publish rejected\nbasic.publish accepted\nbasic.publish accepted\n"
                                         "basic.reject rejected\nbasic.nack released\n");
    assert_non_null(strstr(bench->calls, "basic.publish e/k -1"));
    assert_non_null(strstr(bench->calls, "basic.publish e/k 200"));
    bench_free(bench);
    free(wire);
}

static void an_upgrade_to_the_unknown_is_said(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_text(wire, 0, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: private\r\n\r\n", 1400);
    wire_text(wire, 1, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: private\r\n\r\n\x81\x02hi",
              1400);
    wire_text(wire, 0, "\x81\x82zzzz", 1400);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    char expected[64];
    snprintf(expected, sizeof(expected), "GET /chat 101 %x 0 0\n", CALL_UPGRADE);
    assert_string_equal(bench->calls, expected);
    assert_int_equal(pipeline_ledger(bench->fixture.pipeline)->settled[LEDGER_UNCLASSIFIED].packets, 2);
    bench_free(bench);
    free(wire);
}

/* What a tunnel carries is judged like any connection. */
static void a_call_in_a_tunnel_is_seen(void **state)
{
    (void)state;
    for (uint32_t cut = 1; cut < 60; cut += 7) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        wire_text(wire, 0, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", cut);
        wire_text(wire, 1, "HTTP/1.1 200 OK\r\n\r\n", cut);
        wire_text(wire, 0, "GET /inside HTTP/1.1\r\nHost: a\r\n\r\n", cut);
        wire_text(wire, 1, "HTTP/1.1 204 No Content\r\n\r\n", cut);
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        char expected[128];
        snprintf(expected, sizeof(expected), "CONNECT a:80 200 %x 0 0\nGET /inside 204 0 0 0\n", CALL_UPGRADE);
        assert_string_equal(bench->calls, expected);
        bench_free(bench);
        free(wire);
    }
}

/*
 * The audit begins inside a connection, and what the server sends comes late: the answer to a request from before then
 * is none to the request that was seen.
 */
static void a_late_answer_belongs_to_no_later_request(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    const char *early = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    wire->count = 0; /* without the handshake */
    wire->sequence[1] += (uint32_t)strlen(early);
    wire_text(wire, 0, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n", 1400);
    wire->sequence[1] -= (uint32_t)strlen(early);
    wire_text(wire, 1, early, 1400);
    wire_text(wire, 1, answer, 1400);
    play(bench, wire, FRAMES_MAX);
    char expected[128];
    snprintf(expected, sizeof(expected), "  201 %x 0 0\nGET /second 200 %x 0 0\n", CALL_MIDSTREAM | CALL_NO_REQUEST,
             CALL_MIDSTREAM);
    assert_string_equal(bench->calls, expected);
    bench_free(bench);
    free(wire);
}

#define CONNECTIONS 12000u

/* More calls in flight than there is memory for: counted, and the ledger still balances. */
static void calls_beyond_the_memory_are_counted(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 16384);
    struct wire *wire = wire_new();
    for (uint32_t connection = 0; connection < CONNECTIONS; connection++) {
        struct wire *one = wire;
        one->count = 0;
        one->sequence[0] = connection * 7919;
        wire_segment(one, 0, 0x02, "", 0);
        wire_segment(one, 0, 0x18, REQUEST_2, sizeof(REQUEST_2) - 1);
        for (uint32_t i = 0; i < one->count; i++) {
            put16(one->frames[i] + 34, 10000 + connection);
            pipeline_burst(bench->fixture.pipeline, &one->packets[i], 1);
        }
    }
    bench_finish(bench);
    const uint64_t *settled = pipeline_ledger(bench->fixture.pipeline)->transactions_settled;
    assert_true(settled[LEDGER_TRANSACTION_BUDGET] > 0);
    assert_true(settled[LEDGER_TRANSACTION_NO_RESPONSE] > 100);
    assert_int_equal(settled[LEDGER_TRANSACTION_BUDGET] + settled[LEDGER_TRANSACTION_NO_RESPONSE], CONNECTIONS);
    bench_free(bench);
    free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_calls_and_findings),
        cmocka_unit_test(nothing_sensitive_is_told),
        cmocka_unit_test(the_scheme_of_a_credential_is_kept),
        cmocka_unit_test(a_body_in_another_charset_is_searched_however_it_is_cut),
        cmocka_unit_test(a_compressed_body_is_decoded_and_searched_however_it_is_cut),
        cmocka_unit_test(a_value_deep_in_a_long_body_has_its_name),
        cmocka_unit_test(a_value_far_behind_an_escape_is_found),
        cmocka_unit_test(one_lost_packet_costs_only_what_it_touched),
        cmocka_unit_test(a_response_before_its_request_is_paired),
        cmocka_unit_test(one_side_alone_is_told_as_such),
        cmocka_unit_test(other_protocols_are_excused_with_a_reason),
        cmocka_unit_test(amqp_hands_its_connection_over_to_tls),
        cmocka_unit_test(amqp_content_without_its_method_has_no_path),
        cmocka_unit_test(amqp_messages_say_what_became_of_them),
        cmocka_unit_test(an_upgrade_to_the_unknown_is_said),
        cmocka_unit_test(a_call_in_a_tunnel_is_seen),
        cmocka_unit_test(a_late_answer_belongs_to_no_later_request),
        cmocka_unit_test(calls_beyond_the_memory_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
