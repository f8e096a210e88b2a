/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay-generate: writes generated traffic to a capture file, and the registry that fits it. What it made is told as
 * one JSON object, on standard output unless the capture goes there.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "generate/option.h"
#include "generate/pcap.h"
#include "generate/registry.h"
#include "generate/traffic.h"

#define FILL_PACKETS 4096u
#define FILL_BYTES   ((size_t)FILL_PACKETS * TRAFFIC_FRAME_MAX)

/* A capture without end fills the disk: so many calls unless asked otherwise, a file of 25 MB of api-small. */
#define TRANSACTIONS_DEFAULT 10000u

enum { EXIT_FINE = 0, EXIT_WRONG = 2 };

enum choice {
    OPTION_OUTPUT = 'o',
    OPTION_HELP = 'h',
    OPTION_NANOSECONDS = 1,
    OPTION_REGISTRY,
    OPTION_OPERATIONS,
    OPTION_KEYLOG
};

struct options {
    struct traffic_settings traffic;
    const char *output;
    const char *registry;
    const char *keylog;
    uint32_t operations;
    bool nanoseconds;
};

static void help(FILE *stream)
{
    fputs("usage: assay-generate [options] [-o FILE] [--keylog FILE] [--registry FOLDER]\n\n"
          "Writes generated API traffic to a capture file.\n\n"
          "  -o, --output FILE           capture to write; - is standard output\n"
          "  --nanoseconds               time stamps in nanoseconds\n"
          "  --keylog FILE               write the secrets of TLS connections, as SSLKEYLOGFILE has them\n"
          "  --registry FOLDER           write OpenAPI documents of the operations that are called\n"
          "  --operations N              ... and of N further ones\n" TRAFFIC_OPTIONS_HELP,
          stream);
}

static const struct option long_options[] = {
    TRAFFIC_OPTIONS,
    {"output", required_argument, NULL, OPTION_OUTPUT},
    {"nanoseconds", no_argument, NULL, OPTION_NANOSECONDS},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {"registry", required_argument, NULL, OPTION_REGISTRY},
    {"operations", required_argument, NULL, OPTION_OPERATIONS},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* 0, -EINVAL after a sentence, or 1 when there is nothing more to do. */
static int options_parse(int argc, char **argv, struct options *options)
{
    int result = traffic_options_profile(argc, argv, "api-small", &options->traffic);
    options->traffic.transactions = TRANSACTIONS_DEFAULT;
    int option;
    uint64_t number = 0;
    while (result == 0 && (option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (traffic_option_known(option)) {
            result = traffic_option_apply(option, optarg, &options->traffic);
        } else if (option == OPTION_OUTPUT) {
            options->output = optarg;
        } else if (option == OPTION_NANOSECONDS) {
            options->nanoseconds = true;
        } else if (option == OPTION_KEYLOG) {
            options->keylog = optarg;
        } else if (option == OPTION_REGISTRY) {
            options->registry = optarg;
        } else if (option == OPTION_OPERATIONS && option_number(optarg, UINT32_MAX, &number)) {
            options->operations = (uint32_t)number;
        } else if (option == OPTION_HELP) {
            help(stdout);
            return 1;
        } else {
            result = -EINVAL;
        }
    }
    if (result == 0 && (optind < argc || (!options->output && !options->registry)))
        result = -EINVAL;
    if (result < 0)
        help(stderr);
    return result;
}

static void tell(const struct traffic_counts *counts, FILE *stream)
{
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"packets", counts->packets},
        {"bytes", counts->bytes},
        {"payload_bytes", counts->payload_bytes},
        {"connections", counts->connections},
        {"transactions", counts->transactions},
        {"sensitive", counts->sensitive},
        {"shadow", counts->shadow},
        {"missing_header", counts->missing_header},
    };
    char buffer[512];
    struct json_writer writer;
    json_writer_init(&writer, buffer, sizeof(buffer));
    json_write_object_begin(&writer);
    for (uint32_t i = 0; i < ARRAY_COUNT(lines); i++) {
        json_write_key(&writer, lines[i].name);
        json_write_unsigned(&writer, lines[i].value);
    }
    json_write_object_end(&writer);
    fprintf(stream, "%.*s\n", (int)writer.size, buffer);
}

static MUST_USE int capture_write(const struct options *options, struct traffic *traffic)
{
    uint8_t *memory = malloc(FILL_BYTES);
    struct packet *packets = malloc(FILL_PACKETS * sizeof(*packets));
    struct pcap_writer writer;
    int result = memory && packets ? pcap_writer_open(&writer, options->output, options->nanoseconds) : -ENOMEM;
    if (result == 0) {
        for (uint32_t count; (count = traffic_fill(traffic, memory, FILL_BYTES, packets, FILL_PACKETS)) > 0;) {
            pcap_writer_add(&writer, packets, count);
            if (writer.error)
                break;
        }
        result = pcap_writer_close(&writer);
    }
    free(packets);
    free(memory);
    return result;
}

static MUST_USE int keylog_write(const char *path, struct span lines)
{
    FILE *stream = fopen(path, "we");
    if (!stream)
        return -errno;
    bool fine = fwrite(lines.data, 1, lines.size, stream) == lines.size;
    return fclose(stream) != 0 || !fine ? -EIO : 0;
}

static int generate(const struct options *options)
{
    struct traffic *traffic;
    int result = traffic_new(&traffic, &options->traffic);
    if (result < 0) {
        fprintf(stderr, "assay-generate: %s\n",
                result == -EINVAL
                    ? "a setting is out of range (is there a transaction for every connection? is there a "
                      "protocol that can be told how many there are: http1?)"
                    : strerror(-result));
        return EXIT_WRONG;
    }
    const char *path = options->output;
    result = capture_write(options, traffic);
    if (result == 0 && options->keylog) {
        path = options->keylog;
        result = keylog_write(path, traffic_keylog(traffic));
    }
    if (result < 0)
        fprintf(stderr, "assay-generate: %s: %s\n", path, strerror(-result));
    else
        tell(traffic_counts(traffic), strcmp(options->output, "-") == 0 ? stderr : stdout);
    traffic_free(traffic);
    return result < 0 ? EXIT_WRONG : EXIT_FINE;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int result = options_parse(argc, argv, &options);
    if (result != 0)
        return result < 0 ? EXIT_WRONG : EXIT_FINE;
    if (options.registry) {
        result = traffic_registry_write(options.registry, options.operations);
        if (result < 0) {
            fprintf(stderr, "assay-generate: %s: %s\n", options.registry, strerror(-result));
            return EXIT_WRONG;
        }
    }
    return options.output ? generate(&options) : EXIT_FINE;
}
