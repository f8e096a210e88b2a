/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay-live: one worker as it runs live, from port to queue, and generated traffic at a set rate from another core.
 * The worker's loop is the product's own; what it takes, what is lost, how busy it is and how long a finding takes is
 * told as one JSON object.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/audit.h"
#include "bench/clock.h"
#include "generate/option.h"
#include "generate/protocol.h"
#include "live/feeder.h"
#include "live/report.h"
#include "live/watch.h"
#include "perf_paths.h"
#include "worker/worker.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS      UINT64_C(1000000000)
#define SETTLE_MS      20u   /* for the worker to take what lies in the rings */
#define DURABLE_MS     3000u /* for the reporting core to write the last findings */
#define FLOWS_CLOSING  65536u
#define FLOW_MIB_SHIFT 10 /* 1 KiB for a flow and what hangs on it */
#define WORKER_MIB     1024u
#define SECONDS_MAX    86400u
#define RELOADS_MAX    16u

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

enum choice {
    CHOICE_HELP = 'h',
    CHOICE_RATE = 1,
    CHOICE_SECONDS,
    CHOICE_WARM_UP,
    CHOICE_RELOADS,
    CHOICE_SETTINGS,
    CHOICE_REGISTRY,
    CHOICE_DRIVER,
    CHOICE_QUEUE,
    CHOICE_CORE,
};

struct options {
    struct traffic_settings traffic;
    const char *settings, *driver, *queue;
    char *registry;
    uint32_t rate, seconds, warm_up, reloads, core;
};

struct live {
    const struct options *options;
    struct traffic *traffic;
    struct audit audit;
    struct driver_file driver;
    struct capture_ports *ports;
    struct feeder *feeder;
    struct watch *watch;
    struct poll *poll;
    struct diagnostics diagnostics;
    uint64_t stop;
    uint32_t giving;
    struct live_report report;
};

static void help(FILE *stream)
{
    fputs("usage: assay-live [options]\n\n"
          "Runs one worker on a port of DPDK that another core fills with generated traffic.\n\n"
          "  --rate N                    calls a second; 0: as fast as they are taken (default)\n"
          "  --seconds N                 to measure (default 3), after\n"
          "  --warm-up N                 seconds (default 1)\n"
          "  --reloads N                 rules and registry again, so often, while traffic runs\n"
          "  --settings FILE             assay.yaml (default: perf/assay.yaml of the sources)\n"
          "  --registry FOLDER           as assay-generate --registry writes it\n"
          "  --driver FILE               of a net_ring port (default: perf/live.yaml of the sources)\n"
          "  --queue NAME                an assay-reporter drains this queue; otherwise nobody writes anything\n"
          "  --core N                    of the feeder (default 0)\n" TRAFFIC_OPTIONS_HELP,
          stream);
}

static const struct option long_options[] = {
    TRAFFIC_OPTIONS,
    {"rate", required_argument, NULL, CHOICE_RATE},
    {"seconds", required_argument, NULL, CHOICE_SECONDS},
    {"warm-up", required_argument, NULL, CHOICE_WARM_UP},
    {"reloads", required_argument, NULL, CHOICE_RELOADS},
    {"settings", required_argument, NULL, CHOICE_SETTINGS},
    {"registry", required_argument, NULL, CHOICE_REGISTRY},
    {"driver", required_argument, NULL, CHOICE_DRIVER},
    {"queue", required_argument, NULL, CHOICE_QUEUE},
    {"core", required_argument, NULL, CHOICE_CORE},
    {"help", no_argument, NULL, CHOICE_HELP},
    {NULL, 0, NULL, 0},
};

static MUST_USE int number_apply(enum choice choice, const char *value, struct options *options)
{
    uint32_t *const targets[] = {[CHOICE_RATE] = &options->rate,
                                 [CHOICE_SECONDS] = &options->seconds,
                                 [CHOICE_WARM_UP] = &options->warm_up,
                                 [CHOICE_RELOADS] = &options->reloads,
                                 [CHOICE_CORE] = &options->core};
    static const uint32_t limits[] = {[CHOICE_RATE] = UINT32_MAX,
                                      [CHOICE_SECONDS] = SECONDS_MAX,
                                      [CHOICE_WARM_UP] = SECONDS_MAX,
                                      [CHOICE_RELOADS] = RELOADS_MAX,
                                      [CHOICE_CORE] = 1023};
    uint64_t number;
    if (!option_number(value, limits[choice], &number))
        return -EINVAL;
    *targets[choice] = (uint32_t)number;
    return 0;
}

static MUST_USE int choice_apply(int choice, char *value, struct options *options)
{
    switch (choice) {
    case CHOICE_SETTINGS:
        options->settings = value;
        return 0;
    case CHOICE_REGISTRY:
        options->registry = value;
        return 0;
    case CHOICE_DRIVER:
        options->driver = value;
        return 0;
    case CHOICE_QUEUE:
        options->queue = value;
        return 0;
    case '?':
        return -EINVAL;
    default:
        return number_apply((enum choice)choice, value, options);
    }
}

/* 0, -EINVAL after a sentence, or 1 when there is nothing more to do. */
static int options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.settings = PERF_SETTINGS, .driver = PERF_DRIVER, .seconds = 3, .warm_up = 1};
    int result = traffic_options_profile(argc, argv, "api-small", &options->traffic);
    int choice;
    while (result == 0 && (choice = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (choice == CHOICE_HELP) {
            help(stdout);
            return 1;
        }
        result = traffic_option_known(choice) ? traffic_option_apply(choice, optarg, &options->traffic)
                                              : choice_apply(choice, optarg, options);
    }
    if (result == 0 && (optind < argc || options->seconds == 0))
        result = -EINVAL;
    if (result < 0)
        fputs("`assay-live --help` explains.\n", stderr);
    options->traffic.transactions = 0;
    return result;
}

static double milliseconds_since(uint64_t *begin_ns)
{
    uint64_t now_ns = clock_now_ns();
    double passed = (double)(now_ns - *begin_ns) / MILLISECOND_NS;
    *begin_ns = now_ns;
    return passed;
}

static void settings_fit(struct live *live)
{
    struct settings *settings = &live->audit.settings;
    uint32_t concurrency = live->options->traffic.concurrency;
    settings->workers.flows = concurrency + concurrency / 4 + FLOWS_CLOSING;
    settings->workers.memory_mib = WORKER_MIB + (settings->workers.flows >> FLOW_MIB_SHIFT);
    settings->registry.folder = live->options->registry;
}

static int ports_start(struct live *live)
{
    int result = driver_file_load(live->options->driver, &live->diagnostics, &live->driver);
    if (result == 0)
        result = capture_ports_start(&live->driver, 1, &live->diagnostics, &live->ports);
    live->report.no_huge = live->driver.memory.no_huge;
    return result;
}

static int poll_make(struct live *live)
{
    struct poll *poll = live->poll = aligned_alloc(CACHE_LINE, sizeof(*poll));
    if (!poll)
        return -ENOMEM;
    live->giving = 1;
    *poll = (struct poll){.ports = live->ports,
                          .giving = &live->giving,
                          .stop = &live->stop,
                          .status = queue_worker_status(live->audit.queue, 0)};
    for (uint32_t i = 0; i < capture_ports_queue_count(live->ports); i++)
        poll->queues[poll->queue_count++] = capture_ports_queue(live->ports, i);
    return audit_pipeline_new(&live->audit, 0, NULL, &live->diagnostics, &poll->pipeline);
}

/* Everything that happens between a configuration and the first packet. */
static int worker_start(struct live *live)
{
    struct live_report *report = &live->report;
    const struct options *options = live->options;
    uint64_t begin_ns = clock_now_ns(), all_ns = begin_ns;
    int result = audit_load(&live->audit, options->settings, &live->diagnostics);
    if (result < 0)
        return result;
    settings_fit(live);
    result = audit_take_keys(&live->audit, traffic_keylog(live->traffic), &live->diagnostics);
    if (result == 0)
        result = audit_start(&live->audit, 1, options->queue, &live->diagnostics);
    report->rules_ms = milliseconds_since(&begin_ns);
    if (result == 0)
        result = ports_start(live);
    report->port_ms = milliseconds_since(&begin_ns);
    if (result == 0)
        result = poll_make(live);
    report->memory_ms = milliseconds_since(&begin_ns);
    if (result == 0)
        result = capture_ports_launch(live->ports, 0, poll_run, live->poll);
    report->startup_ms = milliseconds_since(&all_ns);
    return result;
}

static int feeder_make(struct live *live)
{
    const struct options *options = live->options;
    int result = watch_new(&live->watch, live->audit.queue, options->queue != NULL);
    struct feeder_options feeder = {.traffic = live->traffic,
                                    .device = live->driver.ports[0].device,
                                    .queue_count = capture_ports_queue_count(live->ports),
                                    .core = options->core,
                                    .calls_per_second = options->rate,
                                    .watch = live->watch};
    if (result == 0)
        result = feeder_new(&feeder, &live->diagnostics, &live->feeder);
    return result == 0 ? feeder_start(live->feeder) : result;
}

static void sleep_ms(uint32_t milliseconds)
{
    struct timespec nap = {milliseconds / 1000, (long)(milliseconds % 1000) * (long)MILLISECOND_NS};
    nanosleep(&nap, NULL);
}

static struct live_moment moment(const struct live *live)
{
    const struct pipeline_counts *counts = pipeline_counts(live->poll->pipeline);
    return (struct live_moment){
        .time_ns = clock_now_ns(),
        .packets = __atomic_load_n(&counts->packets, __ATOMIC_RELAXED),
        .calls = __atomic_load_n(&counts->transactions, __ATOMIC_RELAXED),
        .findings = __atomic_load_n(&counts->findings, __ATOMIC_RELAXED),
        .cycles_busy = __atomic_load_n(&live->poll->cycles_busy, __ATOMIC_RELAXED),
        .cycles_idle = __atomic_load_n(&live->poll->cycles_idle, __ATOMIC_RELAXED),
    };
}

/* Rules and registry anew, as the control thread does it; how long until the worker judges by them. */
static int reload(struct live *live)
{
    uint64_t begin_ns = clock_now_ns();
    int result = audit_publish(&live->audit, &live->diagnostics);
    if (result < 0)
        return result;
    double build_ms = milliseconds_since(&begin_ns);
    while (!publication_adopted_by_all(&live->audit.publication, live->audit.epochs))
        sched_yield();
    double adopt_ms = milliseconds_since(&begin_ns);
    (void)publication_collect(&live->audit.publication);
    struct live_report *report = &live->report;
    report->reloads++;
    report->reload_ms = build_ms > report->reload_ms ? build_ms : report->reload_ms;
    report->adopt_ms = adopt_ms > report->adopt_ms ? adopt_ms : report->adopt_ms;
    return 0;
}

static int measure(struct live *live)
{
    const struct options *options = live->options;
    uint64_t begin_ns = clock_now_ns(), end_ns = begin_ns + options->warm_up * SECOND_NS;
    while (clock_now_ns() < end_ns)
        sleep_ms(1);
    live->report.begin = moment(live);
    begin_ns = end_ns;
    end_ns += options->seconds * SECOND_NS;
    uint64_t step_ns = (end_ns - begin_ns) / (options->reloads + 1), next_ns = begin_ns + step_ns;
    int result = 0;
    for (uint64_t now_ns; (now_ns = clock_now_ns()) < end_ns && result == 0;) {
        sleep_ms(1);
        if (options->reloads && now_ns >= next_ns) {
            next_ns += step_ns;
            result = reload(live);
        }
    }
    live->report.end = moment(live);
    return result;
}

/* No more traffic; what is on its way is taken, decided, and where somebody writes it, written. */
static void finish(struct live *live)
{
    feeder_stop(live->feeder, &live->report.feeder);
    sleep_ms(SETTLE_MS);
    __atomic_store_n(&live->stop, 1, __ATOMIC_RELEASE); /* pairs with the acquire of the loop */
    capture_ports_wait(live->ports);
    struct live_report *report = &live->report;
    for (uint32_t i = 0; i < DURABLE_MS; i++) {
        watch_look(live->watch);
        watch_figures(live->watch, &report->published, &report->durable);
        if (!live->options->queue || report->durable.count >= report->published.count)
            break;
        sleep_ms(1);
    }
    const struct pipeline_counts *counts = pipeline_counts(live->poll->pipeline);
    report->seen = counts->transactions;
    report->events_lost = counts->events_lost;
    struct ledger ledger;
    ledger_read(pipeline_ledger(live->poll->pipeline), &ledger);
    report->balanced = ledger_balanced(&ledger) && ledger.pending.packets == 0 && ledger.transactions_pending == 0;
}

static void live_deinit(struct live *live)
{
    feeder_free(live->feeder);
    if (live->poll)
        pipeline_free(live->poll->pipeline);
    free(live->poll);
    watch_free(live->watch);
    audit_deinit(&live->audit);
    driver_file_deinit(&live->driver);
    capture_ports_stop(live->ports);
    traffic_free(live->traffic);
    if (live->options->queue && queue_unlink(live->options->queue) < 0)
        fprintf(stderr, "assay-live: the queue %s is still there\n", live->options->queue);
}

static int run(struct live *live)
{
    int result = traffic_new(&live->traffic, &live->options->traffic);
    if (result == 0)
        result = worker_start(live);
    if (result == 0)
        result = feeder_make(live);
    if (result == 0)
        result = measure(live);
    if (live->feeder)
        finish(live);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    int result = options_parse(argc, argv, &options);
    if (result != 0)
        return result < 0 ? EXIT_WRONG : EXIT_FINE;
    struct live *live = calloc(1, sizeof(*live));
    require(live);
    live->options = &options;
    diagnostics_init(&live->diagnostics);
    live->report.protocol = options.traffic.protocol->name;
    live->report.rate = options.rate;
    clock_measure(&live->report.clock);
    result = run(live);
    diagnostics_print(&live->diagnostics, stderr);
    diagnostics_deinit(&live->diagnostics);
    if (result < 0)
        fprintf(stderr, "assay-live: %s\n", strerror(-result));
    else
        live_report_json(&live->report, stdout);
    bool fine = result == 0 && live->report.balanced;
    live_deinit(live);
    free(live);
    return result < 0 ? EXIT_WRONG : fine ? EXIT_FINE : EXIT_FAILED;
}
