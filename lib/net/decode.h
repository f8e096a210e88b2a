/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packet decoder
 *
 * From frames to TCP segments: strips the link layer and every tunnel, puts IP fragments together, reads the TCP
 * header. Where the settings ask for it, UDP datagrams that may be encrypted are handed out beside them. Accounts for
 * every frame: each is received in the ledger once, and settled here unless it becomes a net_packet; then whoever takes
 * the net_packet settles it, with the net_packet's weight.
 *
 * Memory:  all from the arena given to net_decoder_new(); none later. A net_packet points into the frames of its burst
 *          or into the decoder's reassembly memory; both are valid until the next net_decode_burst().
 * Threads: one owner.
 * Limits:  NET_LAYERS_MAX tunnels; the fragment limits of the settings, the oldest datagram goes first.
 * Errors:  traffic is never one; see enum ledger_reason and enum net_counter.
 * Sources: IEEE 802.3, 802.1Q; RFC 791, 815, 1858, 8200, 5722, 6946 (fragments); 9293 (TCP); 3032, 4385 (MPLS); 2516
 *          (PPPoE); 2784, 2890, 7637 (GRE); draft-foschiano-erspan; 7348 (VXLAN); 8926 (GENEVE); 3GPP TS 29.281
 * (GTP-U).
 */

#include "base/arena.h"
#include "base/hash.h"
#include "base/ledger.h"
#include "net/net_packet.h"
#include "net/packet.h"

#define NET_LAYERS_MAX      TUNNELS_MAX /* what the endpoints can name; deeper nesting is LEDGER_TUNNEL_DEPTH */
#define NET_VXLAN_PORTS_MAX 8           /* the two usual ports, one a cloud, and room */

enum net_checksum_mode {
    NET_CHECKSUM_OFF,   /* not looked at */
    NET_CHECKSUM_COUNT, /* looked at and counted: mirrors of sending hosts show sums the NIC had yet to fill in */
    NET_CHECKSUM_DROP,  /* a bad TCP checksum settles the packet as LEDGER_CHECKSUM: the receiver dropped it too */
};

struct net_settings {
    struct hash_key key;                       /* for the fragment table and for domains */
    uint16_t vxlan_ports[NET_VXLAN_PORTS_MAX]; /* UDP destination ports */
    uint32_t vxlan_port_count;
    uint32_t domain_kinds;        /* set of 1u << enum tunnel_kind whose ids separate address spaces */
    uint32_t fragment_datagrams;  /* incomplete datagrams held; each reserves 66 KiB */
    uint32_t fragment_bytes;      /* frame bytes held in all */
    uint64_t fragment_timeout_ns; /* packet time from a datagram's first fragment to giving it up */
    enum net_checksum_mode checksum;
    bool datagrams; /* hand out UDP datagrams that DTLS or QUIC may have sent, too */
};

enum net_counter {
    NET_COUNTER_TCP_CHECKSUM_BAD,
    NET_COUNTER_IP_CHECKSUM_BAD,
    NET_COUNTER_FRAGMENTS,          /* fragments taken in */
    NET_COUNTER_REASSEMBLED,        /* datagrams made whole */
    NET_COUNTER_FRAGMENT_CONFLICTS, /* datagrams whose fragments contradict each other */
    NET_COUNTER_FRAGMENT_EXPIRED,   /* datagrams given up: time */
    NET_COUNTER_FRAGMENT_EVICTED,   /* datagrams given up: budget */
    NET_COUNTER_PAYLOAD_CUT,        /* TCP packets with payload_missing */
    NET_COUNTER_COUNT
};

struct net_decoder;

/* Ports 4789 and 8472, no domains, 128 datagrams, 4 MiB, 30 s, checksums counted. The key is left zero. */
void net_settings_default(struct net_settings *settings_out);

/* Bytes of arena that net_decoder_new() takes. */
size_t net_decoder_size(const struct net_settings *settings);

/* Returns 0, -EINVAL when a setting is out of range, -ENOMEM when the arena is too small. */
MUST_USE int net_decoder_new(struct net_decoder **decoder_out, struct arena *arena,
                             const struct net_settings *settings);

/*
 * Decodes `count` <= PACKET_BURST_MAX frames. Returns how many packets are ready in packets_out[], in the order of
 * their frames; the other frames are settled, or pending as held fragments.
 */
uint32_t net_decode_burst(struct net_decoder *decoder, struct ledger *ledger, const struct packet *packets,
                          uint32_t count, struct net_packet packets_out[PACKET_BURST_MAX]);

/* Gives up datagrams begun before now_ns - timeout: settles their fragments. For idle moments; bursts do it as well. */
void net_decoder_expire(struct net_decoder *decoder, struct ledger *ledger, uint64_t now_ns);

/* Gives up every held datagram: the end of the run. */
void net_decoder_flush(struct net_decoder *decoder, struct ledger *ledger);

/* Since the start. A reader in another thread sees a recent value. */
uint64_t net_decoder_counter(const struct net_decoder *decoder, enum net_counter counter);

/* Stable lower-case name and a sentence of help. Never NULL. */
const char *net_counter_name(enum net_counter counter);
const char *net_counter_help(enum net_counter counter);

/* Keyed, over addresses, ports and domain; the same for both directions of a connection. */
uint64_t net_hash(const struct hash_key *key, const struct net_packet *packet);
