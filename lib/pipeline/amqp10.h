/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 1.0 on a channel
 *
 * The parser of each direction, the links that were attached with their addresses, the messages that are coming in, and
 * those that wait for their outcome.
 *
 * Memory:  one state from the worker's pool for each connection; exchanges from theirs; of a message whose section is
 *          cut, a carry buffer.
 * Threads: one owner, the worker.
 * Limits:  below. Messages of links beyond them are counted as out of budget, and told as that.
 */

#include "pipeline/amqp.h"
#include "proto/amqp10.h"
#include "proto/amqp10_message.h"
#include "proto/amqp10_performative.h"

#define AMQP10_LINKS_MAX     64u  /* both ends of each; a client has a handful */
#define AMQP10_SESSIONS_MAX  32u  /* a client has one or two */
#define AMQP10_UNSETTLED_MAX 16u  /* messages without an outcome; beyond it the oldest is told without */
#define AMQP10_ADDRESS_MAX   200u /* bytes; queue names and paths of brokers are shorter */
#define AMQP10_HOST_MAX      255u /* a host name (RFC 1035 2.3.4) */

/* One end of a link: handles are told apart by who numbered them. */
struct amqp10_link {
    uint64_t name;             /* hash of the link's name */
    struct exchange *attach;   /* the client's, while the server has not answered */
    struct exchange *exchange; /* of the message that is coming in */
    uint8_t *carry;            /* bytes of it that are cut */
    uint32_t carry_size;
    uint32_t handle;
    uint32_t delivery;    /* number of the message that is coming in */
    uint32_t store_begin; /* where its head begins in the store */
    uint16_t channel;
    uint8_t direction; /* of who attached this end */
    uint8_t address_size;
    bool used;
    bool known;     /* its attach was seen and fits */
    bool anonymous; /* messages name their own address */
    bool uncertain; /* a hole since may have held another attach */
    bool receiver;
    bool settled, head_done, delivery_known;
    bool passed_over; /* there was no memory for the message */
    struct amqp10_message message;
    uint8_t address[AMQP10_ADDRESS_MAX];
};

struct amqp10_session {
    bool used;
    uint16_t channels[2]; /* by direction */
};

struct amqp10_unsettled {
    struct exchange *exchange;
    uint32_t delivery;
    uint16_t channel;
    uint8_t direction;
};

struct amqp10_connection {
    struct amqp10 parsers[2];
    struct amqp10_link *current[2]; /* whose payload comes in */
    bool current_more[2];
    struct exchange *login, *open; /* the client's, while the server has not answered */
    struct amqp10_link links[AMQP10_LINKS_MAX];
    struct amqp10_session sessions[AMQP10_SESSIONS_MAX];
    struct amqp10_unsettled unsettled[AMQP10_UNSETTLED_MAX]; /* the oldest first */
    uint32_t unsettled_count;
    bool lost[2];
    bool tls[2];      /* the direction has sent the header of TLS */
    bool sasl, plain; /* the client has sent the header of SASL; of AMQP without SASL before it */
    bool host_known;
    uint8_t host_size;
    uint8_t host[AMQP10_HOST_MAX];
};

extern const struct channel_protocol channel_amqp10;

/* A performative as it came, for the files of the adapter. */
struct amqp10_event {
    struct pipeline *worker;
    const struct channel_feed *feed;
    struct amqp10_connection *connection;
    const struct amqp10_performative *performative;
    uint64_t anomalies;
    uint16_t channel;
};

/* amqp10_link.c */
void amqp10_attach(const struct amqp10_event *event);
void amqp10_detach(const struct amqp10_event *event);
struct amqp10_link *amqp10_link_find(struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                                     uint32_t handle);
/* A new end; NULL: there are too many. */
struct amqp10_link *amqp10_link_take(struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                                     uint32_t handle);
void amqp10_link_end(struct pipeline *worker, struct amqp10_link *link, uint32_t flags);
/* A call of the client, or an error of either side. */
struct exchange *amqp10_call_take(const struct amqp10_event *event, const char *method);
void amqp10_error(const struct amqp10_event *event, const struct amqp10_link *link);

/* amqp10_delivery.c */
void amqp10_transfer(const struct amqp10_event *event);
void amqp10_payload(const struct amqp10_event *event, struct span data, uint32_t lost);
void amqp10_frame_end(const struct amqp10_event *event);
void amqp10_delivery_cut(struct pipeline *worker, struct amqp10_link *link, uint32_t flags);
void amqp10_disposition(const struct amqp10_event *event);
void amqp10_unsettled_end(struct pipeline *worker, struct amqp10_connection *connection);
/* The peer's number of the session that `channel` of `direction` belongs to. False: not known. */
bool amqp10_peer_channel(const struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                         uint16_t *peer_out);
