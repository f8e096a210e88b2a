/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Status as a full screen.
 *
 * Plain ANSI codes: home, then each line followed by "erase to its end", and "erase below" last, so that the screen is
 * rewritten without flicker. Colour only says what the words say as well.
 */

#include <stdarg.h>
#include <stdio.h>

#include "event/status_figures.h"

#define HOME          "\033[H"
#define ERASE_LINE    "\033[K"
#define ERASE_BELOW   "\033[J"
#define BOLD          "\033[1m"
#define RED           "\033[31m"
#define YELLOW        "\033[33m"
#define GREEN         "\033[32m"
#define PLAIN         "\033[0m"
#define LINE_SIZE     512u /* the widest terminal that is of use */
#define BAR_MAX       40u
#define BAR_MIN       8u
#define FIXED_COLUMNS 70u /* of a worker's line without its two bars */

struct screen {
    FILE *stream;
    uint32_t columns, rows, row;
};

/* One line, cut at the right edge; none beyond the last row. `colour` may be "". */
static void put_line(struct screen *screen, const char *colour, const char *format, ...) PRINTF_LIKE(3, 4);

static void put_line(struct screen *screen, const char *colour, const char *format, ...)
{
    char text[LINE_SIZE];
    if (screen->row >= screen->rows)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(screen->stream, "%s%s%.*s%s" ERASE_LINE, screen->row ? "\r\n" : "", colour, (int)screen->columns, text,
            *colour ? PLAIN : "");
    screen->row++;
}

/* "[#####.....]" */
static void bar(char text_out[BAR_MAX + 3], uint32_t width, double share)
{
    double bounded = share < 0 ? 0 : share > 1 ? 1 : share;
    uint32_t full = (uint32_t)(bounded * width + 0.5);
    text_out[0] = '[';
    memset(text_out + 1, '#', full);
    memset(text_out + 1 + full, '.', width - full);
    memcpy(text_out + 1 + width, "]", 2);
}

/* Four digits at most, so that columns keep their width: "12.3k". */
static const char *short_number(double value, char text_out[16])
{
    static const char units[] = " kMGTP";
    uint32_t unit = 0;
    while (value >= 1000 && unit + 2 < sizeof(units)) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text_out, 16, "%.0f", value);
    else
        snprintf(text_out, 16, "%.1f%c", value, units[unit]);
    return text_out;
}

static void put_worker(struct screen *screen, const struct status *now, const struct status *before, uint32_t i)
{
    char busy_bar[BAR_MAX + 3], queue_bar[BAR_MAX + 3], packets[16], transactions[16], findings[16];
    const struct worker_status *worker = &now->workers[i], *earlier = before ? &before->workers[i] : worker;
    uint32_t spare = screen->columns > FIXED_COLUMNS ? (screen->columns - FIXED_COLUMNS) / 2 : 0;
    uint32_t width = spare < BAR_MIN ? BAR_MIN : min_u32(spare, BAR_MAX);
    double busy = status_busy(now, before, i);
    double used = (double)now->rings[i].used_bytes / (double)now->ring_bytes;
    bar(busy_bar, width, busy);
    bar(queue_bar, width, used);
    put_line(screen,
             used > 0.5   ? RED
             : busy > 0.9 ? YELLOW
                          : "",
             "%3u %s %5.1f%%  queue %s %5.1f%% %7s/s %7s/s %7s/s  e%llu", i, busy_bar, 100 * busy, queue_bar,
             100 * used, short_number(status_rate(now, before, worker->packets, earlier->packets), packets),
             short_number(status_rate(now, before, worker->transactions, earlier->transactions), transactions),
             short_number(status_rate(now, before, worker->findings, earlier->findings), findings),
             (unsigned long long)worker->epoch);
}

static void put_reporter(struct screen *screen, const struct status *now, const struct status *before)
{
    char rate[16];
    uint64_t behind = 0;
    for (uint32_t i = 0; i < now->ring_count; i++)
        behind += now->rings[i].published - min_u64(now->rings[i].published, now->rings[i].durable);
    uint64_t earlier = before ? before->reporter.records : now->reporter.records;
    bool good = now->reporter.state == REPORTER_RUNNING && status_reporter_is_alive(now);
    put_line(screen, good ? GREEN : RED, "reporter %s  %s/s  %llu behind  sync %.1f ms  %s",
             status_reporter_state_name(now),
             short_number(status_rate(now, before, now->reporter.records, earlier), rate), (unsigned long long)behind,
             (double)now->reporter.sync_ns / 1e6, now->reporter.file);
    if (now->reporter.state == REPORTER_STALLED)
        put_line(screen, RED, "         cannot write: %s", strerror((int)now->reporter.stall_errno));
}

static void put_drops(struct screen *screen, const struct status *now)
{
    for (int kind = RECORD_NONE + 1; kind < RECORD_KIND_COUNT; kind++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < now->ring_count; i++)
            sum += now->rings[i].dropped[kind];
        if (sum)
            put_line(screen, RED, "dropped at a full queue: %llu %s", (unsigned long long)sum,
                     record_kind_name((enum record_kind)kind));
    }
}

static void put_ledger(struct screen *screen, const struct ledger *ledger)
{
    put_line(screen, BOLD, "coverage of %llu packets, %llu pending", (unsigned long long)ledger->received.packets,
             (unsigned long long)ledger->pending.packets);
    for (int i = 0; i < LEDGER_REASON_COUNT; i++) {
        char share_bar[BAR_MAX + 3];
        if (!ledger->settled[i].packets)
            continue;
        double share = (double)ledger->settled[i].packets / ((double)ledger->received.packets + 1e-9);
        bar(share_bar, BAR_MAX / 2, share);
        put_line(screen, "", "  %-15s %s %5.1f%%  %s", ledger_reason_name((enum ledger_reason)i), share_bar,
                 100 * share, ledger_reason_help((enum ledger_reason)i));
    }
    for (int i = 0; i < LEDGER_MISSING_COUNT; i++)
        if (ledger->missing[i])
            put_line(screen, YELLOW, "  %llu %s", (unsigned long long)ledger->missing[i],
                     ledger_missing_help((enum ledger_missing)i));
}

void status_render_top(const struct status *now, const struct status *before, uint32_t columns, uint32_t rows,
                       FILE *stream)
{
    struct screen screen = {.stream = stream, .columns = min_u32(columns, LINE_SIZE - 1), .rows = rows};
    const struct control_status *control = &now->control;
    fputs(HOME, stream);
    put_line(&screen, BOLD, "assay %s  queue %s  process %llu%s  epoch %llu  rules %.12s", control->program_version,
             now->queue, (unsigned long long)control->pid, now->producer_alive ? "" : " (NOT RUNNING)",
             (unsigned long long)control->epoch.number, control->epoch.rules_digest);
    put_reporter(&screen, now, before);
    put_drops(&screen, now);
    put_line(&screen, "", "%s", "");
    put_line(&screen, BOLD, "worker: busy, queue, packets, transactions, findings, epoch");
    for (uint32_t i = 0; i < now->worker_count; i++)
        put_worker(&screen, now, before, i);
    put_line(&screen, "", "%s", "");
    put_ledger(&screen, &now->ledger);
    fputs(ERASE_BELOW, stream);
}
