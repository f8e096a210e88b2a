/* SPDX-License-Identifier: Apache-2.0 */

/* Host checks: each is a function that prints one line and says whether it failed. */

#include "host.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct host_check_input {
    const struct settings *settings;
    const struct driver_file *driver; /* NULL: none */
    FILE *stream;
};

/* The first line of a file of /proc or /sys without its end; false when it cannot be read. */
static bool read_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    bool fine = file && fgets(text, (int)size, file);
    if (fine)
        text[strcspn(text, "\n")] = 0;
    if (file)
        fclose(file);
    return fine;
}

static uint64_t read_number(const char *path)
{
    char text[64];
    return read_line(path, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static bool check_huge_pages(const struct host_check_input *input)
{
    const struct driver_memory *memory = &input->driver->memory;
    if (memory->no_huge) {
        fprintf(input->stream,
                "warn  huge pages: the driver file does without (no_huge); about half the speed, for tests only\n");
        return false;
    }
    char path[128];
    snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages", memory->huge_page_kib);
    uint64_t free_pages = read_number(path);
    bool fails = free_pages < memory->huge_pages;
    fprintf(input->stream, "%s  huge pages: %llu of %u KiB free, %u wanted%s", fails ? "FAIL" : "ok  ",
            (unsigned long long)free_pages, memory->huge_page_kib, memory->huge_pages, fails ? "" : "\n");
    if (fails)
        fprintf(input->stream, "; as root: echo %u > /sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages\n",
                memory->huge_pages, memory->huge_page_kib);
    return fails;
}

static bool check_cores(const struct host_check_input *input)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t wanted = input->settings->workers.count + 1;
    bool few = processors < (long)wanted;
    fprintf(input->stream, "%s  cores: %ld, of which %u workers and the control thread take one each%s\n",
            few ? "warn" : "ok  ", processors, input->settings->workers.count,
            few ? "; workers will share cores and lose packets under load" : "");
    return false;
}

static bool check_isolation(const struct host_check_input *input)
{
    char text[256] = "";
    bool isolated = read_line("/sys/devices/system/cpu/isolated", text, sizeof(text)) && text[0];
    fprintf(input->stream, "%s  isolated cores: %s\n", isolated ? "ok  " : "warn",
            isolated ? text
                     : "none; boot with isolcpus= and nohz_full= naming the worker cores to keep other work off them");
    return false;
}

static bool check_governor(const struct host_check_input *input)
{
    char text[64];
    if (!read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text, sizeof(text))) {
        fprintf(input->stream, "ok    frequency governor: not set by this system\n");
        return false;
    }
    bool fine = strcmp(text, "performance") == 0;
    fprintf(input->stream, "%s  frequency governor: %s%s\n", fine ? "ok  " : "warn", text,
            fine ? "" : "; cpupower frequency-set -g performance");
    return false;
}

static bool check_queue_memory(const struct host_check_input *input)
{
    struct statvfs shm;
    uint64_t wanted = (uint64_t)input->settings->queue.size_kib * 1024 * (input->settings->workers.count + 1);
    if (statvfs("/dev/shm", &shm) != 0) {
        fprintf(input->stream, "FAIL  shared memory: /dev/shm is not there; mount a tmpfs on it\n");
        return true;
    }
    uint64_t available = (uint64_t)shm.f_bavail * shm.f_frsize;
    bool fails = available < wanted;
    fprintf(input->stream, "%s  shared memory: %llu MiB free, the queue takes %llu%s\n", fails ? "FAIL" : "ok  ",
            (unsigned long long)(available >> 20), (unsigned long long)(wanted >> 20),
            fails ? "; enlarge /dev/shm or lower queue.size_kib" : "");
    return fails;
}

static bool check_memory(const struct host_check_input *input)
{
    uint64_t wanted = (uint64_t)input->settings->workers.memory_mib * input->settings->workers.count;
    uint64_t available = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
    bool fails = available < wanted;
    fprintf(input->stream, "%s  memory: %llu MiB free, the workers may take %llu%s\n", fails ? "FAIL" : "ok  ",
            (unsigned long long)available, (unsigned long long)wanted, fails ? "; lower workers.memory_mib" : "");
    return fails;
}

/* The kernel driver that a PCI device is bound to, or "" . */
static void pci_driver(const char *device, char *text, size_t size)
{
    char path[PATH_MAX], target[PATH_MAX];
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", device);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = 0;
    const char *name = strrchr(target, '/');
    snprintf(text, size, "%s", name ? name + 1 : "");
}

static bool check_pci(const struct host_check_input *input, const struct driver_port *port)
{
    char path[PATH_MAX], bound[64];
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", port->device);
    if (access(path, F_OK) != 0) {
        fprintf(input->stream, "FAIL  port %s: there is no such PCI device; dpdk-devbind.py --status lists them\n",
                port->device);
        return true;
    }
    pci_driver(port->device, bound, sizeof(bound));
    const char *wanted = input->driver->binding.kernel_driver;
    bool fails = wanted && wanted[0] && strcmp(bound, wanted) != 0;
    fprintf(input->stream, "%s  port %s: bound to %s%s%s\n", fails ? "FAIL" : "ok  ", port->device,
            bound[0] ? bound : "no driver", fails ? ", wanted " : "", fails ? wanted : "");
    if (fails)
        fprintf(input->stream, "      dpdk-devbind.py --bind=%s %s\n", wanted, port->device);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", port->device);
    fprintf(input->stream, "ok    port %s: NUMA node %lld; put the workers on cores of that node\n", port->device,
            (long long)read_number(path));
    return fails;
}

/* "iface=NAME" of the virtual device that stands for the port. */
static bool check_interface(const struct host_check_input *input, const struct driver_port *port)
{
    for (uint32_t i = 0; i < input->driver->vdevs_count; i++) {
        const char *text = input->driver->vdevs[i];
        const char *found = strstr(text, "iface=");
        if (strncmp(text, port->device, strlen(port->device)) != 0 || !found)
            continue;
        char name[64], path[128];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(found + 6, ","), found + 6);
        snprintf(path, sizeof(path), "/sys/class/net/%s", name);
        bool fails = access(path, F_OK) != 0;
        fprintf(input->stream, "%s  port %s: interface %s%s\n", fails ? "FAIL" : "ok  ", port->device, name,
                fails ? " does not exist here; `ip link` lists those that do" : "");
        return fails;
    }
    fprintf(input->stream, "ok    port %s: virtual\n", port->device);
    return false;
}

uint32_t host_check(const struct settings *settings, const struct driver_file *driver, FILE *stream)
{
    struct host_check_input input = {settings, driver, stream};
    uint32_t failed = 0;
    failed += check_cores(&input);
    failed += check_isolation(&input);
    failed += check_governor(&input);
    failed += check_memory(&input);
    failed += check_queue_memory(&input);
    if (!driver)
        return failed;
    failed += check_huge_pages(&input);
    for (uint32_t i = 0; i < driver->ports_count; i++) {
        const struct driver_port *port = &driver->ports[i];
        failed += strchr(port->device, ':') ? check_pci(&input, port) : check_interface(&input, port);
    }
    if (!driver->tested)
        fprintf(stream, "warn  this driver file has not been tested on real hardware: %s\n",
                driver->tested_note ? driver->tested_note : "no note says why");
    return failed;
}
