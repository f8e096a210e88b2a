/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 0-9-1 on a channel
 *
 * The parser of each direction and, for each AMQP channel inside the connection, the contents that are coming in, the
 * requests that wait for their answers, and the published messages that wait for a confirm.
 *
 * Memory:  one state from the worker's pool for each connection; exchanges from theirs.
 * Threads: one owner, the worker.
 * Limits:  below. Messages of channels beyond them are counted as out of budget, and told as that.
 */

#include "pipeline/amqp.h"
#include "proto/amqp091.h"
#include "proto/amqp091_method.h"

#define AMQP091_CHANNELS_MAX  64u  /* brokers allow 2047; one for each thread is the custom */
#define AMQP091_WAITING_MAX   16u  /* requests of a channel without an answer; clients wait for each */
#define AMQP091_CONFIRMS_MAX  8u   /* published and not confirmed; beyond it the oldest is told without its confirm */
#define AMQP091_CONSUMERS_MAX 16u  /* whose queue is remembered; a client has a handful */
#define AMQP091_QUEUE_MAX     128u /* bytes of a queue's name that is remembered */
#define AMQP091_HOST_MAX      255u /* a short string */

enum amqp091_stage { AMQP091_IDLE, AMQP091_EXPECT_HEADER, AMQP091_EXPECT_BODY };

struct amqp091_content {
    struct exchange *exchange; /* NULL: a content that is passed over */
    uint64_t rest;             /* bytes of body still to come */
    uint64_t tag;              /* of a published message that will be confirmed; 0: it will not */
    uint8_t stage;             /* enum amqp091_stage */
};

struct amqp091_confirm {
    struct exchange *exchange;
    uint64_t tag;
};

struct amqp091_channel {
    uint16_t number;
    bool used;
    bool confirms;                      /* the client selected confirms, and every message since was seen */
    uint8_t waiting;                    /* in the row */
    uint8_t unconfirmed;                /* in confirm[], the oldest first */
    uint64_t published;                 /* since confirms were selected */
    struct exchange *oldest, *newest;   /* requests without an answer */
    struct amqp091_content contents[2]; /* of the client, of the server */
    struct amqp091_confirm confirm[AMQP091_CONFIRMS_MAX];
};

struct amqp091_consumer {
    uint64_t key;        /* hash of channel and consumer tag */
    uint32_t queue_size; /* 0: the entry is free */
    uint8_t queue[AMQP091_QUEUE_MAX];
};

struct amqp091_connection {
    struct amqp091 parsers[2];
    struct amqp091_channel channels[AMQP091_CHANNELS_MAX];
    struct amqp091_consumer consumers[AMQP091_CONSUMERS_MAX];
    bool lost[2]; /* frames of the direction are missing */
    bool host_known;
    uint8_t host_size;
    uint8_t host[AMQP091_HOST_MAX]; /* the virtual host */
};

extern const struct channel_protocol channel_amqp091;

/* A method as it came, for the files of the adapter. */
struct amqp091_event {
    struct pipeline *worker;
    const struct channel_feed *feed;
    struct amqp091_connection *connection;
    struct amqp091_channel *channel;
    const struct amqp091_method_info *method;
    const struct amqp091_arguments *arguments;
    uint64_t anomalies;
    bool cut;
};

/* amqp091_content.c: messages. */
void amqp091_content_method(const struct amqp091_event *event);
void amqp091_content_header(const struct amqp091_event *event, const struct amqp091_item *item);
void amqp091_content_body(const struct amqp091_event *event, const struct amqp091_item *item);
/* The content that is coming in will not be whole. */
void amqp091_content_cut(struct pipeline *worker, struct amqp091_content *content, bool response, uint32_t flags);
void amqp091_confirm(const struct amqp091_event *event);
/* basic.reject and basic.nack of the client. */
void amqp091_refusal(const struct amqp091_event *event);
void amqp091_confirms_end(struct pipeline *worker, struct amqp091_channel *channel);

/* amqp091_request.c: everything else that becomes a call. */
void amqp091_request(const struct amqp091_event *event);
void amqp091_answer(const struct amqp091_event *event);
void amqp091_close(const struct amqp091_event *event);
void amqp091_requests_end(struct pipeline *worker, struct amqp091_channel *channel, uint32_t flags);
/* The request that basic.get-ok answers; NULL: none waits. */
struct exchange *amqp091_request_take(struct amqp091_channel *channel, uint32_t answer);

/* Sets what every call knows of its connection. */
void amqp091_message_set(const struct amqp091_event *event, struct exchange *exchange);
void amqp091_consumer_put(const struct amqp091_event *event, struct span tag, struct span queue);
struct span amqp091_consumer_queue(const struct amqp091_event *event, struct span tag);
