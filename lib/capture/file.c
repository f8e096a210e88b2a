/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Capture file: libpcap reads the formats, and hands out one packet at a time in a buffer of its own that the next
 * packet overwrites. So the packets of a burst are copied side by side into ours.
 */

#include "capture/file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

/*
 * A burst's bytes. libpcap's largest snap length for network link types is 256 KiB, so at least one packet always fits;
 * a burst of 64 jumbo frames does as well.
 */
#define BURST_BYTES   ((size_t)1 << 20)
#define PACKET_MAX    ((uint32_t)1 << 18)
#define PRELOAD_FIRST 4096u /* packets; doubled as needed */
#define STREAM_BYTES                                                                                                   \
    ((size_t)1 << 17) /* read at once: with the C library's 4 KB the calls cost as much as the copying */

struct capture_file {
    pcap_t *pcap;
    char *name;
    struct diagnostics *diagnostics;
    uint16_t link; /* enum packet_link */
    int failure;   /* of reading, to be told when the packets before it are out; 0: none */
    bool ended;
    uint64_t packet_count;
    uint64_t read_count; /* packets read from the file */
    /* stream mode */
    uint8_t *burst;
    bool waiting; /* `next` did not fit in the last burst; libpcap still holds its bytes */
    struct packet next;
    /* preload mode */
    struct arena *arena;
    struct packet *packets;
    size_t loaded_count, loaded_capacity, position;
};

struct link_name {
    int datalink;
    uint16_t link;
};

static const struct link_name links[] = {
    {DLT_EN10MB, PACKET_LINK_ETHERNET},
    {DLT_RAW, PACKET_LINK_RAW_IP},
    {DLT_IPV4, PACKET_LINK_RAW_IP},
    {DLT_IPV6, PACKET_LINK_RAW_IP},
    {DLT_LINUX_SLL, PACKET_LINK_LINUX_COOKED},
    {DLT_LINUX_SLL2, PACKET_LINK_LINUX_COOKED2},
    {DLT_NULL, PACKET_LINK_NULL},
    {DLT_LOOP, PACKET_LINK_LOOP},
};

static void report(struct capture_file *file, enum diagnostic_level level, const char *message)
{
    struct diagnostic_place place = {.file = file->name};
    diagnostics_add(file->diagnostics, level, &place, "%s", message);
}

static uint16_t find_link(int datalink)
{
    for (size_t i = 0; i < ARRAY_COUNT(links); i++)
        if (links[i].datalink == datalink)
            return links[i].link;
    return PACKET_LINK_UNKNOWN;
}

static void fill(const struct capture_file *file, const struct pcap_pkthdr *header, const uint8_t *data,
                 struct packet *packet_out)
{
    /* pcap's seconds are unsigned, but libpcap reads them as signed: from 2038 on they come out negative. */
    uint64_t seconds = header->ts.tv_sec >= 0 ? (uint64_t)header->ts.tv_sec : (uint32_t)header->ts.tv_sec;
    /* The field named microseconds holds nanoseconds, as asked for. */
    uint64_t fraction = header->ts.tv_usec > 0 ? (uint64_t)header->ts.tv_usec : 0;
    *packet_out = (struct packet){
        .data = data,
        .size = header->caplen,
        .wire_size = header->len > header->caplen ? header->len : header->caplen,
        .time_ns = seconds * UINT64_C(1000000000) + fraction,
        .link = file->link,
    };
}

/* libpcap tells a file that breaks off from a damaged one by words only. */
static void end_badly(struct capture_file *file)
{
    struct diagnostic_place place = {.file = file->name};
    const char *why = pcap_geterr(file->pcap);
    unsigned long long count = file->read_count;
    file->ended = true;
    if (strstr(why, "truncated")) {
        diagnostics_add(file->diagnostics, DIAGNOSTIC_WARNING, &place,
                        "the file breaks off inside a packet; the %llu whole packets before it were read", count);
        return;
    }
    file->failure = -EBADMSG;
    diagnostics_add(file->diagnostics, DIAGNOSTIC_ERROR, &place,
                    "cannot be read beyond packet %llu: %s; write it anew with 'editcap' or 'tcpdump -w'", count, why);
}

/* Returns whether there is a packet. */
static bool read_packet(struct capture_file *file, struct packet *packet_out)
{
    struct pcap_pkthdr *header;
    const uint8_t *data;
    if (file->ended)
        return false;
    int status = pcap_next_ex(file->pcap, &header, &data);
    if (status == 1 && header->caplen <= PACKET_MAX) {
        fill(file, header, data, packet_out);
        file->read_count++;
        return true;
    }
    if (status == 1) {
        file->ended = true;
        file->failure = -EBADMSG;
        report(file, DIAGNOSTIC_ERROR, "a packet of more than 256 KiB; no network has such frames");
    } else if (status == PCAP_ERROR) {
        end_badly(file);
    }
    file->ended = true;
    return false;
}

static int keep(struct capture_file *file, const struct packet *packet)
{
    if (file->loaded_count == file->loaded_capacity) {
        size_t capacity = file->loaded_capacity ? file->loaded_capacity * 2 : PRELOAD_FIRST;
        struct packet *packets = reallocarray(file->packets, capacity, sizeof(*packets));
        if (!packets)
            return -ENOMEM;
        file->packets = packets;
        file->loaded_capacity = capacity;
    }
    uint8_t *copy = arena_take(file->arena, packet->size, 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, packet->data, packet->size);
    file->packets[file->loaded_count] = *packet;
    file->packets[file->loaded_count++].data = copy;
    return 0;
}

static int preload(struct capture_file *file)
{
    struct packet packet;
    file->arena = arena_new_growing();
    int status = file->arena ? 0 : -ENOMEM;
    while (status == 0 && read_packet(file, &packet))
        status = keep(file, &packet);
    if (status != 0)
        report(file, DIAGNOSTIC_ERROR, "does not fit in memory; read it without preloading");
    return status;
}

static int check_link(struct capture_file *file)
{
    int datalink = pcap_datalink(file->pcap);
    file->link = find_link(datalink);
    if (file->link != PACKET_LINK_UNKNOWN)
        return 0;
    struct diagnostic_place place = {.file = file->name};
    const char *name = pcap_datalink_val_to_description(datalink);
    diagnostics_add(file->diagnostics, DIAGNOSTIC_ERROR, &place,
                    "link type %d (%s) is not supported; capture on an Ethernet, IP, Linux 'any' or loopback interface",
                    datalink, name ? name : "unknown");
    return -EPROTONOSUPPORT;
}

static int start(struct capture_file *file, FILE *stream, enum capture_file_mode mode)
{
    (void)setvbuf(stream, NULL, _IOFBF, STREAM_BYTES); /* where there is no memory for it the small buffer stays */
    int first = getc(stream);
    if (first == EOF) {
        int status = ferror(stream) && errno ? -errno : -ENODATA;
        report(file, DIAGNOSTIC_ERROR,
               status == -ENODATA ? "is empty: no capture was written to it" : strerror(-status));
        fclose(stream);
        return status;
    }
    ungetc(first, stream);
    char why[PCAP_ERRBUF_SIZE] = "";
    file->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!file->pcap) {
        fclose(stream);
        struct diagnostic_place place = {.file = file->name};
        diagnostics_add(file->diagnostics, DIAGNOSTIC_ERROR, &place,
                        "is no pcap or pcapng capture that can be read: %s", why);
        return -EBADMSG;
    }
    int status = check_link(file);
    if (status == 0 && mode == CAPTURE_FILE_PRELOAD)
        status = preload(file);
    return status;
}

int capture_file_open_stream(struct capture_file **file_out, FILE *stream, const char *name,
                             enum capture_file_mode mode, struct diagnostics *diagnostics)
{
    struct capture_file *file = calloc(1, sizeof(*file));
    uint8_t *burst = malloc(BURST_BYTES);
    char *name_copy = strdup(name);
    if (!file || !burst || !name_copy) {
        free(name_copy);
        free(burst);
        free(file);
        fclose(stream);
        struct diagnostic_place place = {.file = name};
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "cannot be read: out of memory");
        return -ENOMEM;
    }
    file->burst = burst;
    file->name = name_copy;
    file->diagnostics = diagnostics;
    int status = start(file, stream, mode);
    if (status != 0) {
        capture_file_close(file);
        return status;
    }
    *file_out = file;
    return 0;
}

int capture_file_open(struct capture_file **file_out, const char *path, enum capture_file_mode mode,
                      struct diagnostics *diagnostics)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *stream = standard ? fdopen(dup(STDIN_FILENO), "rb") : fopen(path, "rb");
    if (!stream) {
        int status = -errno;
        struct diagnostic_place place = {.file = path};
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "cannot be opened: %s", strerror(-status));
        return status;
    }
    return capture_file_open_stream(file_out, stream, standard ? "standard input" : path, mode, diagnostics);
}

static int next_loaded(struct capture_file *file, struct packet *packets_out)
{
    size_t left = file->loaded_count - file->position;
    size_t count = left < PACKET_BURST_MAX ? left : PACKET_BURST_MAX;
    if (count == 0)
        return file->failure;
    memcpy(packets_out, file->packets + file->position, count * sizeof(*packets_out));
    file->position += count;
    file->packet_count += count;
    return (int)count;
}

int capture_file_next_burst(struct capture_file *file, struct packet packets_out[PACKET_BURST_MAX])
{
    if (file->packets || file->arena)
        return next_loaded(file, packets_out);
    size_t used = 0;
    int count = 0;
    while (count < PACKET_BURST_MAX && (file->waiting || read_packet(file, &file->next))) {
        file->waiting = file->next.size > BURST_BYTES - used;
        if (file->waiting)
            break;
        memcpy(file->burst + used, file->next.data, file->next.size);
        packets_out[count] = file->next;
        packets_out[count++].data = file->burst + used;
        used += file->next.size;
    }
    file->packet_count += (uint64_t)count;
    return count ? count : file->failure;
}

void capture_file_rewind(struct capture_file *file)
{
    require(file->arena);
    file->position = 0;
}

uint64_t capture_file_packet_count(const struct capture_file *file)
{
    return file->packet_count;
}

void capture_file_close(struct capture_file *file)
{
    if (!file)
        return;
    if (file->pcap)
        pcap_close(file->pcap);
    arena_free(file->arena);
    free(file->packets);
    free(file->burst);
    free(file->name);
    free(file);
}
