/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Host checks, inside: what host.c, host_core.c and host_port.c share. Each check tells at least one line. */

#include "base/json_writer.h"
#include "host.h"

#define HOST_CORES_MAX   1024u /* Linux on x86-64 allows 8192; machines with more than this are no appliances */
#define HOST_TEXT_SIZE   512u  /* a sentence with a path in it */
#define HOST_LIST_SIZE   4096u /* a list of cores as the kernel writes it */
#define HOST_CORES_WORDS (HOST_CORES_MAX / 64)

enum host_level { HOST_OK, HOST_WARN, HOST_FAIL };

struct host_cores {
    uint64_t words[HOST_CORES_WORDS];
};

struct host {
    const struct settings *settings;
    const struct driver_file *driver; /* NULL: none */
    struct host_cores workers;        /* cores of the workers; none without a driver file */
    FILE *stream;
    struct json_writer *writer; /* NULL: text */
    uint32_t failed;
};

void host_say(struct host *host, enum host_level level, const char *subject, const char *format, ...) PRINTF_LIKE(4, 5);

/* The first line of a file of /proc or /sys without its end; false when it cannot be read. */
bool host_read_line(const char *path, char *text, size_t size);

/* A number in such a file; `otherwise` when it cannot be read. */
int64_t host_read_number(const char *path, int64_t otherwise);

/* "0-3,8" as a set; what is beyond HOST_CORES_MAX is left out. */
void host_cores_parse(const char *text, struct host_cores *cores_out);
void host_cores_print(const struct host_cores *cores, char *text, size_t size);
bool host_cores_empty(const struct host_cores *cores);

static inline void host_cores_add(struct host_cores *cores, uint32_t core)
{
    if (core < HOST_CORES_MAX)
        cores->words[core / 64] |= UINT64_C(1) << core % 64;
}

/* Those of `cores` that are not in `allowed`, or, with `inside`, those that are. */
struct host_cores host_cores_of(const struct host_cores *cores, const struct host_cores *allowed, bool inside);

/* The checks. */
void host_check_cores(struct host *host);
void host_check_ports(struct host *host);
