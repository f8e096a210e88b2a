/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tap doctor
 *
 * Names the faults of a tap from its traffic alone: a direction that does not arrive, packets that come twice, two
 * ports that run apart, cut frames, lost packets, tags that differ by direction, queues that share connections wrongly,
 * a clock that jumps. A fault is named only when the traffic leaves no other reading and there is enough of it: a
 * network that loses, repeats and reorders is no faulty tap. Thresholds and their reasons are in diagnose.c.
 *
 * Memory:  tap_doctor_size() bytes of the arena; none later.
 * Threads: one owner.
 * Limits:  settings.connections are followed at a time; beyond them the least recently seen of eight is judged early.
 * Errors:  traffic is never one; tap_doctor_new() returns -EINVAL or -ENOMEM.
 * Sources: RFC 9293 (sequence numbers), 7323 (timestamps); IEEE 802.1Q (tags).
 */

#include "base/arena.h"
#include "base/hash.h"
#include "net/net_packet.h"

#define TAP_SENTENCE_SIZE 320 /* the longest sentence, with all numbers at their largest, has about 250 */

enum tap_fault {
    TAP_ONE_DIRECTION,    /* connections of which one direction never arrives */
    TAP_QUEUE_SPLIT,      /* the two directions of a connection go to different queues or workers */
    TAP_DUPLICATES,       /* the same packet more than once */
    TAP_SKEW,             /* one direction arrives late: acknowledgements before what they acknowledge */
    TAP_LOSS,             /* bytes that the receiver had and the tap did not bring */
    TAP_SNAPPED,          /* the capture kept only the front of frames */
    TAP_MIRROR_CUT,       /* frames arrived already shorter than their headers say */
    TAP_VLAN_ASYMMETRY,   /* the two directions carry different tags */
    TAP_CLOCK,            /* time stamps step backward, or far forward while traffic went on */
    TAP_CHECKSUM_OFFLOAD, /* captured on the sending host, before the card filled the checksums in */
    TAP_FAULT_COUNT
};

struct tap_settings {
    uint32_t connections; /* followed at a time: rounded up to a power of two; at most TAP_CONNECTIONS_MAX */
    struct hash_key key;
};

#define TAP_CONNECTIONS_MAX (1u << 20) /* 192 MiB: a larger sample says nothing more */

/* What was looked at, whatever came of it. */
struct tap_counts {
    uint64_t frames;
    uint64_t packets;     /* of TCP, decoded */
    uint64_t connections; /* judged */
    uint64_t crowded_out; /* of them judged early for want of room */
};

struct tap_diagnosis {
    enum tap_fault fault;
    bool information; /* true: worth knowing, nothing to mend */
    uint64_t count;   /* times seen ... */
    uint64_t of;      /* ... out of so many */
    double share;     /* count / of */
    double share_min; /* the share is at least this, with TAP_CONFIDENCE */
    uint64_t extent;  /* how bad: nanoseconds of skew or jump, bytes lost, bytes kept of a frame; 0: no such figure */
    char sentence[TAP_SENTENCE_SIZE]; /* what is wrong, with numbers */
    const char *change;               /* what to change */
};

/* One chance in a thousand to name a fault that the share of it does not warrant, for each fault. */
#define TAP_CONFIDENCE 0.999

struct tap_doctor;

/* 8192 connections, 2 MiB; the key is left zero. */
void tap_settings_default(struct tap_settings *settings_out);

size_t tap_doctor_size(const struct tap_settings *settings);
MUST_USE int tap_doctor_new(struct tap_doctor **doctor_out, struct arena *arena, const struct tap_settings *settings);

/*
 * Looks at a burst: all its frames, and the packets that net_decode_burst() made of them, in its order; each packet's
 * `packet` points into `frames`. How traffic is cut into bursts makes no difference.
 */
void tap_doctor_burst(struct tap_doctor *doctor, const struct packet *frames, uint32_t frame_count,
                      const struct net_packet *packets, uint32_t packet_count);

/* The next frame is of another capture: its clock and its connections have nothing to do with those before. */
void tap_doctor_cut(struct tap_doctor *doctor);

/* The faults found so far, in the order of enum tap_fault; returns how many. Slow path; any time, also more than once.
 */
uint32_t tap_doctor_diagnose(const struct tap_doctor *doctor, struct tap_diagnosis diagnoses_out[TAP_FAULT_COUNT]);

void tap_doctor_counts(const struct tap_doctor *doctor, struct tap_counts *counts_out);

/* "one_direction", "queue_split" ... never NULL. */
const char *tap_fault_name(enum tap_fault fault);
