/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay doctor: what is wrong with the tap, told from captures of it; without captures, what is wrong with this
 * machine.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "capture/file.h"
#include "commands.h"
#include "host.h"
#include "net/decode.h"
#include "options.h"
#include "tap/doctor.h"

#define JSON_BYTES    (1u << 20) /* ten faults of half a kibibyte, and the names of the captures */
#define CONNECTIONS   65536u     /* 13 MiB: a capture is looked at once, so it may cost more than in a worker */
#define CAPTURES_MAX  1024u      /* open at the same time with --queues: one for each queue of a large card, and more */
#define LITTLE_FRAMES 200u       /* below, a healthy answer says little */

struct doctor_options {
    const char *config;
    bool json;
    bool queues;
    char **captures;
    uint32_t capture_count;
};

/* One capture, read a frame at a time. */
struct source {
    struct capture_file *file;
    struct packet frames[PACKET_BURST_MAX];
    uint32_t count, next;
};

struct examination {
    struct arena *arena;
    struct net_decoder *decoder;
    struct tap_doctor *tap;
    struct ledger ledger;
    struct net_packet packets[PACKET_BURST_MAX];
};

static const char help[] =
    "usage: assay doctor [-c FILE] [OPTION]... [CAPTURE...]\n"
    "With captures: says what is wrong with the tap they come from, and what to change. Several files are parts of "
    "one\n"
    "capture, in their order; '-' is standard input. Without: checks this machine against the driver file of the\n"
    "configuration: huge pages, cores, ports, clock.\n\n"
    "  -c, --config FILE        assay.yaml to take the driver file from\n"
    "      --queues             each CAPTURE is what one queue or worker received at the same time; they are put "
    "together\n"
    "                           by time\n"
    "      --format text|json   (default text)\n"
    "      --help\n\n"
    "Exit status: 0 nothing wrong, 1 something found, 2 wrong usage, or a file that cannot be read.\n";

/* EXIT_FINE: go on; -1: help was shown. */
static int parse_options(int argc, char **argv, struct doctor_options *options)
{
    enum { QUEUES = 256, FORMAT, HELP };
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"queues", no_argument, NULL, QUEUES},
                                                 {"format", required_argument, NULL, FORMAT},
                                                 {"help", no_argument, NULL, HELP},
                                                 {0}};
    *options = (struct doctor_options){0};
    bool fine = true;
    for (int option; fine && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case QUEUES:
            options->queues = true;
            break;
        case FORMAT:
            fine = options_format("doctor", optarg, &options->json);
            break;
        case HELP:
            fputs(help, stdout);
            return -1;
        default:
            fine = false;
        }
    }
    options->captures = argv + optind;
    options->capture_count = (uint32_t)(argc - optind);
    if (fine && options->queues && (options->capture_count < 2 || options->capture_count > CAPTURES_MAX)) {
        fprintf(stderr, "assay doctor: --queues wants 2 to %u captures, one of each queue\n", CAPTURES_MAX);
        fine = false;
    }
    if (!fine)
        fputs("`assay doctor --help` explains.\n", stderr);
    return fine ? EXIT_FINE : EXIT_WRONG;
}

/* ------------------------------------------------------------------ captures */

static bool examination_init(struct examination *examination)
{
    struct net_settings net;
    struct tap_settings tap;
    net_settings_default(&net);
    tap_settings_default(&tap);
    tap.connections = CONNECTIONS;
    if (hash_key_init(&net.key) < 0 || hash_key_init(&tap.key) < 0)
        return false;
    examination->arena = arena_new(net_decoder_size(&net) + tap_doctor_size(&tap) + CACHE_LINE);
    return examination->arena && net_decoder_new(&examination->decoder, examination->arena, &net) == 0 &&
           tap_doctor_new(&examination->tap, examination->arena, &tap) == 0;
}

static void examine(struct examination *examination, const struct packet *frames, uint32_t count)
{
    uint32_t packets =
        net_decode_burst(examination->decoder, &examination->ledger, frames, count, examination->packets);
    tap_doctor_burst(examination->tap, frames, count, examination->packets, packets);
}

static int examine_file(struct examination *examination, const char *path, struct diagnostics *diagnostics)
{
    struct capture_file *file;
    struct packet frames[PACKET_BURST_MAX];
    int result = capture_file_open(&file, path, CAPTURE_FILE_STREAM, diagnostics);
    if (result < 0)
        return result;
    while ((result = capture_file_next_burst(file, frames)) > 0)
        examine(examination, frames, (uint32_t)result);
    capture_file_close(file);
    return result;
}

/* The next frame of the capture is at hand, or count is 0. */
static int source_fill(struct source *source)
{
    if (source->next < source->count)
        return 0;
    int result = capture_file_next_burst(source->file, source->frames);
    source->next = 0;
    source->count = result > 0 ? (uint32_t)result : 0;
    return result < 0 ? result : 0;
}

/* The frames of all captures in the order of their times. */
static int examine_together(struct examination *examination, struct source *sources, uint32_t count)
{
    for (;;) {
        struct source *first = NULL;
        for (uint32_t i = 0; i < count; i++) {
            struct source *source = &sources[i];
            int result = source_fill(source);
            if (result < 0)
                return result;
            if (source->count == 0)
                continue;
            source->frames[source->next].queue = (uint16_t)i;
            if (!first || source->frames[source->next].time_ns < first->frames[first->next].time_ns)
                first = source;
        }
        if (!first)
            return 0;
        examine(examination, &first->frames[first->next++], 1);
    }
}

static int examine_queues(struct examination *examination, const struct doctor_options *options,
                          struct diagnostics *diagnostics)
{
    struct source *sources = calloc(options->capture_count, sizeof(*sources));
    int result = sources ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < options->capture_count && result == 0; i++)
        result = capture_file_open(&sources[i].file, options->captures[i], CAPTURE_FILE_STREAM, diagnostics);
    if (result == 0)
        result = examine_together(examination, sources, options->capture_count);
    for (uint32_t i = 0; sources && i < options->capture_count; i++)
        capture_file_close(sources[i].file);
    free(sources);
    return result;
}

static int examine_all(struct examination *examination, const struct doctor_options *options,
                       struct diagnostics *diagnostics)
{
    if (options->queues)
        return examine_queues(examination, options, diagnostics);
    int result = 0;
    for (uint32_t i = 0; i < options->capture_count && result == 0; i++)
        result = examine_file(examination, options->captures[i], diagnostics);
    return result;
}

/* -------------------------------------------------------------------- answers */

static void diagnosis_write(struct json_writer *writer, const struct tap_diagnosis *diagnosis)
{
    json_write_object_begin(writer);
    json_write_key(writer, "fault");
    json_write_text(writer, tap_fault_name(diagnosis->fault));
    json_write_key(writer, "level");
    json_write_text(writer, diagnosis->information ? "information" : "fault");
    json_write_key(writer, "count");
    json_write_unsigned(writer, diagnosis->count);
    json_write_key(writer, "of");
    json_write_unsigned(writer, diagnosis->of);
    json_write_key(writer, "percent");
    json_write_double(writer, diagnosis->share * 100);
    json_write_key(writer, "percent_at_least");
    json_write_double(writer, diagnosis->share_min * 100);
    json_write_key(writer, "confidence");
    json_write_double(writer, TAP_CONFIDENCE);
    json_write_key(writer, "extent");
    json_write_unsigned(writer, diagnosis->extent);
    json_write_key(writer, "what");
    json_write_text(writer, diagnosis->sentence);
    json_write_key(writer, "change");
    json_write_text(writer, diagnosis->change);
    json_write_object_end(writer);
}

static void show_json(const struct doctor_options *options, const struct tap_counts *counts,
                      const struct tap_diagnosis *diagnoses, uint32_t count)
{
    char *buffer = malloc(JSON_BYTES);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, JSON_BYTES);
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "doctor");
    json_write_key(&writer, "captures");
    json_write_array_begin(&writer);
    for (uint32_t i = 0; i < options->capture_count; i++)
        json_write_text(&writer, options->captures[i]);
    json_write_array_end(&writer);
    json_write_key(&writer, "frames");
    json_write_unsigned(&writer, counts->frames);
    json_write_key(&writer, "tcp_packets");
    json_write_unsigned(&writer, counts->packets);
    json_write_key(&writer, "connections");
    json_write_unsigned(&writer, counts->connections);
    json_write_key(&writer, "faults");
    json_write_array_begin(&writer);
    for (uint32_t i = 0; i < count; i++)
        diagnosis_write(&writer, &diagnoses[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    if (writer.overflow)
        fputs("assay doctor: the names of the captures are too long for one answer\n", stderr);
    else
        printf("%.*s\n", (int)writer.size, buffer);
    free(buffer);
}

static void show_text(const struct tap_counts *counts, const struct tap_diagnosis *diagnoses, uint32_t count, bool fine)
{
    for (uint32_t i = 0; i < count; i++)
        printf("%s  %s. %s: %s\n", diagnoses[i].information ? "info" : "FAIL", diagnoses[i].sentence,
               diagnoses[i].information ? "Note" : "Change", diagnoses[i].change);
    if (fine)
        printf("ok    no fault of the tap shows in %" PRIu64 " frames and %" PRIu64 " connections%s\n", counts->frames,
               counts->connections, counts->frames < LITTLE_FRAMES ? "; that is little to judge by" : "");
}

static int doctor_captures(const struct doctor_options *options)
{
    struct examination *examination = calloc(1, sizeof(*examination));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    bool ready = examination && examination_init(examination);
    if (!ready)
        fputs("assay doctor: out of memory\n", stderr);
    int result = ready ? examine_all(examination, options, &diagnostics) : -ENOMEM;
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    int status = EXIT_WRONG;
    if (result == 0) {
        struct tap_diagnosis diagnoses[TAP_FAULT_COUNT];
        struct tap_counts counts;
        uint32_t count = tap_doctor_diagnose(examination->tap, diagnoses), faults = 0;
        tap_doctor_counts(examination->tap, &counts);
        for (uint32_t i = 0; i < count; i++)
            faults += !diagnoses[i].information;
        if (options->json)
            show_json(options, &counts, diagnoses, count);
        else
            show_text(&counts, diagnoses, count, faults == 0);
        status = faults ? EXIT_FOUND : EXIT_FINE;
    }
    if (examination)
        arena_free(examination->arena);
    free(examination);
    return status;
}

/* ---------------------------------------------------------------------- host */

static int doctor_host(const struct doctor_options *options)
{
    struct settings settings;
    struct driver_file driver = {0};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    int status = EXIT_WRONG;
    bool fine = options_load_settings(options->config, &settings);
    if (fine && settings.capture.driver)
        fine = driver_file_load(settings.capture.driver, &diagnostics, &driver) == 0;
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (fine) {
        enum host_format format = options->json ? HOST_JSON : HOST_TEXT;
        status =
            host_check(&settings, settings.capture.driver ? &driver : NULL, format, stdout) ? EXIT_FOUND : EXIT_FINE;
    }
    driver_file_deinit(&driver);
    settings_deinit(&settings);
    return status;
}

int command_doctor(int argc, char **argv)
{
    struct doctor_options options;
    int status = parse_options(argc, argv, &options);
    if (status != EXIT_FINE)
        return status < 0 ? EXIT_FINE : status;
    return options.capture_count ? doctor_captures(&options) : doctor_host(&options);
}
