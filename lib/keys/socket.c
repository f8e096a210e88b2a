/* SPDX-License-Identifier: Apache-2.0 */

/* A Unix socket that takes key log lines. */

#include "keys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define READS_MAX   64u /* of one client in one turn: a megabyte */
#define BACKLOG     16
#define MODE_OURS   0600
#define MODE_OTHERS 0666 /* who really may is asked of the kernel */

struct client {
    int descriptor;
    struct key_stream stream;
};

struct key_socket {
    struct key_socket_options options;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int listener;
    struct client *clients[KEY_CLIENTS_MAX];
    uint32_t count;
    uint64_t refused;
};

static int say(struct diagnostics *diagnostics, const char *path, int error, const char *what)
{
    struct diagnostic_place place = {.file = path};
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "%s: %s", what, strerror(error));
    return -error;
}

/* A socket that was left behind is removed; anything else of that name is somebody's file. */
static int clear_name(const char *path, const struct sockaddr_un *address, struct diagnostics *diagnostics)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return say(diagnostics, path, EEXIST, "key socket: the name is taken by something that is no socket");
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = probe >= 0 && connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0;
    if (probe >= 0)
        close(probe);
    if (alive)
        return say(diagnostics, path, EADDRINUSE, "key socket: another process listens on it");
    return unlink(path) == 0 ? 0 : say(diagnostics, path, errno, "key socket: the old one cannot be removed");
}

static int listen_on(struct key_socket *socket_, struct diagnostics *diagnostics)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = socket_->options.path;
    if (strlen(path) >= sizeof(address.sun_path))
        return say(diagnostics, path, ENAMETOOLONG, "key socket: a name of at most 107 bytes is needed");
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(socket_->path, address.sun_path, sizeof(socket_->path));
    int result = clear_name(path, &address, diagnostics);
    if (result < 0)
        return result;
    socket_->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_->listener < 0)
        return say(diagnostics, path, errno, "key socket");
    /* Nobody can connect before the mode is right: not yet listening. */
    if (bind(socket_->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(path, socket_->options.user_count ? MODE_OTHERS : MODE_OURS) != 0 ||
        listen(socket_->listener, BACKLOG) != 0)
        return say(diagnostics, path, errno, "key socket: cannot be made; is its folder there, and ours to write?");
    return 0;
}

int key_socket_new(struct key_socket **socket_out, const struct key_socket_options *options,
                   struct diagnostics *diagnostics)
{
    struct key_socket *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->options = *options;
    made->listener = -1;
    int result = listen_on(made, diagnostics);
    if (result < 0) {
        made->path[0] = '\0'; /* not ours to remove */
        key_socket_free(made);
        return result;
    }
    *socket_out = made;
    return 0;
}

static void client_free(struct client *client)
{
    close(client->descriptor);
    key_stream_deinit(&client->stream);
    free(client);
}

void key_socket_free(struct key_socket *socket_)
{
    if (!socket_)
        return;
    for (uint32_t i = 0; i < socket_->count; i++)
        client_free(socket_->clients[i]);
    if (socket_->listener >= 0)
        close(socket_->listener);
    if (socket_->path[0])
        (void)unlink(socket_->path);
    free(socket_);
}

uint32_t key_socket_descriptors(const struct key_socket *socket_, int descriptors_out[KEY_CLIENTS_MAX + 1])
{
    descriptors_out[0] = socket_->listener;
    for (uint32_t i = 0; i < socket_->count; i++)
        descriptors_out[i + 1] = socket_->clients[i]->descriptor;
    return socket_->count + 1;
}

static bool peer_may(const struct key_socket *socket_, int descriptor)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    for (uint32_t i = 0; i < socket_->options.user_count; i++)
        if (socket_->options.users[i] == peer.uid)
            return true;
    return false;
}

static void take_clients(struct key_socket *socket_)
{
    int descriptor;
    while ((descriptor = accept4(socket_->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = NULL;
        if (socket_->count < KEY_CLIENTS_MAX && peer_may(socket_, descriptor))
            client = calloc(1, sizeof(*client));
        if (!client) {
            socket_->refused++;
            close(descriptor);
            continue;
        }
        client->descriptor = descriptor;
        socket_->clients[socket_->count++] = client;
    }
}

/* False: it has gone. */
static bool client_read(struct client *client, struct tls_key_store *store, uint64_t now_ns,
                        struct key_counts *counts_io)
{
    for (uint32_t i = 0; i < READS_MAX; i++) {
        uint32_t room;
        uint8_t *at = key_stream_room(&client->stream, &room);
        ssize_t got = read(client->descriptor, at, room);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        key_stream_take(&client->stream, store, (uint32_t)got, got == 0, now_ns, counts_io);
        if (got == 0)
            return false;
    }
    return true;
}

void key_socket_read(struct key_socket *socket_, struct tls_key_store *store, uint64_t now_ns,
                     struct key_counts *counts_io)
{
    take_clients(socket_);
    for (uint32_t i = 0; i < socket_->count;) {
        if (client_read(socket_->clients[i], store, now_ns, counts_io)) {
            i++;
            continue;
        }
        client_free(socket_->clients[i]);
        socket_->clients[i] = socket_->clients[--socket_->count];
    }
}

uint64_t key_socket_refused(const struct key_socket *socket_)
{
    return socket_->refused;
}
