/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tap ports
 *
 * DPDK ports as a driver file (drivers-config/) describes them. Receive only: no transmit queue is ever set up, so that
 * nothing can leave on a tap port.
 *
 * Memory:  packet buffers from DPDK's own pools, set up at start; huge pages where the driver file asks for them.
 * Threads: capture_ports_start() and the statistics belong to the control thread; each queue to one worker.
 * Errors:  -errno with the reason, and what to do about it, in the diagnostics.
 */

#include "base/diagnostics.h"
#include "base/ledger.h"
#include "config/driver_file.h"
#include "net/packet.h"

struct capture_ports;
struct capture_queue;

/*
 * Starts DPDK and every port of the driver file, with `worker_count` queues in all to be shared out. Once a process:
 * DPDK cannot be started twice.
 */
MUST_USE int capture_ports_start(const struct driver_file *driver, uint32_t worker_count,
                                 struct diagnostics *diagnostics, struct capture_ports **ports_out);
void capture_ports_stop(struct capture_ports *ports);

/* Queues of all ports together. Queue i belongs to worker i % worker_count. */
uint32_t capture_ports_queue_count(const struct capture_ports *ports);
struct capture_queue *capture_ports_queue(struct capture_ports *ports, uint32_t index);

/*
 * Takes up to PACKET_BURST_MAX packets; 0 when there are none. They stay valid until capture_queue_release(), which
 * must come before the next burst of the same queue.
 */
uint32_t capture_queue_burst(struct capture_queue *queue, struct packet packets_out[PACKET_BURST_MAX]);
void capture_queue_release(struct capture_queue *queue);

/* The time that a packet coming in now would be stamped with (where the NIC stamps none itself). */
uint64_t capture_queue_now(struct capture_queue *queue);

/* The same without a queue, for a worker that has none. */
uint64_t capture_ports_now(const struct capture_ports *ports);

/* Runs `function(argument)` on the i-th worker core / waits for all of them. */
MUST_USE int capture_ports_launch(struct capture_ports *ports, uint32_t worker, int (*function)(void *),
                                  void *argument);
void capture_ports_wait(struct capture_ports *ports);

/*
 * What the NICs say they received and lost since the start. Read about once a second: what a kernel interface lost is
 * known one reading later, when everything that came in before has been taken.
 */
struct capture_port_statistics {
    char name[64];
    uint64_t received_packets;
    uint64_t received_bytes;
    uint64_t missed_packets; /* ring full */
    uint64_t error_packets;
    uint64_t no_buffer_packets;
    uint32_t queue_count;
    uint64_t queue_packets[DRIVER_QUEUES_MAX]; /* taken by the workers */
    uint64_t queue_errors[DRIVER_QUEUES_MAX];  /* where the NIC tells them, for the first 16 */
};

uint32_t capture_ports_count(const struct capture_ports *ports);
void capture_ports_statistics(struct capture_ports *ports, uint32_t port,
                              struct capture_port_statistics *statistics_out);

/* The clock packets are stamped with: follows the wall clock, never goes back. Call about once a second. */
void capture_ports_tick(struct capture_ports *ports);
