/* SPDX-License-Identifier: Apache-2.0 */

/* Host checks: memory and clock, and how the answers are told. */

#include "host.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "host_internal.h"

#define JSON_BYTES (1u << 18) /* a few hundred lines of half a kibibyte */

/* Evidence is compared with the logs of other machines: farther off, it is no longer clear which request is which. */
#define CLOCK_ERROR_MAX_US 10000

/* ------------------------------------------------------------------- telling */

void host_say(struct host *host, enum host_level level, const char *subject, const char *format, ...)
{
    static const char *const names[] = {[HOST_OK] = "ok", [HOST_WARN] = "warn", [HOST_FAIL] = "FAIL"};
    static const char *const words[] = {[HOST_OK] = "ok", [HOST_WARN] = "warning", [HOST_FAIL] = "failure"};
    char text[HOST_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    host->failed += level == HOST_FAIL;
    if (!host->writer) {
        fprintf(host->stream, "%-4s  %s: %s\n", names[level], subject, text);
        return;
    }
    json_write_object_begin(host->writer);
    json_write_key(host->writer, "level");
    json_write_text(host->writer, words[level]);
    json_write_key(host->writer, "subject");
    json_write_text(host->writer, subject);
    json_write_key(host->writer, "what");
    json_write_text(host->writer, text);
    json_write_object_end(host->writer);
}

bool host_read_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    bool fine = file && fgets(text, (int)size, file);
    if (fine)
        text[strcspn(text, "\n")] = 0;
    if (file)
        fclose(file);
    return fine;
}

int64_t host_read_number(const char *path, int64_t otherwise)
{
    char text[64];
    return host_read_line(path, text, sizeof(text)) ? strtoll(text, NULL, 10) : otherwise;
}

/* -------------------------------------------------------------------- memory */

static void check_huge_pages(struct host *host)
{
    const struct driver_memory *memory = &host->driver->memory;
    if (memory->no_huge) {
        host_say(host, HOST_WARN, "huge pages",
                 "the driver file does without (no_huge); about half the speed, for tests only");
        return;
    }
    char path[128];
    snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages", memory->huge_page_kib);
    int64_t free_pages = host_read_number(path, 0);
    if (free_pages >= (int64_t)memory->huge_pages)
        host_say(host, HOST_OK, "huge pages", "%lld of %u KiB free, %u wanted", (long long)free_pages,
                 memory->huge_page_kib, memory->huge_pages);
    else
        host_say(host, HOST_FAIL, "huge pages",
                 "%lld of %u KiB free, %u wanted; as root: echo %u > "
                 "/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages",
                 (long long)free_pages, memory->huge_page_kib, memory->huge_pages, memory->huge_pages,
                 memory->huge_page_kib);
}

static void check_queue_memory(struct host *host)
{
    struct statvfs shm;
    uint64_t wanted = (uint64_t)host->settings->queue.size_kib * 1024 * (host->settings->workers.count + 1);
    if (statvfs("/dev/shm", &shm) != 0) {
        host_say(host, HOST_FAIL, "shared memory", "/dev/shm is not there; mount a tmpfs on it");
        return;
    }
    uint64_t available = (uint64_t)shm.f_bavail * shm.f_frsize;
    bool fails = available < wanted;
    host_say(host, fails ? HOST_FAIL : HOST_OK, "shared memory", "%llu MiB free, the queue takes %llu%s",
             (unsigned long long)(available >> 20), (unsigned long long)(wanted >> 20),
             fails ? "; enlarge /dev/shm or lower queue.size_kib" : "");
}

static void check_memory(struct host *host)
{
    uint64_t wanted = (uint64_t)host->settings->workers.memory_mib * host->settings->workers.count;
    uint64_t available = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
    bool fails = available < wanted;
    host_say(host, fails ? HOST_FAIL : HOST_OK, "memory", "%llu MiB free, the workers may take %llu%s",
             (unsigned long long)available, (unsigned long long)wanted, fails ? "; lower workers.memory_mib" : "");
}

/* --------------------------------------------------------------------- clock */

static void check_clock(struct host *host)
{
    struct timex state = {.modes = 0};
    int answer = adjtimex(&state);
    if (answer < 0) {
        host_say(host, HOST_WARN, "clock", "the kernel does not say whether it is synchronised");
        return;
    }
    bool unsynchronised = answer == TIME_ERROR || (state.status & STA_UNSYNC);
    if (unsynchronised)
        host_say(
            host, HOST_WARN, "clock",
            "is not synchronised, so findings cannot be matched with other machines' logs; start chronyd (`chronyc "
            "tracking` shows its state)");
    else
        host_say(host, state.maxerror > CLOCK_ERROR_MAX_US ? HOST_WARN : HOST_OK, "clock",
                 "synchronised, at most %ld us off%s", state.maxerror,
                 state.maxerror > CLOCK_ERROR_MAX_US ? "; let chrony use a nearer server, or PTP" : "");
}

static void check_clock_source(struct host *host)
{
    char text[64];
    if (!host_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", text, sizeof(text)))
        return;
    bool slow = strcmp(text, "hpet") == 0 || strcmp(text, "acpi_pm") == 0 || strcmp(text, "jiffies") == 0;
    host_say(host, slow ? HOST_WARN : HOST_OK, "clock source", "%s%s", text,
             slow ? "; reading it takes a microsecond: boot with tsc=reliable where the processor's counter is steady"
                  : "");
}

/* ----------------------------------------------------------------- the whole */

static void workers_of(const struct settings *settings, const struct driver_file *driver, struct host_cores *cores_out)
{
    *cores_out = (struct host_cores){{0}};
    if (!driver)
        return;
    for (uint32_t i = 0; i < settings->workers.count; i++)
        host_cores_add(cores_out,
                       i < driver->cores.workers_count ? driver->cores.workers[i] : driver->cores.main + 1 + i);
}

static void check_all(struct host *host)
{
    host_check_cores(host);
    check_memory(host);
    check_queue_memory(host);
    check_clock(host);
    check_clock_source(host);
    if (!host->driver)
        return;
    check_huge_pages(host);
    host_check_ports(host);
    if (!host->driver->tested)
        host_say(host, HOST_WARN, "driver file", "not tested on real hardware: %s",
                 host->driver->tested_note ? host->driver->tested_note : "no note says why");
}

uint32_t host_check(const struct settings *settings, const struct driver_file *driver, enum host_format format,
                    FILE *stream)
{
    struct host host = {.settings = settings, .driver = driver, .stream = stream};
    workers_of(settings, driver, &host.workers);
    if (format == HOST_TEXT) {
        check_all(&host);
        return host.failed;
    }
    char *buffer = malloc(JSON_BYTES);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, JSON_BYTES);
    host.writer = &writer;
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "doctor_host");
    json_write_key(&writer, "checks");
    json_write_array_begin(&writer);
    check_all(&host);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fprintf(stream, "%.*s\n", (int)writer.size, buffer);
    free(buffer);
    return host.failed;
}
