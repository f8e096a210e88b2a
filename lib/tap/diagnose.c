/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Diagnosis. Each fault rests on something that a healthy tap cannot show, whatever the network does; so the thresholds
 * are there to keep single odd hosts and the edges of a capture from being taken for the tap:
 *
 *   count   at least so many, so that one connection or one burst is not enough;
 *   share   the share is, with TAP_CONFIDENCE, at least this: the lower bound of Wilson's interval for a proportion
 *           (E. B. Wilson, 1927), which stays honest for small numbers and shares near 0 and 1.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tap/doctor_private.h"

/* The 99.9 % point of the normal distribution: TAP_CONFIDENCE, one-sided. */
#define CONFIDENCE_Z 3.0902

struct criterion {
    const char *name;
    uint64_t count_min;
    double share_min;
    bool information;
    const char *change;
};

/*
 * Connections: eight, and a tenth of them: some networks have a few that are routed round the tap.
 * Packets: a hundredth or two: single senders repeat or delay packets in odd ways, taps do it to all.
 * Loss and cuts: proven by each case, so only the few at the edges of a capture must not count.
 */
static const struct criterion criteria[TAP_FAULT_COUNT] = {
    [TAP_ONE_DIRECTION] =
        {"one_direction", 8, 0.10, false,
         "mirror both directions (SPAN 'both', not 'rx' or 'tx'), connect both outputs of the tap, and "
         "mirror every path where routing is asymmetric"},
    [TAP_QUEUE_SPLIT] = {"queue_split", 8, 0.10, false,
                         "spread packets by a hash that is the same for both directions: a symmetric RSS key (rss_key: "
                         "symmetric-40 in the driver file), or symmetric hashing in the balancer in front"},
    [TAP_DUPLICATES] = {"duplicates", 20, 0.02, false,
                        "mirror each packet at one place: one direction of every port, or VLANs instead of ports, or "
                        "switch on deduplication in the aggregator; the copies cost time but no findings"},
    [TAP_SKEW] =
        {"skew", 10, 0.01, false,
         "bring both directions through one aggregator or equally long ways, and set workers.skew_ms above the "
         "delay"},
    [TAP_LOSS] =
        {"loss", 5, 0.00001, false,
         "look for a mirror port slower than the traffic of both directions together, for drops on it, and for "
         "missed packets in `assay status`; mirror less or through a faster port"},
    [TAP_SNAPPED] = {"snapped", 10, 0.001, false,
                     "capture whole frames: tcpdump -s 0, dumpcap -s 0, or no slicing in the aggregator"},
    [TAP_MIRROR_CUT] = {"mirror_cut", 10, 0.001, false,
                        "raise the MTU along the way of the mirror by the size of its tunnel headers (50 for VXLAN and "
                        "ERSPAN), and switch truncation off in the mirror session"},
    [TAP_VLAN_ASYMMETRY] =
        {"vlan_asymmetry", 8, 0.10, false,
         "mirror both directions at the same place of the path (both before or both behind the router "
         "or firewall), and do not separate address spaces by VLAN here"},
    [TAP_CLOCK] = {"clock", 1, 0, false,
                   "let chrony slew the clock of the capturing machine instead of setting it, or stamp packets in "
                   "hardware; join captures with mergecap, by time"},
    [TAP_CHECKSUM_OFFLOAD] = {"checksum_offload", 3, 0.01, true,
                              "nothing to mend: the card fills them in behind the capture; leave workers.checksum at "
                              "'accept'"},
};

/* Numbers of one fault, before it is decided whether they are enough. */
struct evidence {
    uint64_t count, of, extent;
};

static double share_of(uint64_t count, uint64_t of)
{
    return of ? (double)count / (double)of : 0;
}

static double share_lower_bound(uint64_t count, uint64_t of)
{
    if (of == 0)
        return 0;
    double n = (double)of, p = (double)count / n, z2 = CONFIDENCE_Z * CONFIDENCE_Z;
    double middle = p + z2 / (2 * n);
    double width = CONFIDENCE_Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    double bound = (middle - width) / (1 + z2 / n);
    return bound > 0 ? bound : 0;
}

static bool enough(enum tap_fault fault, uint64_t count, uint64_t of)
{
    return count >= criteria[fault].count_min && share_lower_bound(count, of) >= criteria[fault].share_min;
}

/* --- evidence ---------------------------------------------------------------------------------------------------- */

/* Connections of which one direction is missing, here the one and there the other, at the same servers. */
static bool split_unseen(const struct tap_doctor *doctor, const struct tap_tally *tally)
{
    uint64_t balanced = tap_server_balanced(doctor->context.servers);
    return enough(TAP_ONE_DIRECTION, tally->one_way, tally->one_way + tally->two_way) &&
           enough(TAP_QUEUE_SPLIT, min_u64(balanced, tally->one_way), tally->one_way);
}

static struct evidence evidence_of(const struct tap_tally *tally, enum tap_fault fault, bool unseen)
{
    struct evidence one_way = {tally->one_way, tally->one_way + tally->two_way, 0};
    struct evidence none = {0}, queues = {tally->queues_differ, tally->queues_known, 0};
    switch (fault) {
    case TAP_ONE_DIRECTION:
        return unseen ? none : one_way;
    case TAP_QUEUE_SPLIT:
        return unseen ? one_way : queues;
    case TAP_DUPLICATES:
        return (struct evidence){tally->repeated, tally->compared, 0};
    case TAP_SKEW:
        return (struct evidence){tally->late[TAP_CLIENT] + tally->late[TAP_SERVER], tally->segments,
                                 tally->late_max_ns};
    case TAP_LOSS:
        return (struct evidence){tally->holes, tally->segments + tally->holes, tally->hole_bytes};
    case TAP_SNAPPED:
        return (struct evidence){tally->cut_frames, tally->frames, tally->cut_size_max};
    case TAP_MIRROR_CUT:
        return (struct evidence){tally->short_packets, tally->complete, tally->short_size_max};
    case TAP_VLAN_ASYMMETRY:
        return (struct evidence){tally->tags_differ, tally->tags_known, 0};
    case TAP_CLOCK:
        return (struct evidence){tally->steps_back + tally->steps_forward, tally->frames, tally->step_max_ns};
    default:
        return (struct evidence){tally->sums_bad_sides, tally->sums_sides, 0};
    }
}

/* --- sentences --------------------------------------------------------------------------------------------------- */

/* "no tag", "VLAN 10", "VLAN 10.20". */
static void tags_print(uint32_t tags, char *text, size_t size)
{
    if (tags == 0)
        snprintf(text, size, "no tag");
    else if (tags >> 12)
        snprintf(text, size, "VLAN %" PRIu32 ".%" PRIu32, tags >> 12 & 0xfff, tags & 0xfff);
    else
        snprintf(text, size, "VLAN %" PRIu32, tags);
}

/* The largest unit that leaves at least two digits: "340 us", "12 ms", "7200 s". */
static void time_print(uint64_t time_ns, char *text, size_t size)
{
    if (time_ns >= UINT64_C(10000000000))
        snprintf(text, size, "%" PRIu64 " s", time_ns / UINT64_C(1000000000));
    else if (time_ns >= UINT64_C(10000000))
        snprintf(text, size, "%" PRIu64 " ms", time_ns / UINT64_C(1000000));
    else
        snprintf(text, size, "%" PRIu64 " us", time_ns / UINT64_C(1000));
}

static const char *role_name(bool server)
{
    return server ? "servers" : "clients";
}

static void say_one_direction(const struct tap_doctor *doctor, const struct tap_tally *tally,
                              struct tap_diagnosis *diagnosis)
{
    uint64_t seen[2] = {0};
    for (uint32_t i = 0; i < SERVERS_MAX; i++) {
        seen[TAP_CLIENT] += doctor->context.servers[i].one_way[TAP_CLIENT];
        seen[TAP_SERVER] += doctor->context.servers[i].one_way[TAP_SERVER];
    }
    bool server_missing = seen[TAP_CLIENT] >= seen[TAP_SERVER];
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "one direction is missing: of %" PRIu64 " connections %" PRIu64
             " (%.1f %%) show one side only, which acknowledges bytes that never came by; mostly the packets of the %s "
             "are missing",
             tally->one_way + tally->two_way, tally->one_way, diagnosis->share * 100, role_name(server_missing));
}

static void say_queue_split(const struct tap_tally *tally, bool unseen, struct tap_diagnosis *diagnosis)
{
    if (unseen)
        snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
                 "queues share connections wrongly: of %" PRIu64 " connections %" PRIu64
                 " (%.1f %%) show one direction only, the same servers' packets in some and their clients' in others",
                 diagnosis->of, diagnosis->count, diagnosis->share * 100);
    else
        snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
                 "queues share connections wrongly: the two directions of %" PRIu64 " of %" PRIu64
                 " connections (%.1f %%) go to different queues, for example %u and %u",
                 diagnosis->count, diagnosis->of, diagnosis->share * 100, tally->queues_example[TAP_CLIENT],
                 tally->queues_example[TAP_SERVER]);
}

static void say_duplicates(const struct tap_tally *tally, struct tap_diagnosis *diagnosis)
{
    const char *how = "; the copies are alike, as from a SPAN of both ports of a path";
    if (tally->repeated_tags * 2 > tally->repeated)
        how = "; most copies have other VLAN tags, as from a SPAN of several VLANs";
    else if (tally->repeated_port * 2 > tally->repeated)
        how = "; most copies come in by another port";
    else if (tally->repeated_hops * 2 > tally->repeated)
        how = "; most copies have another hop count, as from both sides of a router";
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "packets come twice: %" PRIu64 " of %" PRIu64 " (%.1f %%) are copies of one just before%s",
             diagnosis->count, diagnosis->of, diagnosis->share * 100, how);
}

static void say_skew(const struct tap_tally *tally, struct tap_diagnosis *diagnosis)
{
    char mean[32], most[32];
    time_print(tally->late_sum_ns / (tally->late_measured ? tally->late_measured : 1), mean, sizeof(mean));
    time_print(tally->late_max_ns, most, sizeof(most));
    uint64_t servers = tally->late[TAP_SERVER], clients = tally->late[TAP_CLIENT];
    const char *who = role_name(servers > clients);
    if (servers < clients * 4 && clients < servers * 4)
        who = "both sides";
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "the directions are out of step: %" PRIu64 " of %" PRIu64
             " data packets (%.1f %%) came behind their own acknowledgement, %s late on average, %s at most; late is "
             "what the %s sent",
             diagnosis->count, diagnosis->of, diagnosis->share * 100, mean, most, who);
}

static void say_loss(struct tap_diagnosis *diagnosis)
{
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "the tap loses packets: at least %" PRIu64 " holes, %" PRIu64
             " bytes, in streams whose receivers had everything; %.3f %% of the data packets",
             diagnosis->count, diagnosis->extent, diagnosis->share * 100);
}

static void say_cut(enum tap_fault fault, struct tap_diagnosis *diagnosis)
{
    const char *how = fault == TAP_SNAPPED ? "the capture kept only the front of frames"
                                           : "frames were cut before they were captured";
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "%s: %" PRIu64 " of %" PRIu64 " (%.1f %%), at most %" PRIu64 " bytes of each are there", how,
             diagnosis->count, diagnosis->of, diagnosis->share * 100, diagnosis->extent);
}

static void say_vlan_asymmetry(const struct tap_tally *tally, struct tap_diagnosis *diagnosis)
{
    char client[32], server[32];
    tags_print(tally->tags_example[TAP_CLIENT], client, sizeof(client));
    tags_print(tally->tags_example[TAP_SERVER], server, sizeof(server));
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "the directions carry different tags: %" PRIu64 " of %" PRIu64
             " connections (%.1f %%), for example the client's packets %s and the server's %s",
             diagnosis->count, diagnosis->of, diagnosis->share * 100, client, server);
}

static void say_clock(const struct tap_tally *tally, struct tap_diagnosis *diagnosis)
{
    char most[32];
    time_print(tally->step_max_ns, most, sizeof(most));
    snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
             "the clock was set while packets were captured: %" PRIu64 " steps backward, %" PRIu64
             " forward, the largest of %s",
             tally->steps_back, tally->steps_forward, most);
}

static void say(const struct tap_doctor *doctor, const struct tap_tally *tally, bool unseen,
                struct tap_diagnosis *diagnosis)
{
    switch (diagnosis->fault) {
    case TAP_ONE_DIRECTION:
        say_one_direction(doctor, tally, diagnosis);
        break;
    case TAP_QUEUE_SPLIT:
        say_queue_split(tally, unseen, diagnosis);
        break;
    case TAP_DUPLICATES:
        say_duplicates(tally, diagnosis);
        break;
    case TAP_SKEW:
        say_skew(tally, diagnosis);
        break;
    case TAP_LOSS:
        say_loss(diagnosis);
        break;
    case TAP_SNAPPED:
    case TAP_MIRROR_CUT:
        say_cut(diagnosis->fault, diagnosis);
        break;
    case TAP_VLAN_ASYMMETRY:
        say_vlan_asymmetry(tally, diagnosis);
        break;
    case TAP_CLOCK:
        say_clock(tally, diagnosis);
        break;
    default:
        snprintf(diagnosis->sentence, TAP_SENTENCE_SIZE,
                 "captured on a sending host: %" PRIu64 " of %" PRIu64
                 " halves of connections (%.1f %%) carry checksums that the card had yet to fill in",
                 diagnosis->count, diagnosis->of, diagnosis->share * 100);
    }
}

/* --- the interface ----------------------------------------------------------------------------------------------- */

uint32_t tap_doctor_diagnose(const struct tap_doctor *doctor, struct tap_diagnosis diagnoses_out[TAP_FAULT_COUNT])
{
    struct tap_tally tally;
    tap_doctor_tally(doctor, &tally);
    bool unseen = split_unseen(doctor, &tally);
    uint32_t found = 0;
    for (uint32_t fault = 0; fault < TAP_FAULT_COUNT; fault++) {
        struct evidence evidence = evidence_of(&tally, (enum tap_fault)fault, unseen);
        if (!enough((enum tap_fault)fault, evidence.count, evidence.of))
            continue;
        struct tap_diagnosis *diagnosis = &diagnoses_out[found++];
        *diagnosis = (struct tap_diagnosis){.fault = (enum tap_fault)fault,
                                            .information = criteria[fault].information,
                                            .count = evidence.count,
                                            .of = evidence.of,
                                            .share = share_of(evidence.count, evidence.of),
                                            .share_min = share_lower_bound(evidence.count, evidence.of),
                                            .extent = evidence.extent,
                                            .change = criteria[fault].change};
        say(doctor, &tally, unseen, diagnosis);
    }
    return found;
}

const char *tap_fault_name(enum tap_fault fault)
{
    return fault < TAP_FAULT_COUNT ? criteria[fault].name : "unknown";
}
