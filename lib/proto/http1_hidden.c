/* SPDX-License-Identifier: Apache-2.0 */

/* Hidden requests: METHOD SP target SP "HTTP/", byte by byte, so that cuts do not matter. */

#include "proto/http1_hidden.h"

#define METHOD_MIN 3u
#define METHOD_MAX 16u /* the longest that servers know has 17 letters and is not one to smuggle */

enum hidden {
    HIDDEN_OFF,  /* the zero of struct http1 */
    HIDDEN_SEEK, /* the next line end */
    HIDDEN_START,
    HIDDEN_METHOD,
    HIDDEN_BEFORE_TARGET,
    HIDDEN_TARGET,
    HIDDEN_VERSION,
    HIDDEN_FOUND,
};

static const uint8_t version[] = {'H', 'T', 'T', 'P', '/'};

/* The state behind one byte; HIDDEN_OFF when the line is no request line. */
static enum hidden step(struct http1 *parser, uint8_t c)
{
    bool letter = c >= 'A' && c <= 'Z';
    switch (parser->hidden) {
    case HIDDEN_START:
        parser->hidden_count = 1;
        return c == '\r' || c == '\n' ? HIDDEN_START : letter ? HIDDEN_METHOD : HIDDEN_OFF;
    case HIDDEN_METHOD:
        if (letter && parser->hidden_count++ < METHOD_MAX)
            return HIDDEN_METHOD;
        return c == ' ' && parser->hidden_count >= METHOD_MIN ? HIDDEN_BEFORE_TARGET : HIDDEN_OFF;
    case HIDDEN_BEFORE_TARGET:
        return c == '/' || c == '*' || c == 'h' ? HIDDEN_TARGET : HIDDEN_OFF;
    case HIDDEN_TARGET:
        parser->hidden_count = 0;
        return c == ' ' ? HIDDEN_VERSION : c > ' ' ? HIDDEN_TARGET : HIDDEN_OFF;
    case HIDDEN_VERSION:
        return c == version[parser->hidden_count++] ? HIDDEN_VERSION : HIDDEN_OFF;
    default:
        return HIDDEN_OFF;
    }
}

static void give_up_line(struct http1 *parser)
{
    parser->hidden = parser->head & HTTP1_HEAD_AMBIGUOUS ? HIDDEN_SEEK : HIDDEN_OFF;
}

void http1_hidden_begin(struct http1 *parser)
{
    parser->hidden = parser->kind == HTTP1_REQUESTS ? HIDDEN_START : HIDDEN_OFF;
}

void http1_hidden_note(struct http1 *parser)
{
    parser->head |= HTTP1_HEAD_AMBIGUOUS;
    if (parser->hidden == HIDDEN_OFF && parser->kind == HTTP1_REQUESTS)
        parser->hidden = HIDDEN_SEEK;
}

void http1_hidden_lose(struct http1 *parser)
{
    if (parser->hidden != HIDDEN_FOUND)
        give_up_line(parser);
}

uint64_t http1_hidden_end(struct http1 *parser)
{
    bool found = parser->hidden == HIDDEN_FOUND;
    parser->hidden = HIDDEN_OFF;
    return found ? ANOMALY_BIT(ANOMALY_HIDDEN_REQUEST) : 0;
}

void http1_hidden_scan(struct http1 *parser, struct span data)
{
    uint32_t at = 0;
    while (at < data.size && parser->hidden != HIDDEN_OFF && parser->hidden != HIDDEN_FOUND) {
        if (parser->hidden == HIDDEN_SEEK) {
            const uint8_t *end = memchr(data.data + at, '\n', data.size - at);
            if (!end)
                return;
            at = (uint32_t)(end - data.data) + 1;
            parser->hidden = HIDDEN_START;
            continue;
        }
        enum hidden next = step(parser, data.data[at]);
        if (next == HIDDEN_OFF) {
            give_up_line(parser); /* this byte again: it may be the line end */
            continue;
        }
        parser->hidden = (uint8_t)next;
        at++;
        if (next == HIDDEN_VERSION && parser->hidden_count == sizeof(version)) {
            parser->hidden = HIDDEN_FOUND;
            return;
        }
    }
}
