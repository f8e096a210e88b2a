/* SPDX-License-Identifier: Apache-2.0 */

/* Capture file writer: libpcap's own writer has no nanoseconds through its simple interface, and this is all it takes.
 */

#include "generate/pcap.h"

#include <errno.h>
#include <string.h>

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS  0xa1b23c4du
#define SNAP_LENGTH        262144u
#define LINK_ETHERNET      1u
#define BUFFER_BYTES       ((size_t)1 << 20) /* few system calls */

struct file_header {
    uint32_t magic;
    uint16_t version_major, version_minor;
    uint32_t zone, accuracy;
    uint32_t snap_length;
    uint32_t link;
};

struct record_header {
    uint32_t seconds, fraction;
    uint32_t size, wire_size;
};

static_assert(sizeof(struct file_header) == 24 && sizeof(struct record_header) == 16, "the format's sizes");

static void write_bytes(struct pcap_writer *writer, const void *data, size_t size)
{
    if (writer->error == 0 && fwrite(data, 1, size, writer->stream) != size)
        writer->error = errno ? -errno : -EIO;
}

int pcap_writer_open(struct pcap_writer *writer, const char *path, bool nanoseconds)
{
    *writer = (struct pcap_writer){.nanoseconds = nanoseconds};
    writer->stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (!writer->stream)
        return -errno;
    setvbuf(writer->stream, NULL, _IOFBF, BUFFER_BYTES);
    struct file_header header = {
        .magic = nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS,
        .version_major = 2,
        .version_minor = 4,
        .snap_length = SNAP_LENGTH,
        .link = LINK_ETHERNET,
    };
    write_bytes(writer, &header, sizeof(header));
    return 0;
}

void pcap_writer_add(struct pcap_writer *writer, const struct packet *packets, uint32_t count)
{
    uint32_t unit_ns = writer->nanoseconds ? 1 : 1000;
    for (uint32_t i = 0; i < count; i++) {
        struct record_header header = {
            .seconds = (uint32_t)(packets[i].time_ns / 1000000000u),
            .fraction = (uint32_t)(packets[i].time_ns % 1000000000u / unit_ns),
            .size = packets[i].size,
            .wire_size = packets[i].wire_size,
        };
        write_bytes(writer, &header, sizeof(header));
        write_bytes(writer, packets[i].data, packets[i].size);
    }
}

int pcap_writer_close(struct pcap_writer *writer)
{
    if (fflush(writer->stream) != 0 && writer->error == 0)
        writer->error = -errno;
    if (writer->stream != stdout && fclose(writer->stream) != 0 && writer->error == 0)
        writer->error = -errno;
    return writer->error;
}
