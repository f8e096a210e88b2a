/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay-worker: the process that sees packets. Everything that can be wrong is found before a port is started; once the
 * ports run it opens no file but those of a reload, and no network at all.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "version.h"
#include "worker.h"

static const char help[] =
    "usage: assay-worker -c FILE [OPTION]...\n"
    "Audits the tap ports that the configuration names. Usually started by `assay run`.\n\n"
    "  -c, --config FILE   assay.yaml\n"
    "  -q, --quiet         say nothing but errors\n"
    "      --version\n"
    "      --help\n\n"
    "Signals: HUP reloads rules and registry, TERM and INT stop.\n"
    "Exit status: 0 stopped, 2 wrong usage or configuration, or a port that cannot be started.\n";

enum { EXIT_WRONG = 2 };

/* EXIT_SUCCESS: go on; -1: nothing more to do. */
static int parse_options(int argc, char **argv, struct control *control)
{
    enum { VERSION = 256, HELP };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"version", no_argument, NULL, VERSION},
                                            {"help", no_argument, NULL, HELP},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "c:q", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            control->config_path = optarg;
            break;
        case 'q':
            control->quiet = true;
            break;
        case VERSION:
            puts("assay-worker " ASSAY_VERSION);
            return -1;
        case HELP:
            fputs(help, stdout);
            return -1;
        default:
            return EXIT_WRONG;
        }
    }
    if (control->config_path && optind == argc)
        return EXIT_SUCCESS;
    fputs("assay-worker: name the configuration with -c FILE; --help explains\n", stderr);
    return EXIT_WRONG;
}

/* Values from the wire must not reach a disk in a core dump. */
static void forbid_core_dumps(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static bool load_files(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    int result = settings_load(control->config_path, &diagnostics, &control->settings);
    if (result == 0 && !control->settings.capture.driver) {
        diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = control->config_path},
                        "capture.driver is missing: name a file of drivers-config/ that describes the tap port");
        result = -1;
    }
    if (result == 0)
        result = epoch_prepare(&control->settings, &diagnostics);
    if (result == 0)
        result = driver_file_load(control->settings.capture.driver, &diagnostics, &control->driver);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static bool open_queue(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct queue_options options = {
        .name = control->settings.queue.name,
        .worker_count = control->worker_count,
        .ring_bytes = control->settings.queue.size_kib * 1024u,
        .version = ASSAY_VERSION,
    };
    int result = queue_create(&options, &diagnostics, &control->queue);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static bool start_ports(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    int result = capture_ports_start(&control->driver, control->worker_count, &diagnostics, &control->ports);
    if (result == 0 && control->settings.workers.spread == SETTINGS_SPREAD_NIC &&
        capture_ports_queue_count(control->ports) < control->worker_count) {
        diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "%u workers, but the driver file has %u receive queues in all; raise rx_queues, lower "
                        "workers.count, or set workers.spread to hand-over",
                        control->worker_count, capture_ports_queue_count(control->ports));
        result = -1;
    }
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

/* The NIC keeps connections together when it has a queue for each worker, a symmetric hash, and no second port beside.
 */
static bool nic_spreads(const struct control *control)
{
    if (control->settings.workers.spread != SETTINGS_SPREAD_AUTO)
        return control->settings.workers.spread == SETTINGS_SPREAD_NIC;
    return control->driver.ports_count == 1 && control->driver.ports[0].rss_key != DRIVER_RSS_KEY_NONE &&
           capture_ports_queue_count(control->ports) >= control->worker_count;
}

static bool make_spread(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct spread_options options = {
        .worker_count = control->worker_count,
        .ring_bytes = control->settings.workers.hand_over_kib * 1024u,
        .hand_over = !nic_spreads(control),
    };
    control->giving = control->worker_count;
    int result = spread_new(&options, &diagnostics, &control->spread);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static bool make_pipelines(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct hash_key key = {0};
    control->services = malloc(sizeof(*control->services));
    bool fine = control->services && hash_key_init(&key) == 0;
    control->service_key = key;
    for (uint32_t i = 0; i < control->worker_count && fine; i++) {
        struct poll *poll = &control->polls[i];
        poll->keys = control->keys;
        poll->index = i;
        struct pipeline_options options = {
            .settings = &control->settings,
            .publication = &control->publication,
            .ring = queue_producer(control->queue, i),
            .keys = control->keys ? key_inputs_store(control->keys) : NULL,
            .premaster_wanted = control->settings.keys.rsa_keys_count ? keys_wish : NULL,
            .premaster_context = poll,
            .key = key,
            .service_key = key,
            .sightings = sighting_join_producer(control->sightings, i),
            .sighting_key = key,
            .worker = i,
            .worker_count = control->worker_count,
            .rollups = true,
            .services_taken = true,
            .certificates = true,
            .spread = control->spread,
        };
        poll->ports = control->ports;
        poll->giving = &control->giving;
        poll->stop = &control->stop;
        poll->status = queue_worker_status(control->queue, i);
        poll->idle_sleep_us = control->driver.idle_sleep_us;
        fine = pipeline_new(&options, &diagnostics, &poll->pipeline) == 0;
    }
    for (uint32_t i = 0; i < capture_ports_queue_count(control->ports) && fine; i++) {
        struct poll *poll = &control->polls[i % control->worker_count];
        poll->queues[poll->queue_count++] = capture_ports_queue(control->ports, i);
    }
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return fine;
}

static void run(struct control *control)
{
    control_tell_predecessor(control);
    control_tell_lifecycle(control, LIFECYCLE_START);
    for (uint32_t i = 0; i < control->worker_count; i++)
        require(capture_ports_launch(control->ports, i, poll_run, &control->polls[i]) == 0);
    if (!control->quiet)
        fprintf(stderr, "assay-worker: %u worker(s)%s on %u port(s), epoch %u, queue '%s'\n", control->worker_count,
                spread_hands_over(control->spread) ? ", which hand packets over," : "",
                capture_ports_count(control->ports), control->publication.current->number,
                control->settings.queue.name);
    control_run(control);
    capture_ports_wait(control->ports);
    control_join_sightings(control);
    control_judge_services(control);
    control_tell_ledger(control);
    control_tell_lifecycle(control, LIFECYCLE_STOP);
    control_clear_status(control);
}

static void control_deinit(struct control *control)
{
    for (uint32_t i = 0; control->polls && i < control->worker_count; i++)
        pipeline_free(control->polls[i].pipeline);
    keys_stop(control);
    free(control->services);
    free(control->polls);
    spread_free(control->spread);
    sighting_join_free(control->sightings);
    publication_deinit(&control->publication);
    capture_ports_stop(control->ports);
    queue_free(control->queue);
    digest_key_deinit(&control->digest_key);
    driver_file_deinit(&control->driver);
    settings_deinit(&control->settings);
}

int main(int argc, char **argv)
{
    struct control *control = calloc(1, sizeof(*control));
    require(control);
    int status = parse_options(argc, argv, control);
    if (status != EXIT_SUCCESS) {
        free(control);
        return status < 0 ? EXIT_SUCCESS : status;
    }
    forbid_core_dumps();
    control_catch_signals();
    bool fine = load_files(control) && digest_key_init_random(&control->digest_key) == 0;
    if (fine) {
        control->worker_count = control->settings.workers.count;
        publication_init(&control->publication, control->worker_count);
        control->polls = aligned_alloc(CACHE_LINE, control->worker_count * sizeof(struct poll));
        require(control->polls);
        memset(control->polls, 0, control->worker_count * sizeof(struct poll));
    }
    fine = fine && control_first_epoch(control) && open_queue(control) && start_ports(control) &&
           make_spread(control) && control_make_join(control) && keys_start(control) && make_pipelines(control);
    if (fine)
        run(control);
    control_deinit(control);
    free(control);
    return fine ? EXIT_SUCCESS : EXIT_WRONG;
}
