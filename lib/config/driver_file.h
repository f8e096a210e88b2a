/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Driver files
 *
 * drivers-config/NAME.yaml: how one family of NICs (or a virtual driver) is brought up: EAL arguments, devices, queues,
 * descriptors, receive-side scaling, mbufs, huge pages, cores and the kernel driver the device has to be bound to.
 *
 * Memory:  heap, slow path only; driver_file_deinit().
 * Threads: read-only once loaded.
 * Errors:  as config/yaml.h.
 * Source:  DPDK 22.11, guides "NIC drivers" and "EAL parameters".
 */

#include "base/diagnostics.h"

#define DRIVER_PORTS_MAX     8u  /* two-port taps, four of them */
#define DRIVER_QUEUES_MAX    64u /* a queue for each worker */
#define DRIVER_ARGUMENTS_MAX 64u /* EAL arguments */
#define DRIVER_WORKERS_MAX   64u /* cores */
#define DRIVER_RSS_KEY_MAX   52u /* ice and i40e take 52 bytes, most others 40 */

enum driver_rss_key {
    DRIVER_RSS_KEY_NONE,         /* the driver has no RSS: software spreads the packets */
    DRIVER_RSS_KEY_SYMMETRIC_40, /* 6d5a repeated: both directions of a flow give the same Toeplitz hash */
    DRIVER_RSS_KEY_SYMMETRIC_52,
    DRIVER_RSS_KEY_DRIVER, /* the driver's own key, with its own symmetric mode */
};

/* Bits of driver_port.rss_functions. */
enum driver_rss_function {
    DRIVER_RSS_IPV4 = 1u << 0,
    DRIVER_RSS_IPV6 = 1u << 1,
    DRIVER_RSS_IPV4_TCP = 1u << 2,
    DRIVER_RSS_IPV6_TCP = 1u << 3,
    DRIVER_RSS_FRAGMENTS = 1u << 4, /* by addresses only, where the driver tells fragments apart */
    DRIVER_RSS_INNERMOST = 1u << 5, /* hash the innermost headers of a tunnel */
};

/* Bits of driver_port.offloads. Never one that changes the packet (LRO, VLAN strip): the ledger counts captured bytes.
 */
enum driver_offload {
    DRIVER_OFFLOAD_CHECKSUM = 1u << 0,
    DRIVER_OFFLOAD_TIMESTAMP = 1u << 1,
    DRIVER_OFFLOAD_SCATTER = 1u << 2, /* frames larger than an mbuf */
    DRIVER_OFFLOAD_KEEP_CRC = 1u << 3,
};

struct driver_port {
    char *device; /* PCI address, or name of a vdev */
    uint32_t rx_queues;
    uint32_t rx_descriptors;
    uint32_t mtu;
    bool promiscuous;
    enum driver_rss_key rss_key;
    uint32_t rss_functions; /* enum driver_rss_function */
    uint32_t offloads;      /* enum driver_offload */
};

struct driver_mbufs {
    uint32_t count; /* of all ports of one NUMA node; default 65535 */
    uint32_t size;  /* data room, bytes, headroom included; default 2176 */
    uint32_t cache; /* each core's; default 256 */
};

struct driver_memory {
    bool no_huge;           /* ordinary pages: --no-huge and -m no_huge_mib are added to the arguments */
    uint32_t huge_page_kib; /* 2048 or 1048576; default 2048 */
    uint32_t huge_pages;    /* wanted; `doctor` compares with what the system has */
    uint32_t no_huge_mib;   /* memory when no_huge; default 256 */
};

struct driver_cores {
    uint32_t main;     /* default 0 */
    uint32_t *workers; /* default: the cores behind main */
    uint32_t workers_count;
};

struct driver_binding {
    char *kernel_driver; /* "vfio-pci", "mlx5_core", "" for virtual ones */
    char *note;
};

struct yaml_document;

struct driver_file {
    char *description;
    char *net_driver; /* DPDK's name of the driver: "net_ixgbe" */
    char **eal_arguments;
    uint32_t eal_arguments_count;
    char **vdevs; /* each becomes --vdev=TEXT */
    uint32_t vdevs_count;
    struct driver_port *ports;
    uint32_t ports_count;
    struct driver_mbufs mbufs;
    struct driver_memory memory;
    struct driver_cores cores;
    struct driver_binding binding;
    /* How long a worker sleeps when no packets come; 0, the default: never. For machines that have other work too. */
    uint32_t idle_sleep_us;
    bool tested;
    char *tested_note; /* where, or what was missing */
    struct yaml_document *document;
};

MUST_USE int driver_file_load(const char *path, struct diagnostics *diagnostics, struct driver_file *file_out);
void driver_file_deinit(struct driver_file *file);

/* Bytes written: 40, 52, or 0 for NONE and DRIVER. */
uint32_t driver_rss_key_bytes(enum driver_rss_key key, uint8_t key_out[DRIVER_RSS_KEY_MAX]);
