/* SPDX-License-Identifier: Apache-2.0 */

/* Host checks: ports. */

#include <dirent.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host_internal.h"

/* A path below the device's folder. */
static void pci_path(const char *device, const char *name, char *path, size_t size)
{
    snprintf(path, size, "/sys/bus/pci/devices/%s/%s", device, name);
}

/* The kernel driver that a PCI device is bound to, or "". */
static void pci_driver(const char *device, char *text, size_t size)
{
    char path[PATH_MAX], target[PATH_MAX];
    pci_path(device, "driver", path, sizeof(path));
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = 0;
    const char *name = strrchr(target, '/');
    snprintf(text, size, "%s", name ? name + 1 : "");
}

/* ------------------------------------------------------------------- kernel's */

/* Asks the kernel about an interface; needs no privileges. */
static bool interface_ask(const char *name, void *question)
{
    struct ifreq request = {.ifr_data = question};
    size_t size = strlen(name);
    if (size >= sizeof(request.ifr_name))
        return false; /* no interface has such a name */
    memcpy(request.ifr_name, name, size);
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool fine = handle >= 0 && ioctl(handle, SIOCETHTOOL, &request) == 0;
    if (handle >= 0)
        close(handle);
    return fine;
}

static void check_ring(struct host *host, const char *subject, const char *name, const struct driver_port *port)
{
    struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
    if (!interface_ask(name, &ring) || ring.rx_max_pending == 0)
        return;
    if (port->rx_descriptors > ring.rx_max_pending)
        host_say(host, HOST_FAIL, subject, "rx_descriptors is %u, %s allows %u; lower it in the driver file",
                 port->rx_descriptors, name, ring.rx_max_pending);
    else if (port->rx_descriptors < ring.rx_max_pending / 4)
        host_say(host, HOST_WARN, subject, "rx_descriptors is %u of %u that %s allows; more ride out longer bursts",
                 port->rx_descriptors, ring.rx_max_pending, name);
    else
        host_say(host, HOST_OK, subject, "rx_descriptors %u of %u", port->rx_descriptors, ring.rx_max_pending);
}

static void check_link(struct host *host, const char *subject, const char *name)
{
    char path[PATH_MAX], text[64];
    snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", name);
    if (host_read_line(path, text, sizeof(text)) && strcmp(text, "down") == 0)
        host_say(host, HOST_WARN, subject, "%s has no link; plug in the tap, or: ip link set %s up", name, name);
}

static void check_gluing(struct host *host, const char *subject, const char *name)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GGRO};
    bool glued = interface_ask(name, &value) && value.data;
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
    glued = glued || (interface_ask(name, &flags) && (flags.data & ETH_FLAG_LRO));
    if (glued)
        host_say(host, HOST_WARN, subject,
                 "%s glues segments together before they are captured; ethtool -K %s gro off lro off", name, name);
}

/* "iface=NAME" of the virtual device that stands for the port. */
static void check_interface(struct host *host, const char *subject, const struct driver_port *port)
{
    for (uint32_t i = 0; i < host->driver->vdevs_count; i++) {
        const char *text = host->driver->vdevs[i];
        const char *found = strstr(text, "iface=");
        if (strncmp(text, port->device, strlen(port->device)) != 0 || !found)
            continue;
        char name[64], path[128];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(found + 6, ","), found + 6);
        snprintf(path, sizeof(path), "/sys/class/net/%s", name);
        if (access(path, F_OK) != 0) {
            host_say(host, HOST_FAIL, subject, "interface %s does not exist here; `ip link` lists those that do", name);
            return;
        }
        host_say(host, HOST_OK, subject, "interface %s", name);
        check_link(host, subject, name);
        check_gluing(host, subject, name);
        return;
    }
    host_say(host, HOST_OK, subject, "virtual");
}

/* ---------------------------------------------------------------------- PCI */

static bool check_binding(struct host *host, const char *subject, const struct driver_port *port)
{
    char path[PATH_MAX], bound[64];
    pci_path(port->device, "", path, sizeof(path));
    if (access(path, F_OK) != 0) {
        host_say(host, HOST_FAIL, subject, "there is no such PCI device; dpdk-devbind.py --status lists them");
        return false;
    }
    pci_driver(port->device, bound, sizeof(bound));
    const char *wanted = host->driver->binding.kernel_driver;
    bool fails = wanted && wanted[0] && strcmp(bound, wanted) != 0;
    const char *name = bound[0] ? bound : "no driver";
    if (fails)
        host_say(host, HOST_FAIL, subject, "bound to %s, wanted %s; dpdk-devbind.py --bind=%s %s", name, wanted, wanted,
                 port->device);
    else
        host_say(host, HOST_OK, subject, "bound to %s", name);
    pci_path(port->device, "iommu_group", path, sizeof(path));
    if (wanted && strcmp(wanted, "vfio-pci") == 0 && access(path, F_OK) != 0)
        host_say(
            host, HOST_WARN, subject,
            "no IOMMU; switch it on in the firmware and boot with intel_iommu=on or amd_iommu=on, or vfio-pci needs "
            "enable_unsafe_noiommu_mode=1");
    return true;
}

static void check_node(struct host *host, const char *subject, const struct driver_port *port)
{
    char path[PATH_MAX], text[HOST_LIST_SIZE], far_text[HOST_TEXT_SIZE / 4];
    pci_path(port->device, "numa_node", path, sizeof(path));
    int64_t node = host_read_number(path, -1);
    if (node < 0) {
        host_say(host, HOST_OK, subject, "this machine has one NUMA node");
        return;
    }
    struct host_cores near;
    pci_path(port->device, "local_cpulist", path, sizeof(path));
    host_cores_parse(host_read_line(path, text, sizeof(text)) ? text : "", &near);
    struct host_cores distant = host_cores_of(&host->workers, &near, false);
    host_cores_print(&distant, far_text, sizeof(far_text));
    if (!host_cores_empty(&near) && !host_cores_empty(&distant))
        host_say(host, HOST_WARN, subject,
                 "on NUMA node %lld (cores %s), workers on %s are on another; set cores.workers", (long long)node, text,
                 far_text);
    else
        host_say(host, HOST_OK, subject, "on NUMA node %lld, as its workers", (long long)node);
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%lld/hugepages/hugepages-%ukB/free_hugepages",
             (long long)node, host->driver->memory.huge_page_kib);
    if (!host->driver->memory.no_huge && host_read_number(path, 1) == 0)
        host_say(host, HOST_FAIL, subject, "no huge page is free on its NUMA node; reserve some there: %s",
                 "/sys/devices/system/node/nodeN/hugepages");
}

/* Drivers like mlx5 leave the interface with the kernel: then it can be asked. */
static void check_pci_interface(struct host *host, const char *subject, const struct driver_port *port)
{
    char path[PATH_MAX];
    pci_path(port->device, "net", path, sizeof(path));
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        check_ring(host, subject, entry->d_name, port);
        check_link(host, subject, entry->d_name);
    }
    closedir(folder);
}

/* Every descriptor of every ring holds a buffer, so there must be more of them than descriptors. */
static void check_buffers(struct host *host)
{
    uint64_t descriptors = 0;
    for (uint32_t i = 0; i < host->driver->ports_count; i++)
        descriptors += (uint64_t)host->driver->ports[i].rx_queues * host->driver->ports[i].rx_descriptors;
    uint64_t wanted = descriptors + (uint64_t)host->driver->mbufs.cache * host->settings->workers.count;
    bool fails = host->driver->mbufs.count <= wanted;
    host_say(host, fails ? HOST_FAIL : HOST_OK, "buffers", "%u, of which rings and caches take %llu%s",
             host->driver->mbufs.count, (unsigned long long)wanted,
             fails ? "; raise mbufs.count or lower rx_descriptors in the driver file" : "");
}

void host_check_ports(struct host *host)
{
    check_buffers(host);
    for (uint32_t i = 0; i < host->driver->ports_count; i++) {
        const struct driver_port *port = &host->driver->ports[i];
        char subject[128];
        snprintf(subject, sizeof(subject), "port %s", port->device);
        if (!strchr(port->device, ':')) {
            check_interface(host, subject, port);
        } else if (check_binding(host, subject, port)) {
            check_node(host, subject, port);
            check_pci_interface(host, subject, port);
        }
    }
}
