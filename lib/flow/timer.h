/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow timers
 *
 * A wheel of two rings, milliseconds and seconds, in which each flow stands once, at the earliest time at which it may
 * need attention. Being too early is harmless: the flow is looked at and put back. So a flow that gets a packet is not
 * moved, which is what keeps timers out of the packet path.
 *
 * Memory:  arena, two arrays of list heads; the links are in the flows.
 * Threads: one owner.
 * Limits:  times further away than the outer ring are looked at once a turn of it (73 minutes).
 */

#include "base/arena.h"
#include "flow/flow.h"

#define FLOW_TIMER_NEVER UINT64_MAX

#define FLOW_TIMER_FINE_SHIFT   20 /* ns: 1.05 ms, finer than any skew window that makes sense */
#define FLOW_TIMER_FINE_SLOTS   1024u
#define FLOW_TIMER_COARSE_SHIFT 30 /* ns: 1.07 s, one turn of the fine ring */
#define FLOW_TIMER_COARSE_SLOTS 4096u
#define FLOW_TIMER_SLOTS        (FLOW_TIMER_FINE_SLOTS + FLOW_TIMER_COARSE_SLOTS)

struct flow_timers {
    struct flow *flows; /* flow `reference` is flows[reference - 1]; 0 is none */
    uint32_t *slots;    /* first flow of each: fine ones, then coarse ones */
    uint64_t tick;      /* fine ticks before this one are done */
    bool started;
};

size_t flow_timers_size(void);
MUST_USE int flow_timers_init(struct flow_timers *timers, struct arena *arena, struct flow *flows);

/* The flow is looked at when `time_ns` has come; it must not stand in the wheel. The first call sets the wheel's time.
 */
void flow_timers_add(struct flow_timers *timers, struct flow *flow, uint64_t time_ns);
void flow_timers_remove(struct flow_timers *timers, struct flow *flow);

/*
 * Takes out the next flow whose time has come by `now_ns`, or NULL: none, or *steps_left slots were passed. The flow
 * may be early by a slot.
 */
struct flow *flow_timers_next(struct flow_timers *timers, uint64_t now_ns, uint32_t *steps_left);
