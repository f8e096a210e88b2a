/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of capture/ports: shared by the files that set ports up (ports.c) and that take packets from them (queue.c).
 */

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "capture/ports.h"

/* Frames that came in several buffers are put together here; the largest one a NIC hands over without LRO is below
 * this. */
#define LINEAR_SIZE 16384u

/* The clock: wall time = monotonic time + offset. Written by the control thread, read by the workers. */
struct capture_clock {
    int64_t offset_ns;
};

struct capture_queue {
    uint16_t port_id;
    uint16_t queue_id;
    uint16_t buffer_count; /* of the burst that is out */
    int timestamp_offset;  /* of the NIC's time in an mbuf; negative: none */
    uint64_t timestamp_flag;
    uint64_t last_ns;
    uint64_t packets; /* taken so far; read by the control thread, relaxed */
    const struct capture_clock *clock;
    uint8_t *linear; /* PACKET_BURST_MAX slots of LINEAR_SIZE */
    struct rte_mbuf *buffers[PACKET_BURST_MAX];
} CACHE_ALIGNED;

struct capture_port {
    char name[64];
    uint16_t port_id;
    uint16_t queue_count;
    /*
     * A kernel interface behind net_af_packet: that driver does not tell what its ring was too full for, so the
     * kernel's own count of the interface is the witness.
     */
    char interface[64]; /* "": none */
    uint64_t kernel_start;
    uint64_t kernel_before; /* as of the reading before this one */
    uint64_t kernel_missed;
};

struct capture_ports {
    struct eal_arguments *arguments; /* DPDK keeps pointers into them for as long as it runs */
    uint32_t port_count;
    struct capture_port ports[DRIVER_PORTS_MAX];
    uint32_t queue_count;
    struct capture_queue *queues;
    uint32_t worker_count;
    uint32_t worker_cores[DRIVER_WORKERS_MAX];
    struct capture_clock clock;
};
