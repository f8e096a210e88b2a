/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Host checks: cores. A worker that is put aside for a millisecond while 10 Gbit/s come in finds its ring overrun, so
 * nothing else may run on its core: no process, no timer tick, no interrupt, no wait for the clock to speed up.
 */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_internal.h"

/* ---------------------------------------------------------------------- sets */

void host_cores_parse(const char *text, struct host_cores *cores_out)
{
    *cores_out = (struct host_cores){{0}};
    while (*text >= '0' && *text <= '9') {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (unsigned long core = first; core <= last && core < HOST_CORES_MAX; core++)
            host_cores_add(cores_out, (uint32_t)core);
        text = *end == ',' ? end + 1 : end;
    }
}

static bool contains(const struct host_cores *cores, uint32_t core)
{
    return core < HOST_CORES_MAX && (cores->words[core / 64] >> core % 64 & 1);
}

void host_cores_print(const struct host_cores *cores, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t core = 0; core < HOST_CORES_MAX && used < size; core++) {
        if (!contains(cores, core))
            continue;
        uint32_t first = core;
        while (contains(cores, core + 1))
            core++;
        const char *comma = used ? "," : "";
        int written = first == core ? snprintf(text + used, size - used, "%s%u", comma, first)
                                    : snprintf(text + used, size - used, "%s%u-%u", comma, first, core);
        used += written > 0 ? (size_t)written : 0;
    }
}

bool host_cores_empty(const struct host_cores *cores)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < HOST_CORES_WORDS; i++)
        any |= cores->words[i];
    return any == 0;
}

struct host_cores host_cores_of(const struct host_cores *cores, const struct host_cores *allowed, bool inside)
{
    struct host_cores result;
    for (uint32_t i = 0; i < HOST_CORES_WORDS; i++)
        result.words[i] = cores->words[i] & (inside ? allowed->words[i] : ~allowed->words[i]);
    return result;
}

/* -------------------------------------------------------------------- checks */

static void check_count(struct host *host)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t wanted = host->settings->workers.count + 1;
    bool few = processors < (long)wanted;
    host_say(host, few ? HOST_WARN : HOST_OK, "cores",
             "%ld, of which %u workers and the control thread take one each%s", processors,
             host->settings->workers.count, few ? "; workers will share cores and lose packets under load" : "");
}

static void check_online(struct host *host)
{
    char text[HOST_LIST_SIZE], missing_text[HOST_TEXT_SIZE / 4];
    struct host_cores online;
    if (!host_read_line("/sys/devices/system/cpu/online", text, sizeof(text)))
        return;
    host_cores_parse(text, &online);
    struct host_cores missing = host_cores_of(&host->workers, &online, false);
    if (host_cores_empty(&missing))
        return;
    host_cores_print(&missing, missing_text, sizeof(missing_text));
    host_say(host, HOST_FAIL, "worker cores", "%s: this machine has %s only; change cores.workers in the driver file",
             missing_text, text);
}

/* One of the kernel's lists of cores kept free of something. */
static void check_kept_free(struct host *host, const char *path, const char *subject, const char *parameter,
                            const char *why)
{
    char text[HOST_LIST_SIZE] = "", lacking_text[HOST_TEXT_SIZE / 4];
    struct host_cores kept;
    bool known = host_read_line(path, text, sizeof(text)) && text[0] && text[0] != '(' && strcmp(text, "N/A") != 0;
    host_cores_parse(known ? text : "", &kept);
    struct host_cores lacking = host_cores_of(&host->workers, &kept, false);
    if (host_cores_empty(&kept)) {
        host_say(host, HOST_WARN, subject, "none; boot with %s= naming the worker cores, %s", parameter, why);
    } else if (host_cores_empty(&lacking)) {
        host_say(host, HOST_OK, subject, "%s", text);
    } else {
        host_cores_print(&lacking, lacking_text, sizeof(lacking_text));
        host_say(host, HOST_WARN, subject, "%s, but workers run on %s; add them to %s=, %s", text, lacking_text,
                 parameter, why);
    }
}

static void check_governor(struct host *host)
{
    char path[128], text[64], slow[64] = "";
    bool known = false;
    for (uint32_t core = 0; core < HOST_CORES_MAX; core++) {
        bool ours = contains(&host->workers, core) || (core == 0 && host_cores_empty(&host->workers));
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", core);
        if (!ours || !host_read_line(path, text, sizeof(text)))
            continue;
        known = true;
        if (strcmp(text, "performance") != 0)
            snprintf(slow, sizeof(slow), "%s", text);
    }
    if (!known)
        host_say(host, HOST_OK, "frequency governor", "not set by this system");
    else
        host_say(host, slow[0] ? HOST_WARN : HOST_OK, "frequency governor", "%s%s", slow[0] ? slow : "performance",
                 slow[0] ? "; cpupower frequency-set -g performance" : "");
}

/* Interrupts that the kernel may send to a worker's core. */
static void check_interrupts(struct host *host)
{
    DIR *folder = host_cores_empty(&host->workers) ? NULL : opendir("/proc/irq");
    if (!folder)
        return;
    uint32_t total = 0, ours = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[320], text[HOST_LIST_SIZE];
        struct host_cores cores;
        snprintf(path, sizeof(path), "/proc/irq/%s/effective_affinity_list", entry->d_name);
        if (!host_read_line(path, text, sizeof(text)) || !text[0])
            continue;
        host_cores_parse(text, &cores);
        cores = host_cores_of(&cores, &host->workers, true);
        total++;
        ours += !host_cores_empty(&cores);
    }
    closedir(folder);
    host_say(host, ours ? HOST_WARN : HOST_OK, "interrupts", "%u of %u go to worker cores%s", ours, total,
             ours ? "; keep them off with irqaffinity= at boot, or IRQBALANCE_BANNED_CPULIST for irqbalance" : "");
}

void host_check_cores(struct host *host)
{
    check_count(host);
    check_online(host);
    check_kept_free(host, "/sys/devices/system/cpu/isolated", "isolated cores", "isolcpus",
                    "so that no other work is put on them");
    check_kept_free(host, "/sys/devices/system/cpu/nohz_full", "cores without ticks", "nohz_full",
                    "so that the timer does not stop them a thousand times a second");
    check_interrupts(host);
    check_governor(host);
}
