/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transaction
 *
 * One API call while it is being seen: the call's identity, both heads, and what was detected. Every protocol fills the
 * same structure, so that no rule needs to know which protocol it judges.
 *
 * Memory:  from the worker's pool; texts live in `store`, so they outlast the packets they came in.
 * Threads: one owner, the worker.
 * Limits:  the sizes below; what does not fit sets CALL_TRUNCATED and is counted, never silently dropped.
 */

#include "transaction/anomaly.h"
#include "transaction/call.h"
#include "transaction/detection.h"
#include "transaction/header.h"
#include "transaction/login.h"
#include "transaction/message.h"

#define TRANSACTION_STORE_SIZE                                                                                         \
    16384u /* both heads and the names of places: common servers refuse a head over 8-16 KB */
#define TRANSACTION_HEADERS_MAX    100u /* a side; common servers refuse more (Apache's default is 100) */
#define TRANSACTION_DETECTIONS_MAX 48u  /* distinct (type, place); further ones are only counted */

struct transaction_header {
    uint16_t name_offset; /* into store */
    uint16_t name_size;
    uint16_t value_offset;
    uint16_t value_size;
    uint16_t id; /* enum header_id */
};

enum transaction_body {
    TRANSACTION_BODY_NONE, /* no body bytes */
    TRANSACTION_BODY_JSON,
    TRANSACTION_BODY_FORM, /* application/x-www-form-urlencoded */
    TRANSACTION_BODY_TEXT, /* any other text */
    TRANSACTION_BODY_BINARY,
};

/* grant_type of a request for a token (RFC 6749): all that is kept of a form. */
enum transaction_grant {
    TRANSACTION_GRANT_NONE,
    TRANSACTION_GRANT_PASSWORD,
    TRANSACTION_GRANT_OTHER,
};

struct transaction_side {
    uint64_t first_ns, last_ns; /* of its bytes */
    uint64_t anomalies;         /* set of ANOMALY_BIT() */
    uint64_t headers_seen;      /* set of HEADER_BIT() */
    uint64_t body_size;         /* decoded bytes */
    uint64_t scanned_size;      /* of them searched for sensitive data */
    uint32_t header_count;      /* kept in headers[] */
    uint32_t header_count_wire; /* sent */
    uint32_t message_count;     /* of a body that is made of messages (gRPC) */
    struct span flaw;           /* the first field of it that is not as its descriptor says; data NULL: none */
    uint8_t version_minor;      /* HTTP/1.x */
    uint8_t body;               /* enum transaction_body */
    bool seen;                  /* a head was seen */
    bool complete;              /* its end was seen */
    bool gap;                   /* bytes of its body are missing */
    struct transaction_header headers[TRANSACTION_HEADERS_MAX];
};

enum transaction_answer { TRANSACTION_ANSWER_UNREAD, TRANSACTION_ANSWER_WITHOUT_DATA, TRANSACTION_ANSWER_WITH_DATA };

/* Of a GraphQL request, as call.graphql says, or of an answer that is a message of its own. */
struct transaction_graphql {
    uint32_t operations; /* more than one: a batch */
    uint32_t aliases;    /* of all of them */
    uint8_t answer;      /* enum transaction_answer; read for introspection only */
    bool introspection;  /* asks for the schema, or answers that */
    bool answering;      /* a server's message: call.graphql is that of another transaction */
};

struct transaction {
    struct call call;
    const void *epoch; /* what judges it, all its life (pipeline/epoch.h) */
    struct span path;  /* call.path without scheme, authority and query; still percent-encoded */
    struct span query; /* behind the '?', without it; data NULL: no '?' */
    struct transaction_graphql graphql;
    struct message message; /* where it travelled, in protocols that carry messages */
    uint8_t grant;          /* enum transaction_grant */
    bool method_field;      /* its form has a field "_method", which frameworks take for the method */
    struct login login;     /* how the client logged in, where the call is that */
    bool one_way;           /* nothing answers it, so the side that is not there is not missing */
    struct transaction_side request, response;
    uint32_t detection_count;
    uint32_t detections_lost; /* beyond TRANSACTION_DETECTIONS_MAX */
    struct detection detections[TRANSACTION_DETECTIONS_MAX];
    uint32_t store_used;
    uint8_t store[TRANSACTION_STORE_SIZE];
};

/* Ready for use; the arrays are left as they are, their counts say what is valid. */
void transaction_init(struct transaction *transaction);

/* A copy in the store. Returns {NULL, 0} when full and sets CALL_TRUNCATED. */
struct span transaction_keep(struct transaction *transaction, struct span text);

/* The same with a line end behind it (not part of the span), so that neighbours in the store never run into each other.
 */
struct span transaction_keep_line(struct transaction *transaction, struct span text);

/*
 * Keeps one header as the line "name: value\n", so that a whole head lies in the store as one text, which one scan
 * reads. Sets CALL_TRUNCATED when there is no room; headers_seen is right even then.
 */
void transaction_add_header(struct transaction *transaction, struct transaction_side *side, struct span name,
                            struct span value);

/*
 * Adds "separator value" to the header kept last, when that has this id and nothing was stored behind it. False: it was
 * not added.
 */
bool transaction_extend_header(struct transaction *transaction, struct transaction_side *side, enum header_id id,
                               struct span separator, struct span value);
/* The same for a name whose number is known already: looking it up costs as much as all the rest. */
void transaction_add_known_header(struct transaction *transaction, struct transaction_side *side, enum header_id id,
                                  struct span name, struct span value);

static inline struct span transaction_header_name(const struct transaction *transaction,
                                                  const struct transaction_header *header)
{
    return span_of(transaction->store + header->name_offset, header->name_size);
}

static inline struct span transaction_header_value(const struct transaction *transaction,
                                                   const struct transaction_header *header)
{
    return span_of(transaction->store + header->value_offset, header->value_size);
}

static inline bool transaction_side_has(const struct transaction_side *side, enum header_id id)
{
    return (side->headers_seen & HEADER_BIT(id)) != 0;
}

/* The first header of that id behind `after` (NULL: from the start), or NULL. */
const struct transaction_header *transaction_find_header(const struct transaction_side *side, enum header_id id,
                                                         const struct transaction_header *after);

/* The same by name, for names that have no id. ASCII case is ignored. */
const struct transaction_header *transaction_find_header_named(const struct transaction *transaction,
                                                               const struct transaction_side *side, struct span name,
                                                               const struct transaction_header *after);

/* The request asks for a WebSocket: by Upgrade (RFC 6455 4.1), or by the :protocol of a CONNECT (RFC 8441 5). */
bool transaction_asks_websocket(const struct transaction *transaction);

/*
 * Adds to the detection of the same (detector, place, name, side), or makes one. `name` is copied into the store. Names
 * that are JSON pointers count as the same when they differ in array indices only; the first one is kept.
 */
void transaction_add_detection(struct transaction *transaction, const struct detection *detection);
