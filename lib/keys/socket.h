/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key socket
 *
 * A Unix socket to which services, or an agent on behalf of other hosts, write key log lines. Who may is decided by the
 * kernel's word on the peer's user (SO_PEERCRED), not by the file mode alone.
 *
 * Memory:  heap, one stream a client, KEY_CLIENTS_MAX at most.
 * Threads: one owner, the thread that writes the store.
 */

#include "base/diagnostics.h"
#include "keys/stream.h"

#define KEY_CLIENTS_MAX 64u /* agents, not connections of services; further ones are turned away */

struct key_socket;

struct key_socket_options {
    const char *path;
    const uint32_t *users; /* who may write beside root and ourselves */
    uint32_t user_count;
};

/* Makes the socket, in the place of one nobody listens on any more. Returns 0 or -errno. */
MUST_USE int key_socket_new(struct key_socket **socket_out, const struct key_socket_options *options,
                            struct diagnostics *diagnostics);
/* Removes it. */
void key_socket_free(struct key_socket *socket);

/* Descriptors to wait for, at most KEY_CLIENTS_MAX + 1. */
uint32_t key_socket_descriptors(const struct key_socket *socket, int descriptors_out[KEY_CLIENTS_MAX + 1]);

/* Takes new clients in and reads what they sent. */
void key_socket_read(struct key_socket *socket, struct tls_key_store *store, uint64_t now_ns,
                     struct key_counts *counts_io);

/* Clients turned away so far: wrong user, or too many. */
uint64_t key_socket_refused(const struct key_socket *socket);
