/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pipeline: bodies of every kind of text. What is in them is found in its place, however the body is cut on the wire;
 * what hides it, or is no text, is said.
 */

#include "unit/pipeline_bench.h"

/* A sanitizer takes two seconds to make the detectors of each turn: it sees one in seven, which is of every kind. */
#ifdef __SANITIZE_ADDRESS__
#define TURN_STEP 7u
#else
#define TURN_STEP 1u
#endif
#define REQUEST "GET /v1/list HTTP/1.1\r\nHost: a.example\r\n\r\n"

struct body_case {
    const char *type; /* of the response */
    const char *body;
    const char *place; /* of the card number; NULL: there is none to be found */
};

/* Plays one answer with the body in segments of `step` bytes. */
static struct bench *play_body(const char *type, const void *body, size_t size, uint32_t step)
{
    char head[256];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, size);
    struct bench *bench = bench_new(256, 1024);
    struct wire *wire = wire_new();
    wire_text(wire, 0, REQUEST, 1400);
    wire_text(wire, 1, head, 1400);
    for (size_t at = 0; at < size; at += step)
        wire_segment(wire, 1, 0x18, (const uint8_t *)body + at, min_u32(step, (uint32_t)(size - at)));
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    free(wire);
    return bench;
}

static void expect_place(const struct bench *bench, const struct body_case *expected)
{
    char name[160];
    bool named = expected->place && *expected->place;
    snprintf(name, sizeof(name), named ? "\"place\":\"body\",\"name\":\"%s\"" : "\"place\":\"body\",\"count\"",
             named ? expected->place : "");
    const char *findings = bench->findings ? bench->findings : "";
    if (!expected->place == !strstr(findings, "\"DAT-003\"") && (!expected->place || strstr(findings, name)) &&
        !strstr(findings, "4111111111111111"))
        return;
    fail_msg("%s: %s\nnot %s but\n%s", expected->type, expected->body, name, findings);
}

/* "card 4111111111111111 of jo" in base64, by Python's base64 module. */
#define CODED "Y2FyZCA0MTExMTExMTExMTExMTExIG9mIGpv"
#define PART  "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n"

static const struct body_case cases[] = {
    {"text/plain", "the card is 4111111111111111.", ""},
    {"application/x-www-form-urlencoded", "a=1&card%5Fno=4111+1111%201111+1111", "card_no"},
    {"application/x-ndjson", "{\"a\":1}\n{\"card\":\"4111111111111111\"}\n", "/card"},
    {"text/event-stream", "event: paid\ndata: {\"card\":{\"no\":\"4111111111111111\"}}\n\n", "/card/no"},
    {"application/xml", "<?xml version=\"1.0\"?><order><card no=\"4111111111111111\"/></order>", "/order/card/@no"},
    {"application/soap+xml", "<s:Body><pay><card>4111&#49;11111111111</card></pay></s:Body>", "/s:Body/pay/card"},
    {"text/xml", "<a><card><![CDATA[4111111111111111]]></card></a>", "/a/card"},
    /* Parts of every type, with the name of the part in front. */
    {"multipart/form-data; boundary=b",
     PART "Content-Type: application/json\r\n\r\n{\"card\":{\"no\":\"4111111111111111\"}}\r\n--b--\r\n",
     "meta/card/no"},
    {"multipart/form-data; boundary=b", PART "\r\n{\"card\":\"4111\\u003111111111111\"}\r\n--b--\r\n", "meta/card"},
    {"multipart/form-data; boundary=b", PART "Content-Type: text/xml\r\n\r\n<card>4111111111111111</card>\r\n--b--\r\n",
     "meta/card"},
    {"multipart/form-data; boundary=b", PART "\r\n4111111111111111\r\n--b--\r\n", "meta"},
    {"multipart/form-data; boundary=b",
     PART "\r\nx\r\n--b\r\nContent-Type: text/csv\r\n\r\nno\r\n4111111111111111\r\n--b--\r\n", ""},
    {"multipart/mixed; boundary=b",
     "--b\r\ncontent-type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     /* {"card":"4111111111111111"} */
     "eyJjYXJkIjoiNDEx\r\nMTExMTExMTEx\r\nMTExMSJ9\r\n--b--\r\n",
     "/card"},
    /* Values in base64, as a whole and only then. */
    {"application/json", "{\"id\":7,\"blob\":\"" CODED "\"}", "/blob"},
    {"application/json", "{\"id\":7,\"blob\":\"data:text/plain;base64," CODED "\"}", "/blob"},
    {"application/json", "{\"id\":7,\"blob\":\"aaaa." CODED "\"}", NULL},
    {"application/json",
     "{\"\\u0069d\":7,\"list\":[\"\\u0059"
     "2FyZCA0MTExMTExMTExMTExMTExIG9mIGpv\"]}",
     "/list/0"},
    {"application/x-www-form-urlencoded", "a=b&blob=" CODED "&c=d", "blob"},
    {"text/xml", "<a><blob>" CODED "</blob></a>", "/a/blob"},
    {"application/json", "{\"hash\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"}", NULL},
};

static void every_kind_is_searched_in_its_places_however_it_is_cut(void **state)
{
    (void)state;
    static const uint32_t steps[] = {1400, 1};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        for (size_t k = 0; k < ARRAY_COUNT(steps); k++) {
            struct bench *bench = play_body(cases[i].type, cases[i].body, strlen(cases[i].body), steps[k]);
            expect_place(bench, &cases[i]);
            bench_free(bench);
        }
}

/* base64 of `text`, without padding. */
static uint32_t encode(const uint8_t *text, uint32_t size, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t written = 0;
    for (uint32_t i = 0; i < size; i += 3) {
        uint32_t bits = 0, count = min_u32(3, size - i);
        for (uint32_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < count ? text[i + k] : 0);
        for (uint32_t k = 0; k <= count; k++)
            out[written++] = digits[bits >> (18 - 6 * k) & 63];
    }
    return written;
}

/* A value of many views in base64, with a card number that lies anywhere in it, also across two views. */
static void a_long_value_in_base64_is_searched_to_its_end(void **state)
{
    (void)state;
    enum { SIZE = 40000 };
    static uint8_t text[SIZE];
    static char body[SIZE * 2];
    for (uint32_t place = 11000; place + 100 < SIZE; place += 7) {
        if (place > 12600 && place < 38000)
            place = 38000;
        memset(text, '.', SIZE);
        memcpy(text + place, " 4111111111111111 ", 18);
        uint32_t size = (uint32_t)sprintf(body, "{\"id\":7,\"file\":\"");
        size += encode(text, SIZE, body + size);
        size += (uint32_t)sprintf(body + size, "\",\"last\":true}");
        struct bench *bench = play_body("application/json", body, size, 1400);
        const char *first = bench->findings ? strstr(bench->findings, "\"name\":\"/file\"") : NULL;
        if (!first || strstr(first + 1, "\"DAT-003\"") || strstr(bench->findings, "\"count\":\"2\""))
            fail_msg("at %u: %s", place, bench->findings ? bench->findings : "nothing");
        bench_free(bench);
        place += 593;
    }
}

/* The same of a value with escapes: what is in front of the first one is searched as it is written, the rest decoded.
 */
static void an_escaped_value_in_base64_is_searched_to_its_end(void **state)
{
    (void)state;
    enum { SIZE = 5000 };
    static const struct {
        const char *type, *before, *slash, *end, *name;
    } rows[] = {
        {"application/json", "{\"id\":7,\"file\":\"", "\\/", "\"}", "/file"},
        {"application/json", "{\"id\":7,\"file\":\"", "\\u002f", "\\u003d\"}", "/file"},
        {"application/x-www-form-urlencoded", "id=7&file=", "%2F", "%3D", "file"},
    };
    static uint8_t text[SIZE];
    static char coded[SIZE * 2], body[SIZE * 4];
    for (uint32_t turn = 0; turn < 240; turn += TURN_STEP) {
        uint32_t row = turn % ARRAY_COUNT(rows), place = (turn * 211) % (SIZE - 100), first = (turn * 97) % SIZE;
        memset(text, '.', SIZE);
        /* "??" in the last two places of a group of three is what makes a '/' of ASCII. */
        for (uint32_t i = first / 3 * 3; i + 2 < SIZE; i += turn % 2 ? SIZE : 300)
            text[i + 2] = '?';
        memcpy(text + place, " 4111111111111111 ", 18);
        uint32_t size = (uint32_t)sprintf(body, "%s", rows[row].before);
        uint32_t digits = encode(text, SIZE, coded);
        for (uint32_t i = 0; i < digits; i++)
            size += (uint32_t)(coded[i] == '/' ? sprintf(body + size, "%s", rows[row].slash)
                                               : sprintf(body + size, "%c", coded[i]));
        size += (uint32_t)sprintf(body + size, "%s", rows[row].end);
        struct bench *bench = play_body(rows[row].type, body, size, 1400);
        char name[32];
        snprintf(name, sizeof(name), "\"name\":\"%s\"", rows[row].name);
        const char *found = bench->findings ? strstr(bench->findings, name) : NULL;
        if (!found || strstr(found + 1, "\"DAT-003\"") || strstr(bench->findings, "\"count\":\"2\""))
            fail_msg("turn %u, escape at %u, number at %u: %s", turn, first, place,
                     bench->findings ? bench->findings : "nothing");
        bench_free(bench);
    }
}

/* A hole in a part costs its name up to the next delimiter, and nothing behind it. */
static void a_hole_in_parts_costs_one(void **state)
{
    (void)state;
    static const char body[] = PART "\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
                                    "--b\r\nContent-Disposition: form-data; name=\"card\"\r\n"
                                    "Content-Type: application/json\r\n\r\n{\"no\":\"4111111111111111\"}\r\n--b--\r\n";
    uint32_t size = sizeof(body) - 1;
    for (uint32_t lost = 0; lost < 60; lost += 10) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_new();
        char head[160];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %u\r\n\r\n",
                 size);
        wire_text(wire, 0, REQUEST, 1400);
        wire_text(wire, 1, head, 1400);
        wire_segment(wire, 1, 0x18, body, lost);
        wire->sequence[1] += 10;
        wire_segment(wire, 1, 0x18, body + lost + 10, size - lost - 10);
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        if (!strstr(bench->findings, "\"name\":\"card/no\""))
            fail_msg("%u lost: %s", lost, bench->findings);
        bench_free(bench);
        free(wire);
    }
}

/* Two messages of gRPC in its JSON codec: each is JSON of its own. */
static void messages_in_json_have_pointers(void **state)
{
    (void)state;
    static const char body[] = "\0\0\0\0\7{\"a\":1}\0\0\0\0\x1a{\"no\":\"4111111111111111\" }";
    for (uint32_t step = 1; step < 100; step += 49) {
        struct bench *bench = play_body("application/grpc+json", body, sizeof(body) - 1, step);
        if (!bench->findings || !strstr(bench->findings, "\"name\":\"/no\""))
            fail_msg("%s", bench->findings ? bench->findings : "nothing");
        bench_free(bench);
    }
}

static void text_that_is_no_utf8_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        bool said;
    } texts[] = {
        {"application/json", "{\"name\":\"J\xfcrgen\"}", true},
        {"application/json", "{\"name\":\"J\xc3\xbcrgen\"}", false},
        {"application/json; charset=iso-8859-1", "{\"name\":\"J\xfcrgen\"}", false},
        {"application/json; charset=koi8-r", "{\"name\":\"J\xfcrgen\"}", false},
        {"text/plain; charset=UTF-8", "cut inside a character: \xe2\x82", true},
        {"text/plain", "J\xfcrgen", false},
        {"image/png", "\x89PNG\xfc", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        for (uint32_t step = 1; step < 100; step += 49) {
            struct bench *bench = play_body(texts[i].type, texts[i].body, strlen(texts[i].body), step);
            bool said = bench->findings && strstr(bench->findings, "text_encoding");
            if (said != texts[i].said)
                fail_msg("%s %s: %s", texts[i].type, texts[i].body, bench->findings ? bench->findings : "");
            bench_free(bench);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_searched_in_its_places_however_it_is_cut),
        cmocka_unit_test(a_long_value_in_base64_is_searched_to_its_end),
        cmocka_unit_test(an_escaped_value_in_base64_is_searched_to_its_end),
        cmocka_unit_test(a_hole_in_parts_costs_one),
        cmocka_unit_test(messages_in_json_have_pointers),
        cmocka_unit_test(text_that_is_no_utf8_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
