/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Speed of the scan for sensitive data
 *
 * Usage: bench_detect RULES.yaml. Prints, for ordinary order JSON without and with values and for header values, the
 * time of a text and the bytes a second: the median of several runs, each over many different texts.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "detect/detect_scan.h"

#define TEXTS     256u
#define TEXT_SIZE 65536u
#define RUNS      9u
#define HITS_MAX  512u

struct bench {
    struct detect_set *set;
    struct detect_scratch *scratch;
    char *texts[TEXTS];
    uint32_t sizes[TEXTS];
    uint64_t random;
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* what others take of the machine is not ours */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint32_t draw(struct bench *bench, uint32_t count)
{
    bench->random = bench->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(bench->random >> 33) % count;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static const char *pick(struct bench *bench, const char *const *words, uint32_t count)
{
    return words[draw(bench, count)];
}

static const char *const goods[] = {"Steel bottle, 750 ml", "Wool scarf",          "Desk lamp E27", "Cable 2 m",
                                    "Notebook A5",          "Coffee, whole beans", "Bicycle bell",  "Garden hose 20 m",
                                    "Paper clips (100)"};
static const char *const states[] = {"CONFIRMED", "SHIPPED", "PENDING", "DELIVERED", "CANCELLED", "CAPTURED"};
static const char *const places[] = {"Main Street", "Long Lane", "Harbour Road", "Mill Hill", "Station Square"};
static const char *const cities[] = {"Springfield", "Riverton", "Lakeside", "Newport"};

/* What is planted where values are wanted: one of ten kinds. */
static int put_value(struct bench *bench, char *end)
{
    static const char *const values[] = {"\"card\":\"4111111111111111\"",
                                         "\"email\":\"jane.doe@example.com\"",
                                         "\"iban\":\"GB82WEST12345698765432\"",
                                         "\"phone\":\"+14155552671\"",
                                         "\"ssn\":\"536-90-4399\"",
                                         "\"password\":\"hunter2go\"",
                                         "\"token\":\"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln\"",
                                         "\"cvv\":\"123\"",
                                         "\"nino\":\"AB123456C\"",
                                         "\"dob\":\"1980-02-29\""};
    return sprintf(end, "%s,", pick(bench, values, 10));
}

/* One in `uuid_in` bodies has an id of digits only (an epoch in milliseconds), the others an UUID. */
static uint32_t make_body(struct bench *bench, char *text, uint32_t size, uint32_t values)
{
    char *end = text;
    end += sprintf(end,
                   "{\"orderId\":\"%08x-%04x-4%03x-a%03x-%06x%06x\",\"status\":\"%s\",\"createdAt\":\"20%02u-%02u-%"
                   "02uT%02u:%02u:%02uZ\",",
                   draw(bench, UINT32_MAX), draw(bench, 65536), draw(bench, 4096), draw(bench, 4096),
                   draw(bench, 1 << 24), draw(bench, 1 << 24), pick(bench, states, 6), 20 + draw(bench, 30),
                   1 + draw(bench, 12), 1 + draw(bench, 28), draw(bench, 24), draw(bench, 60), draw(bench, 60));
    if (draw(bench, 6) == 0)
        end += sprintf(end, "\"updated\":17%02u%09u,", draw(bench, 100), draw(bench, 1000000000));
    for (uint32_t i = 0; i < values; i++)
        end += put_value(bench, end);
    end += sprintf(end,
                   "\"customer\":{\"id\":\"C-%06u\",\"tier\":\"gold\"},\"shipping\":{\"street\":\"%s "
                   "%u\",\"city\":\"%s\",\"postalCode\":\"%05u\"},\"items\":[",
                   draw(bench, 1000000), pick(bench, places, 5), 1 + draw(bench, 200), pick(bench, cities, 4),
                   draw(bench, 100000));
    while ((uint32_t)(end - text) + 200 < size)
        end += sprintf(
            end,
            "{\"sku\":\"SKU-%05u\",\"description\":\"%s\",\"quantity\":%u,\"unitPrice\":%u.%02u,\"currency\":\"EUR\"},",
            draw(bench, 100000), pick(bench, goods, 9), 1 + draw(bench, 9), draw(bench, 500), draw(bench, 100));
    end += sprintf(end, "{\"sku\":\"LAST\"}],\"total\":%u.%02u,\"note\":\"", draw(bench, 2000), draw(bench, 100));
    while ((uint32_t)(end - text) + 2 < size)
        *end++ = 'n';
    memcpy(end, "\"}", 2);
    return size;
}

static void run(struct bench *bench, const char *name)
{
    static struct detect_hit hits[HITS_MAX];
    double times[RUNS];
    uint64_t bytes = 0, found = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
        uint32_t rounds = 0;
        double start = now_ns(), taken;
        bytes = found = 0;
        do {
            for (uint32_t i = 0; i < TEXTS; i++) {
                struct detect_text text = detect_text_whole(bench->texts[i], bench->sizes[i], (struct span){NULL, 0});
                found += detect_scan(bench->set, bench->scratch, &text, hits, HITS_MAX);
                bytes += bench->sizes[i];
            }
            rounds++;
            taken = now_ns() - start;
        } while (taken < 2e7);
        times[run] = taken / (rounds * TEXTS);
        bytes /= rounds;
        found /= rounds;
    }
    qsort(times, RUNS, sizeof(times[0]), compare);
    double median = times[RUNS / 2], size = (double)bytes / TEXTS;
    printf("%-34s %8.0f B %10.1f ns  %6.2f GB/s  %5.2f hits  (fastest %.1f ns)\n", name, size, median, size / median,
           (double)found / TEXTS, times[0]);
}

static void run_bodies(struct bench *bench, const char *name, uint32_t size, uint32_t values)
{
    bench->random = 7;
    for (uint32_t i = 0; i < TEXTS; i++)
        bench->sizes[i] = make_body(bench, bench->texts[i], size, values);
    run(bench, name);
}

static void run_header(struct bench *bench, const char *value)
{
    for (uint32_t i = 0; i < TEXTS; i++) {
        strcpy(bench->texts[i], value);
        bench->sizes[i] = (uint32_t)strlen(value);
    }
    run(bench, value);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    struct digest_key key;
    diagnostics_init(&diagnostics);
    if (argc != 2 || digest_key_init_random(&key) || detector_file_load(argv[1], &diagnostics, &file)) {
        fprintf(stderr, "usage: bench_detect RULES.yaml\n");
        diagnostics_print(&diagnostics, stderr);
        return 2;
    }
    double start = now_ns();
    bench.set = detect_set_new(
        &(struct detect_set_source){.settings = file->settings, .count = file->count, .file = argv[1]}, &diagnostics);
    printf("compiled in %.0f ms\n", (now_ns() - start) / 1e6);
    diagnostics_print(&diagnostics, stderr);
    bench.scratch = bench.set ? detect_scratch_new(bench.set, &key) : NULL;
    for (uint32_t i = 0; i < TEXTS; i++)
        bench.texts[i] = malloc(TEXT_SIZE + 512);
    if (!bench.scratch)
        return 2;
    run_bodies(&bench, "order JSON, clean", 1024, 0);
    run_bodies(&bench, "order JSON, clean", 4096, 0);
    run_bodies(&bench, "order JSON, clean", 65536, 0);
    run_bodies(&bench, "order JSON, 1 value", 1024, 1);
    run_bodies(&bench, "order JSON, 5 values", 1024, 5);
    run_bodies(&bench, "order JSON, 10 values", 1536, 10);
    run_header(&bench, "application/json");
    run_header(&bench, "gzip, deflate, br");
    run_header(&bench, "text/html; charset=utf-8");
    run_header(&bench, "no-cache");
    run_header(&bench, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101");
    for (uint32_t i = 0; i < TEXTS; i++)
        free(bench.texts[i]);
    detect_scratch_free(bench.scratch);
    detect_set_free(bench.set);
    detector_file_free(file);
    diagnostics_deinit(&diagnostics);
    digest_key_deinit(&key);
    return 0;
}
