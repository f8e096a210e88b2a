/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registry
 *
 * What the organisation says its APIs are: OpenAPI 3.0 and 3.1 and AsyncAPI 2 and 3 documents (YAML or JSON) of a
 * folder, read once, checked as a whole and compiled into tables that find the operation of a request or message in a
 * time that does not grow with their number.
 *
 * Memory:  one growing arena, made by loading and given back by registry_free().
 * Threads: loading is slow-path work of one thread; the result never changes and is read by any number of workers.
 * Limits:  REGISTRY_*_MAX below; what exceeds one is an error of the document, with its place.
 * Errors:  mistakes in documents are gathered, all of them, in struct diagnostics with file, line, column and JSON
 * pointer; then no registry is made at all (REGISTRY_E_INVALID).
 * Source:  OpenAPI 3.0.4 and 3.1.1; AsyncAPI 2.6.0 and 3.0.0; RFC 3986 (paths), RFC 6901 (JSON pointer).
 */

#include "base/diagnostics.h"
#include "registry/operation.h"
#include "transaction/call.h"
#include "transaction/message.h"

#define REGISTRY_FILES_MAX     20000u      /* ten times the largest catalogue of one organisation we know of */
#define REGISTRY_FILE_SIZE_MAX (64u << 20) /* 100,000 operations in one document take about 40 MB */
#define REGISTRY_TOTAL_SIZE_MAX                                                                                        \
    ((size_t)512 << 20)                  /* bounds the memory of loading, which holds all of them at once              \
                                          */
#define REGISTRY_FOLDER_DEPTH_MAX 32u    /* folders within folders */
#define REGISTRY_PATH_SIZE_MAX    16384u /* request paths with escapes or dots; a transaction's store is as large */
#define REGISTRY_SEGMENTS_MAX     64u    /* of a path template, base path included; real ones have up to 15 */
#define REGISTRY_STEPS_MAX        4096u  /* nodes any look-up may visit: overlapping templates beyond are refused */
#define REGISTRY_BROKERS_MAX      1024u  /* distinct hosts and virtual hosts of message brokers; searched in a row */
#define REGISTRY_PATTERNS_MAX     1024u  /* channel addresses with parameters of one exchange; searched in a row */
#define REGISTRY_ADDRESS_MAX      1024u  /* bytes of a routing key (AMQP 0-9-1: 255) or address that is looked up */

struct registry;

/* A document given as text, for tests and for callers that have their own storage. */
struct registry_source {
    const char *name; /* relative path, '/' between folders; ".json" at the end means strict JSON */
    const char *text;
    size_t size;
};

enum registry_error {
    REGISTRY_E_INVALID = 1, /* at least one mistake, see the diagnostics */
};

/*
 * Reads every *.yaml, *.yml and *.json below `folder`; hidden files and folders are left out, so are files without a
 * top-level `openapi` or `asyncapi` (a note says so; they still serve $refs). *.protoset, *.pb and *.desc are sets of
 * gRPC descriptors (registry/grpc.h), which a document with a top-level `grpc` may have notes on. Returns 0,
 * REGISTRY_E_INVALID or -errno.
 */
MUST_USE int registry_load(const char *folder, struct diagnostics *diagnostics, struct registry **registry_out);

/* The same for texts; nothing is read from disk and no commit is known. `count` 0 makes an empty registry. */
MUST_USE int registry_load_sources(const struct registry_source *sources, uint32_t count,
                                   struct diagnostics *diagnostics, struct registry **registry_out);
MUST_USE int registry_load_text(const char *name, const char *text, size_t size, struct diagnostics *diagnostics,
                                struct registry **registry_out);

void registry_free(struct registry *registry);

/*
 * Hex SHA-256 over all files read, never NULL: of the text that `sha256sum` prints for them in the order of their names
 * (bytes, LC_ALL=C), so that it can be checked with coreutils alone.
 */
const char *registry_digest(const struct registry *registry);

uint32_t registry_document_count(const struct registry *registry);
const struct registry_document *registry_document_at(const struct registry *registry, uint32_t index);

/* All operations, in the order of file names and then of the documents' lines. */
uint32_t registry_operation_count(const struct registry *registry);
const struct registry_operation *registry_operation_at(const struct registry *registry, uint32_t index);

/*
 * Position of an operation in that order: an index for tables of counters kept beside the registry.
 */
uint32_t registry_operation_index(const struct registry *registry, const struct registry_operation *operation);

struct registry_request {
    struct span host; /* authority as sent, with or without a port; data NULL: none was sent */
    uint16_t port;    /* where `host` names none: the port the client named elsewhere; 0: unknown (not the flow's port:
                         a balancer forwards to other ports than clients name) */
    struct span method;
    struct span path; /* without scheme and authority; what follows a '?' or '#' is not looked at */
};

/* From "knows least" to "knows most"; over several documents the best counts. */
enum registry_outcome {
    REGISTRY_NO_HOST,      /* no document has such a server */
    REGISTRY_NO_BASE_PATH, /* no server there begins like this: another version prefix, another application */
    REGISTRY_NO_PATH,      /* no template below a known base path */
    REGISTRY_NO_METHOD,    /* the path is documented, the method is not (what HEAD and OPTIONS imply is the caller's
                              policy) */
    REGISTRY_MATCH,
    REGISTRY_UNDECIDED, /* path beyond REGISTRY_PATH_SIZE_MAX, names not seen: could not be judged */
    REGISTRY_TEMPORARY, /* messages only: to a name the broker made up, or an answer; nobody documents these */
};

struct registry_match {
    enum registry_outcome outcome;
    const struct registry_operation
        *operation;              /* MATCH: it; NO_METHOD: one of the same path, for evidence; else NULL */
    uint32_t methods;            /* MATCH and NO_METHOD: set of 1 << enum registry_method documented on that path */
    bool trailing_slash_differs; /* the template ends with '/' and the path does not, or the other way round */
    bool less_literal;           /* a more literal template fits as well, but has not this method */
    bool message;                /* by registry_find_message() */
};

/*
 * Hot path. How a request is matched:
 *
 * Host     Letters of either case, one trailing dot ignored. A server variable with `enum` stands for each of its
 * values; one without stands for any one label (a default with dots in it: for the default); a host that is nothing but
 *          such a variable, and a server without a host ("/v1", or no `servers` at all), stand for any host. Literal
 * labels go before variables, from the right; servers of any host come last. Port     Counts only where both sides name
 * one. 80 and 443 are one and the same "default", as the scheme is not known. Path     Base path and template are one
 * template. Compared by segments after normalising (RFC 3986 6.2.2): escapes of all but reserved characters and '%' are
 * decoded, the others get upper-case digits, dot segments are removed. Letters' case counts. A {parameter} stands for
 * one or more bytes of one segment. Choice   Segment by segment from the left: literal before mixed ("{name}.json";
 * more literal bytes first) before parameter, among the templates that have the method. Slash    A trailing slash is
 * tried as sent; when the template exists only without (or with) it, that one is taken and the match says so. Empty
 * segments inside a path are kept and match nothing.
 */
enum registry_outcome registry_find(const struct registry *registry, const struct registry_request *request,
                                    struct registry_match *match_out);

/* Whether any document could know calls of this protocol; where none could, nothing is to be looked up. */
bool registry_covers(const struct registry *registry, enum call_protocol protocol);

uint32_t registry_channel_count(const struct registry *registry);
const struct registry_channel *registry_channel_at(const struct registry *registry, uint32_t index);

struct registry_message {
    enum call_protocol protocol; /* CALL_AMQP091, CALL_AMQP10 or CALL_WEBSOCKET */
    struct span host;            /* authority the client named; data NULL: none was seen, then any fits */
    struct span path;            /* WebSocket: target of the handshake; what follows a '?' is not looked at */
    const struct message *message;
};

/*
 * Hot path. How a message is matched:
 *
 * Broker     Host and port as in registry_find(); the virtual host of the channel's binding, else of the server's path,
 *            else any. What was not seen fits all.
 * AMQP       By exchange and routing key; a publication to the default exchange names a queue; a delivery is looked up
 *            by its queue too. A channel whose binding names no exchange fits any. Topic exchanges (and those of no
 *            declared type) read the words * and # as patterns; fanout and headers exchanges have no keys.
 * AMQP 1.0   By the address, as it is and as RabbitMQ reads it ("/queues/Q", "/exchanges/E/K" and their older forms).
 * WebSocket  By host and path, as a GET in registry_find().
 * {Name}     Stands for one or more bytes of one word; words end at '.' in topics, else at '/' where the address has
 *            one, else at '.'.
 * Choice     Literal before pattern, more literal bytes first; the operation of the message's direction before others.
 *            The direction alone is no mismatch: which side an application is on its document does not say.
 *
 * Outcomes: REGISTRY_MATCH (operation set), REGISTRY_NO_HOST (no such broker), REGISTRY_NO_PATH (no such channel),
 * REGISTRY_TEMPORARY, REGISTRY_UNDECIDED.
 */
enum registry_outcome registry_find_message(const struct registry *registry, const struct registry_message *message,
                                            struct registry_match *match_out);
