/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1 against the published vectors of another parser (ASSAY_TESTDATA/http1-llhttp): Markdown files with a message
 * in one block and what was found in it, by offset, in the next. What that parser refuses we read on and flag, so for
 * those the messages before the refusal are compared and an anomaly is asked for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/http1.h"

#define BLOCK_MAX    16384u
#define MESSAGES_MAX 8u
#define HEADERS_MAX  64u
#define TEXT_MAX     4096u
#define TITLE_MAX    256u

struct text {
    char data[TEXT_MAX];
    size_t size;
};

struct message {
    struct text method, url, reason, body;
    struct text names[HEADERS_MAX], values[HEADERS_MAX];
    uint32_t header_count;
    int status;
    bool head_complete, complete;
};

struct reading {
    struct message messages[MESSAGES_MAX];
    uint32_t count;
    uint64_t anomalies;
    uint64_t skipped;
    bool refused, stopped;
};

struct vector {
    char title[TITLE_MAX];
    char meta[TITLE_MAX];
    char http[BLOCK_MAX];
    size_t http_size;
    char log[BLOCK_MAX];
};

/* Where our reading differs on purpose. Everything else has to agree. */
struct exception {
    const char *file, *title, *why;
};

static const struct exception exceptions[] = {
    {"request/method.md", "SOURCE request with ICE", "not HTTP"},
    {"request/method.md", "OPTIONS request with RTSP", "not HTTP"},
    {"request/method.md", "ANNOUNCE request with RTSP", "not HTTP"},
    {"response/sample.md", "RTSP response", "not HTTP"},
    {"response/sample.md", "ICE response", "not HTTP"},
    {"request/invalid.md", "HTTP protocol and ANNOUNCE method", "any token is a method (RFC 9110 9.1)"},
    {"request/content-length.md", "Content-Length reset when no body is received",
     "a request that announces a body has one"},
    {"request/content-length.md", "Missing CRLF-CRLF before body (lenient)", "a bare CR ends no line (RFC 9112 2.2)"},
    {"request/transfer-encoding.md", "Chunk header not terminated by CRLF (lenient)", "a bare CR ends no line"},
    {"request/lenient-headers.md", "Empty headers separated by CR (lenient)", "a bare CR ends no line"},
    {"response/invalid.md", "Bare CR after response line (lenient)", "a bare CR ends no line"},
    {"request/invalid.md", "Only LFs present (lenient)", "the empty line behind the last chunk ends the message"},
    {"request/transfer-encoding.md", "POST with `Transfer-Encoding` and `Content-Length` (lenient)",
     "a request is not read until close: Content-Length counts when no coding is chunked"},
    {"request/transfer-encoding.md", "POST with `chunked` before other transfer-coding (lenient)",
     "a request is not read until close: read as chunked"},
    {"request/transfer-encoding.md", "POST with `chunked` and duplicate transfer-encoding (lenient)",
     "a request is not read until close: read as chunked"},
};

static struct reading theirs, ours; /* large; one test at a time */
static struct vector vector;
static uint32_t compared, refused;

static void text_add(struct text *text, const void *data, size_t size)
{
    assert_true(text->size + size <= TEXT_MAX);
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

/* White space apart: folds and trimming are kept differently. */
static void text_squeeze(struct text *text)
{
    size_t size = 0;
    for (size_t i = 0; i < text->size; i++)
        if (!strchr(" \t\r\n", text->data[i]) || text->data[i] == '\0')
            text->data[size++] = text->data[i];
    text->size = size;
}

static bool text_equal(const struct text *a, const struct text *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* ---- their log ---- */

static struct message *current(struct reading *reading)
{
    return reading->count ? &reading->messages[reading->count - 1] : NULL;
}

static void begin(struct reading *reading)
{
    assert_true(reading->count < MESSAGES_MAX);
    memset(&reading->messages[reading->count++], 0, sizeof(struct message));
}

static void read_span(struct message *message, const char *kind, const char *data, size_t size, bool *in_value)
{
    if (!strncmp(kind, "method]", 7)) {
        text_add(&message->method, data, size);
    } else if (!strncmp(kind, "url]", 4)) {
        text_add(&message->url, data, size);
    } else if (!strncmp(kind, "status]", 7)) {
        text_add(&message->reason, data, size);
    } else if (!strncmp(kind, "body]", 5)) {
        text_add(&message->body, data, size);
    } else if (!strncmp(kind, "header_field]", 13)) {
        if (*in_value || message->header_count == 0)
            message->header_count++;
        *in_value = false;
        text_add(&message->names[message->header_count - 1], data, size);
    } else if (!strncmp(kind, "header_value]", 13)) {
        *in_value = true;
        text_add(&message->values[message->header_count - 1], data, size);
    }
}

static void read_log_line(const char *line, bool *in_value)
{
    unsigned offset, size;
    int kind = 0;
    struct message *message = current(&theirs);
    if (sscanf(line, "off=%u len=%u span[%n", &offset, &size, &kind) == 2 && kind > 0) {
        if (offset + size > vector.http_size)
            fail_msg("\"%s\": %s: only %zu bytes", vector.title, line, vector.http_size);
        if (message)
            read_span(message, line + kind, vector.http + offset, size, in_value);
        return;
    }
    if (strstr(line, " message begin")) {
        begin(&theirs);
        *in_value = true;
    } else if (strstr(line, " headers complete") && message) {
        const char *status = strstr(line, "status=");
        message->status = status ? atoi(status + 7) : 0;
        message->head_complete = true;
    } else if (strstr(line, " message complete") && message) {
        message->complete = true;
    } else if (strstr(line, "error code=")) {
        theirs.stopped = strstr(line, "Pause on CONNECT/Upgrade") || strstr(line, "Pause on PRI/Upgrade");
        theirs.refused = !theirs.stopped;
    }
}

static void read_log(void)
{
    bool in_value = true;
    theirs.count = 0;
    theirs.refused = theirs.stopped = false;
    char *save = NULL;
    for (char *line = strtok_r(vector.log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        read_log_line(line, &in_value);
}

/* ---- our reading ---- */

static void add_item(const struct http1_item *item)
{
    struct message *message = current(&ours);
    ours.anomalies |= item->anomalies;
    switch (item->kind) {
    case HTTP1_REQUEST_LINE:
        begin(&ours);
        text_add(&current(&ours)->method, item->request.method.data, item->request.method.size);
        text_add(&current(&ours)->url, item->request.target.data, item->request.target.size);
        break;
    case HTTP1_STATUS_LINE:
        begin(&ours);
        current(&ours)->status = item->status.status;
        text_add(&current(&ours)->reason, item->status.reason.data, item->status.reason.size);
        break;
    case HTTP1_HEADER:
    case HTTP1_TRAILER:
        assert_true(message->header_count < HEADERS_MAX);
        text_add(&message->names[message->header_count], item->header.name.data, item->header.name.size);
        text_add(&message->values[message->header_count++], item->header.value.data, item->header.value.size);
        break;
    case HTTP1_HEAD_END:
        message->head_complete = true;
        break;
    case HTTP1_BODY:
        text_add(&message->body, item->body.data.data, item->body.data.size);
        break;
    case HTTP1_MESSAGE_END:
        message->complete = item->end.complete;
        break;
    }
}

static void read_stream(bool response, bool skip_body)
{
    struct http1 parser;
    struct http1_item item;
    struct parse_input input = {(const uint8_t *)vector.http, (uint32_t)vector.http_size, 0, true};
    http1_init(&parser, response ? HTTP1_RESPONSES : HTTP1_REQUESTS);
    ours.count = 0;
    ours.anomalies = 0;
    for (;;) {
        struct parse_step step = http1_parse(&parser, &input, &item);
        input.data += step.consumed;
        input.size -= step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        add_item(&item);
        if (skip_body && item.kind == HTTP1_STATUS_LINE)
            http1_expect(&parser, HTTP1_METHOD_HEAD);
    }
    ours.stopped = input.size > 0;
    ours.anomalies |= parser.anomalies;
    ours.skipped = parser.bytes_skipped;
}

/* ---- comparison ---- */

static const char *compare_message(struct message *a, struct message *b, bool whole)
{
    if (!text_equal(&a->method, &b->method))
        return "method";
    if (!text_equal(&a->url, &b->url))
        return "url";
    if (a->head_complete && a->status != b->status)
        return "status";
    text_squeeze(&a->reason);
    text_squeeze(&b->reason);
    if (whole && !text_equal(&a->reason, &b->reason))
        return "reason";
    if (whole ? a->header_count != b->header_count : a->header_count < b->header_count)
        return "number of headers";
    for (uint32_t i = 0; i < b->header_count; i++) {
        text_squeeze(&a->values[i]);
        text_squeeze(&b->values[i]);
        text_squeeze(&b->names[i]);
        text_squeeze(&a->names[i]);
        if (!text_equal(&a->names[i], &b->names[i]))
            return "header name";
        if (!text_equal(&a->values[i], &b->values[i]))
            return "header value";
    }
    if (whole && !text_equal(&a->body, &b->body))
        return "body";
    return a->complete && !b->complete ? "completeness" : NULL;
}

/* NULL: they agree, or we read on where they refuse and say why. */
static const char *compare(void)
{
    for (uint32_t i = 0; i < theirs.count; i++) {
        bool last = i + 1 == theirs.count;
        struct message *message = &theirs.messages[i];
        if (last && theirs.refused)
            continue;
        if (i >= ours.count) {
            if (last && !message->head_complete)
                continue; /* not even the first line is complete */
            return "a message is missing";
        }
        const char *difference = compare_message(message, &ours.messages[i], message->head_complete);
        if (difference)
            return difference;
    }
    if (theirs.refused)
        return ours.anomalies || ours.stopped || ours.skipped ? NULL : "refused there, nothing noticed here";
    return ours.count > theirs.count ? "a message too many" : NULL;
}

static bool is_exception(const char *file)
{
    for (size_t i = 0; i < ARRAY_COUNT(exceptions); i++)
        if (!strcmp(exceptions[i].file, file) && !strcmp(exceptions[i].title, vector.title))
            return true;
    return false;
}

static uint32_t check_vector(const char *file)
{
    bool response = strstr(vector.meta, "\"response") != NULL;
    read_log();
    read_stream(response, strstr(vector.meta, "skipBody") != NULL);
    const char *difference = compare();
    compared++;
    refused += theirs.refused;
    if (is_exception(file) == (difference != NULL))
        return 0;
    print_error("%s: \"%s\": %s\n", file, vector.title, difference ? difference : "agrees, but is an exception");
    return 1;
}

/* ---- Markdown ---- */

static bool is_line_end(char c)
{
    return c == '\n';
}

static int hex(const char *digits, size_t size)
{
    char copy[3] = {digits[0], size > 1 ? digits[1] : '\0', '\0'};
    return (int)strtol(copy, NULL, 16);
}

/* The block's line ends are CR LF; a backslash at the end of a line joins it to the next, others are escapes as in C.
 */
static void read_http_block(const char *block, size_t size)
{
    size_t out = 0;
    if (size > 0 && is_line_end(block[size - 1]))
        size--;
    for (size_t i = 0; i < size && out + 2 < BLOCK_MAX; i++) {
        char next = i + 1 < size ? block[i + 1] : '\0';
        if (block[i] == '\n') {
            vector.http[out++] = '\r';
            vector.http[out++] = '\n';
        } else if (block[i] != '\\' || !next || !strchr("\nrntfx", next)) {
            vector.http[out++] = block[i];
        } else if (next == 'x') {
            vector.http[out++] = (char)hex(block + i + 2, size - i - 2);
            i += 3;
        } else {
            if (next != '\n')
                vector.http[out++] = next == 'r' ? '\r' : next == 'n' ? '\n' : next == 't' ? '\t' : '\f';
            i++;
        }
    }
    vector.http_size = out;
}

static void copy_line(char *out, size_t room, const char *line, const char *end)
{
    snprintf(out, room, "%.*s", (int)(end - line), line);
}

static uint32_t check_text(const char *file, const char *text)
{
    uint32_t failures = 0;
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        end = end ? end : line + strlen(line);
        const char *next = *end ? end + 1 : end;
        if (line[0] == '#')
            copy_line(vector.title, TITLE_MAX, line + strspn(line, "# "), end);
        else if (!strncmp(line, "<!-- meta=", 10))
            copy_line(vector.meta, TITLE_MAX, line, end);
        bool http = !strncmp(line, "```http\n", 8), log = !strncmp(line, "```log\n", 7);
        if (http || log) {
            const char *close = strstr(next, "\n```");
            assert_non_null(close);
            if (http)
                read_http_block(next, (size_t)(close + 1 - next));
            else
                copy_line(vector.log, BLOCK_MAX, next, close + 1);
            next = close + 4 + strspn(close + 4, "\n");
        }
        if (log)
            failures += check_vector(file);
        line = next;
    }
    return failures;
}

static uint32_t check_file(const char *folder, const char *name)
{
    char path[4096];
    static char text[1u << 20];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *slash = strrchr(folder, '/');
    char short_name[512];
    snprintf(short_name, sizeof(short_name), "%s/%s", slash + 1, name);
    return check_text(short_name, text);
}

static void check_folder(const char *sub_folder)
{
    const char *root = getenv("ASSAY_TESTDATA");
    if (!root) {
        print_message("ASSAY_TESTDATA is not set: the vectors are skipped\n");
        skip();
    }
    char folder[2048];
    snprintf(folder, sizeof(folder), "%s/http1-llhttp/%s", root, sub_folder);
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    uint32_t failures = 0;
    compared = refused = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            failures += check_file(folder, entry->d_name);
    closedir(directory);
    print_message("%s: %u vectors, %u of them refused by the other parser\n", sub_folder, compared, refused);
    assert_true(compared > 50);
    assert_int_equal(failures, 0);
}

static void requests_agree_with_the_vectors(void **state)
{
    (void)state;
    check_folder("request");
}

static void responses_agree_with_the_vectors(void **state)
{
    (void)state;
    check_folder("response");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_agree_with_the_vectors),
        cmocka_unit_test(responses_agree_with_the_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
