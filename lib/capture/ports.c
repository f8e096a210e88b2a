/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Setting tap ports up. Every step that can fail says which one it was and what to change; DPDK's own log stays on
 * standard error for the rest.
 */

#include "capture/ports_internal.h"

#include <errno.h>
#include <net/if.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EAL_TEXT_SIZE 512u /* of one argument: a vdev with a long interface list */
#define EAL_FIXED     12u  /* arguments made here besides the driver file's own */

struct eal_arguments {
    int count;
    char *values[DRIVER_ARGUMENTS_MAX + EAL_FIXED];
    char texts[DRIVER_ARGUMENTS_MAX + EAL_FIXED][EAL_TEXT_SIZE];
};

static void argument_add(struct eal_arguments *arguments, const char *format, ...) PRINTF_LIKE(2, 3);

static void argument_add(struct eal_arguments *arguments, const char *format, ...)
{
    require(arguments->count < (int)ARRAY_COUNT(arguments->values) - 1);
    char *text = arguments->texts[arguments->count];
    va_list list;
    va_start(list, format);
    vsnprintf(text, EAL_TEXT_SIZE, format, list);
    va_end(list);
    arguments->values[arguments->count++] = text;
}

/* The driver file names cores; where it names fewer than there are workers, the following ones are taken. */
static void choose_cores(const struct driver_file *driver, uint32_t worker_count, struct capture_ports *ports)
{
    uint32_t next = driver->cores.main + 1;
    for (uint32_t i = 0; i < worker_count; i++) {
        uint32_t core = i < driver->cores.workers_count ? driver->cores.workers[i] : next;
        ports->worker_cores[i] = core;
        next = core + 1;
    }
    ports->worker_count = worker_count;
}

/*
 * "--lcores=0@0,1@1": each lcore on the processor of its number, or, on a machine with fewer processors (a test
 * machine), on what there is.
 */
static void arguments_add_cores(struct eal_arguments *arguments, const struct driver_file *driver,
                                const struct capture_ports *ports)
{
    uint32_t processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    char text[EAL_TEXT_SIZE];
    size_t size = (size_t)snprintf(text, sizeof(text), "%u@%u", driver->cores.main, driver->cores.main % processors);
    for (uint32_t i = 0; i < ports->worker_count && size < sizeof(text); i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, ",%u@%u", ports->worker_cores[i],
                                 ports->worker_cores[i] % processors);
    argument_add(arguments, "--lcores=%s", text);
    argument_add(arguments, "--main-lcore=%u", driver->cores.main);
}

static int start_eal(const struct driver_file *driver, struct capture_ports *ports, struct diagnostics *diagnostics)
{
    struct eal_arguments *arguments = calloc(1, sizeof(*arguments));
    if (!arguments)
        return -ENOMEM;
    ports->arguments = arguments;
    argument_add(arguments, "assay-worker");
    arguments_add_cores(arguments, driver, ports);
    if (driver->memory.no_huge) {
        argument_add(arguments, "--no-huge");
        argument_add(arguments, "-m");
        argument_add(arguments, "%u", driver->memory.no_huge_mib);
    }
    for (uint32_t i = 0; i < driver->vdevs_count; i++)
        argument_add(arguments, "--vdev=%s", driver->vdevs[i]);
    for (uint32_t i = 0; i < driver->eal_arguments_count; i++) {
        /* DPDK refuses --in-memory without huge pages; there --no-shconf is all that is left of it to ask for. */
        bool replaced = driver->memory.no_huge && strcmp(driver->eal_arguments[i], "--in-memory") == 0;
        argument_add(arguments, "%s", replaced ? "--no-shconf" : driver->eal_arguments[i]);
    }
    int result = rte_eal_init(arguments->count, arguments->values);
    if (result < 0) {
        result = rte_errno ? -rte_errno : -EIO;
        diagnostics_add(
            diagnostics, DIAGNOSTIC_ERROR, NULL,
            "DPDK could not start (%s)%s; its own messages are above. `assay doctor` lists what the driver "
            "file needs",
            rte_strerror(-result),
            driver->memory.no_huge ? "" : ": huge pages may be missing; reserve some, or set memory.no_huge: true");
    }
    return result < 0 ? result : 0;
}

/* DPDK's own words for an interface that is not there name neither it nor a remedy. */
static int check_interfaces(const struct driver_file *driver, struct diagnostics *diagnostics)
{
    int result = 0;
    for (uint32_t i = 0; i < driver->vdevs_count; i++) {
        const char *text = driver->vdevs[i], *found = strstr(text, "iface=");
        /* Other drivers make the interface, or take names that are none. */
        if (!found || (strncmp(text, "net_af_packet", 13) != 0 && strncmp(text, "net_af_xdp", 10) != 0))
            continue;
        char name[IF_NAMESIZE];
        found += sizeof("iface=") - 1;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(found, ","), found);
        if (if_nametoindex(name) != 0)
            continue;
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "vdevs: the interface %s does not exist here; `ip link` lists those that do", name);
        result = -ENODEV;
    }
    return result;
}

static uint64_t rss_functions(uint32_t wanted)
{
    uint64_t functions = 0;
    functions |= wanted & DRIVER_RSS_IPV4 ? RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER : 0;
    functions |= wanted & DRIVER_RSS_IPV6 ? RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER : 0;
    functions |= wanted & DRIVER_RSS_IPV4_TCP ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : 0;
    functions |= wanted & DRIVER_RSS_IPV6_TCP ? RTE_ETH_RSS_NONFRAG_IPV6_TCP : 0;
    functions |= wanted & DRIVER_RSS_FRAGMENTS ? RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_FRAG_IPV6 : 0;
    functions |= wanted & DRIVER_RSS_INNERMOST ? RTE_ETH_RSS_LEVEL_INNERMOST : 0;
    return functions;
}

static uint64_t rx_offloads(uint32_t wanted)
{
    uint64_t offloads = 0;
    offloads |= wanted & DRIVER_OFFLOAD_CHECKSUM ? RTE_ETH_RX_OFFLOAD_CHECKSUM : 0;
    offloads |= wanted & DRIVER_OFFLOAD_TIMESTAMP ? RTE_ETH_RX_OFFLOAD_TIMESTAMP : 0;
    offloads |= wanted & DRIVER_OFFLOAD_SCATTER ? RTE_ETH_RX_OFFLOAD_SCATTER : 0;
    offloads |= wanted & DRIVER_OFFLOAD_KEEP_CRC ? RTE_ETH_RX_OFFLOAD_KEEP_CRC : 0;
    return offloads;
}

static int port_fail(struct diagnostics *diagnostics, const struct driver_port *port, const char *step, int result)
{
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "port %s: %s: %s", port->device, step, rte_strerror(-result));
    return result;
}

static int port_find(const struct driver_port *setting, struct diagnostics *diagnostics, uint16_t *port_id_out)
{
    if (rte_eth_dev_get_port_by_name(setting->device, port_id_out) == 0)
        return 0;
    char known[512] = "";
    size_t size = 0;
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS && size < sizeof(known); id++) {
        char name[RTE_ETH_NAME_MAX_LEN] = "";
        if (rte_eth_dev_is_valid_port(id) && rte_eth_dev_get_name_by_port(id, name) == 0)
            size += (size_t)snprintf(known + size, sizeof(known) - size, " %s", name);
    }
    diagnostics_add(
        diagnostics, DIAGNOSTIC_ERROR, NULL,
        "port %s: DPDK knows no such device; it has:%s. Is it bound to the driver that the driver file names "
        "(dpdk-devbind.py --status)?",
        setting->device, size ? known : " none");
    return -ENODEV;
}

static int port_configure(const struct driver_port *setting, uint16_t port_id, uint16_t queues,
                          struct diagnostics *diagnostics)
{
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port_id, &info);
    if (result < 0)
        return port_fail(diagnostics, setting, "cannot be asked for its abilities", result);
    if (queues > info.max_rx_queues) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "port %s: %u receive queues wanted, it has %u; lower rx_queues", setting->device, queues,
                        info.max_rx_queues);
        return -EINVAL;
    }
    uint8_t key[DRIVER_RSS_KEY_MAX];
    uint32_t key_size = driver_rss_key_bytes(setting->rss_key, key);
    struct rte_eth_conf configuration = {0};
    configuration.rxmode.mtu = setting->mtu;
    configuration.rxmode.offloads = rx_offloads(setting->offloads) & info.rx_offload_capa;
    if (queues > 1) {
        configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        configuration.rx_adv_conf.rss_conf.rss_hf = rss_functions(setting->rss_functions) & info.flow_type_rss_offloads;
        configuration.rx_adv_conf.rss_conf.rss_key = key_size ? key : NULL;
        configuration.rx_adv_conf.rss_conf.rss_key_len = (uint8_t)key_size;
    }
    /* No transmit queue: nothing can be sent on a tap. */
    result = rte_eth_dev_configure(port_id, queues, 0, &configuration);
    return result < 0 ? port_fail(diagnostics, setting, "does not accept its configuration", result) : 0;
}

static int port_start(const struct driver_file *driver, const struct driver_port *setting, uint16_t port_id,
                      uint16_t queues, struct diagnostics *diagnostics)
{
    int result = port_configure(setting, port_id, queues, diagnostics);
    if (result < 0)
        return result;
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof(name), "assay_port_%u", port_id);
    struct rte_mempool *pool = rte_pktmbuf_pool_create(name, driver->mbufs.count, driver->mbufs.cache, 0,
                                                       (uint16_t)driver->mbufs.size, rte_eth_dev_socket_id(port_id));
    if (!pool)
        return port_fail(diagnostics, setting, "no memory for its packet buffers (mbufs.count, mbufs.size)",
                         -rte_errno);
    uint16_t descriptors = (uint16_t)setting->rx_descriptors, none = 0;
    result = rte_eth_dev_adjust_nb_rx_tx_desc(port_id, &descriptors, &none);
    if (result < 0 && result != -ENOTSUP)
        return port_fail(diagnostics, setting, "does not accept its number of descriptors", result);
    for (uint16_t queue = 0; queue < queues; queue++) {
        result = rte_eth_rx_queue_setup(port_id, queue, descriptors, (unsigned int)rte_eth_dev_socket_id(port_id), NULL,
                                        pool);
        if (result < 0)
            return port_fail(diagnostics, setting, "a receive queue cannot be set up", result);
    }
    result = rte_eth_dev_start(port_id);
    if (result < 0)
        return port_fail(diagnostics, setting, "does not start", result);
    if (setting->promiscuous) {
        result = rte_eth_promiscuous_enable(port_id);
        if (result < 0 && result != -ENOTSUP)
            return port_fail(diagnostics, setting, "does not become promiscuous", result);
    }
    return 0;
}

static int queues_add(struct capture_ports *ports, uint16_t port_id, uint16_t count, uint32_t offloads)
{
    int timestamp_offset = -1;
    uint64_t timestamp_flag = 0;
    if (offloads & DRIVER_OFFLOAD_TIMESTAMP)
        if (rte_mbuf_dyn_rx_timestamp_register(&timestamp_offset, &timestamp_flag) < 0)
            timestamp_offset = -1;
    for (uint16_t queue = 0; queue < count; queue++) {
        uint8_t *linear = rte_malloc("assay_linear", (size_t)PACKET_BURST_MAX * LINEAR_SIZE, CACHE_LINE);
        if (!linear)
            return -ENOMEM;
        ports->queues[ports->queue_count++] = (struct capture_queue){
            .port_id = port_id,
            .queue_id = queue,
            .timestamp_offset = timestamp_offset,
            .timestamp_flag = timestamp_flag,
            .clock = &ports->clock,
            .linear = linear,
        };
    }
    return 0;
}

/* Packets that the kernel counted at the interface; 0 when it does not tell. */
static uint64_t kernel_packets(const char *interface)
{
    char path[128], text[32] = "";
    snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets", interface);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    bool fine = fgets(text, sizeof(text), file) != NULL;
    fclose(file);
    return fine ? strtoull(text, NULL, 10) : 0;
}

/* "iface=NAME" of the virtual device that stands for the port; "" for others. */
static void find_interface(const struct driver_file *driver, const struct driver_port *port, char *name, size_t size)
{
    name[0] = 0;
    for (uint32_t i = 0; i < driver->vdevs_count; i++) {
        const char *vdev = driver->vdevs[i], *found = strstr(vdev, "iface=");
        if (found && strncmp(vdev, "net_af_packet", 13) == 0 && strncmp(vdev, port->device, strlen(port->device)) == 0)
            snprintf(name, size, "%.*s", (int)strcspn(found + 6, ","), found + 6);
    }
}

static int start_ports(const struct driver_file *driver, struct capture_ports *ports, struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < driver->ports_count; i++) {
        const struct driver_port *setting = &driver->ports[i];
        uint16_t port_id, queues = (uint16_t)(setting->rx_queues ? setting->rx_queues : 1);
        int result = port_find(setting, diagnostics, &port_id);
        if (result == 0)
            result = port_start(driver, setting, port_id, queues, diagnostics);
        if (result == 0)
            result = queues_add(ports, port_id, queues, setting->offloads);
        if (result < 0)
            return result;
        struct capture_port *port = &ports->ports[ports->port_count++];
        port->port_id = port_id;
        port->queue_count = queues;
        snprintf(port->name, sizeof(port->name), "%s", setting->device);
        find_interface(driver, setting, port->interface, sizeof(port->interface));
        port->kernel_start = port->kernel_before = port->interface[0] ? kernel_packets(port->interface) : 0;
    }
    return 0;
}

int capture_ports_start(const struct driver_file *driver, uint32_t worker_count, struct diagnostics *diagnostics,
                        struct capture_ports **ports_out)
{
    struct capture_ports *ports = calloc(1, sizeof(*ports));
    if (!ports)
        return -ENOMEM;
    choose_cores(driver, worker_count, ports);
    int result = check_interfaces(driver, diagnostics);
    if (result == 0)
        result = start_eal(driver, ports, diagnostics);
    if (result < 0) {
        free(ports);
        return result;
    }
    ports->queues =
        rte_zmalloc("assay_queues", sizeof(*ports->queues) * DRIVER_PORTS_MAX * DRIVER_QUEUES_MAX, CACHE_LINE);
    result = ports->queues ? start_ports(driver, ports, diagnostics) : -ENOMEM;
    if (result < 0) {
        capture_ports_stop(ports);
        return result;
    }
    capture_ports_tick(ports);
    *ports_out = ports;
    return 0;
}

void capture_ports_stop(struct capture_ports *ports)
{
    if (!ports)
        return;
    for (uint32_t i = 0; i < ports->port_count; i++) {
        (void)rte_eth_dev_stop(ports->ports[i].port_id);
        (void)rte_eth_dev_close(ports->ports[i].port_id);
    }
    for (uint32_t i = 0; i < ports->queue_count; i++)
        rte_free(ports->queues[i].linear);
    rte_free(ports->queues);
    (void)rte_eal_cleanup();
    free(ports->arguments);
    free(ports);
}

uint32_t capture_ports_queue_count(const struct capture_ports *ports)
{
    return ports->queue_count;
}

struct capture_queue *capture_ports_queue(struct capture_ports *ports, uint32_t index)
{
    require(index < ports->queue_count);
    return &ports->queues[index];
}

int capture_ports_launch(struct capture_ports *ports, uint32_t worker, int (*function)(void *), void *argument)
{
    require(worker < ports->worker_count);
    return rte_eal_remote_launch(function, argument, ports->worker_cores[worker]);
}

void capture_ports_wait(struct capture_ports *ports)
{
    (void)ports;
    rte_eal_mp_wait_lcore();
}

uint32_t capture_ports_count(const struct capture_ports *ports)
{
    return ports->port_count;
}

/*
 * Everything the kernel counted by the time of the reading before must have been taken by now, or it was dropped at the
 * full ring.
 */
static uint64_t kernel_missed(struct capture_port *port, uint64_t received)
{
    if (!port->interface[0])
        return 0;
    uint64_t expected = port->kernel_before - port->kernel_start;
    if (expected > received && expected - received > port->kernel_missed)
        port->kernel_missed = expected - received;
    uint64_t now = kernel_packets(port->interface);
    if (now > port->kernel_before)
        port->kernel_before = now;
    return port->kernel_missed;
}

void capture_ports_statistics(struct capture_ports *ports, uint32_t port,
                              struct capture_port_statistics *statistics_out)
{
    require(port < ports->port_count);
    struct rte_eth_stats statistics = {0};
    (void)rte_eth_stats_get(ports->ports[port].port_id, &statistics);
    *statistics_out = (struct capture_port_statistics){
        .received_packets = statistics.ipackets,
        .received_bytes = statistics.ibytes,
        .missed_packets = statistics.imissed + kernel_missed(&ports->ports[port], statistics.ipackets),
        .error_packets = statistics.ierrors,
        .no_buffer_packets = statistics.rx_nombuf,
    };
    statistics_out->queue_count = ports->ports[port].queue_count;
    for (uint32_t i = 0; i < ports->queue_count; i++) {
        const struct capture_queue *queue = &ports->queues[i];
        if (queue->port_id != ports->ports[port].port_id || queue->queue_id >= DRIVER_QUEUES_MAX)
            continue;
        statistics_out->queue_packets[queue->queue_id] = __atomic_load_n(&queue->packets, __ATOMIC_RELAXED);
        if (queue->queue_id < RTE_ETHDEV_QUEUE_STAT_CNTRS)
            statistics_out->queue_errors[queue->queue_id] = statistics.q_errors[queue->queue_id];
    }
    memcpy(statistics_out->name, ports->ports[port].name, sizeof(statistics_out->name));
}

void capture_ports_tick(struct capture_ports *ports)
{
    struct timespec wall, monotonic;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    int64_t offset = ((int64_t)wall.tv_sec - monotonic.tv_sec) * 1000000000 + (wall.tv_nsec - monotonic.tv_nsec);
    __atomic_store_n(&ports->clock.offset_ns, offset, __ATOMIC_RELAXED);
}
