/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Flow timers: a time less than a turn of the fine ring away goes there, all others into the coarse one; a coarse slot
 * is emptied when its second begins, and its flows find their fine slot then.
 */

#include "flow/timer.h"

#include <errno.h>

size_t flow_timers_size(void)
{
    return FLOW_TIMER_SLOTS * sizeof(uint32_t) + CACHE_LINE;
}

int flow_timers_init(struct flow_timers *timers, struct arena *arena, struct flow *flows)
{
    *timers = (struct flow_timers){.flows = flows, .slots = arena_take_array(arena, uint32_t, FLOW_TIMER_SLOTS)};
    return timers->slots ? 0 : -ENOMEM;
}

static uint32_t slot_of(const struct flow_timers *timers, uint64_t time_ns)
{
    uint64_t tick = time_ns >> FLOW_TIMER_FINE_SHIFT;
    if (tick < timers->tick)
        tick = timers->tick;
    if (tick - timers->tick < FLOW_TIMER_FINE_SLOTS)
        return (uint32_t)(tick % FLOW_TIMER_FINE_SLOTS);
    uint64_t now = timers->tick / FLOW_TIMER_FINE_SLOTS;
    uint64_t second = tick / FLOW_TIMER_FINE_SLOTS;
    if (second - now >= FLOW_TIMER_COARSE_SLOTS)
        second = now + FLOW_TIMER_COARSE_SLOTS - 1;
    return FLOW_TIMER_FINE_SLOTS + (uint32_t)(second % FLOW_TIMER_COARSE_SLOTS);
}

void flow_timers_add(struct flow_timers *timers, struct flow *flow, uint64_t time_ns)
{
    if (!timers->started) {
        timers->tick = flow->start_ns >> FLOW_TIMER_FINE_SHIFT;
        timers->started = true;
    }
    uint32_t slot = slot_of(timers, time_ns);
    uint32_t reference = (uint32_t)(flow - timers->flows) + 1;
    flow->timer_ns = time_ns;
    flow->timer_slot = (uint16_t)slot;
    flow->timer_previous = 0;
    flow->timer_next = timers->slots[slot];
    if (flow->timer_next)
        timers->flows[flow->timer_next - 1].timer_previous = reference;
    timers->slots[slot] = reference;
}

void flow_timers_remove(struct flow_timers *timers, struct flow *flow)
{
    if (flow->timer_previous)
        timers->flows[flow->timer_previous - 1].timer_next = flow->timer_next;
    else
        timers->slots[flow->timer_slot] = flow->timer_next;
    if (flow->timer_next)
        timers->flows[flow->timer_next - 1].timer_previous = flow->timer_previous;
    flow->timer_previous = flow->timer_next = 0;
    flow->timer_ns = FLOW_TIMER_NEVER;
}

/* The first flow of the slots that are due at the current tick: the coarse one that begins with it, then the fine one.
 */
static struct flow *first_of_tick(const struct flow_timers *timers)
{
    uint32_t reference = 0;
    if (timers->tick % FLOW_TIMER_FINE_SLOTS == 0) {
        uint64_t second = timers->tick / FLOW_TIMER_FINE_SLOTS;
        reference = timers->slots[FLOW_TIMER_FINE_SLOTS + second % FLOW_TIMER_COARSE_SLOTS];
    }
    if (!reference)
        reference = timers->slots[timers->tick % FLOW_TIMER_FINE_SLOTS];
    return reference ? &timers->flows[reference - 1] : NULL;
}

struct flow *flow_timers_next(struct flow_timers *timers, uint64_t now_ns, uint32_t *steps_left)
{
    uint64_t target = now_ns >> FLOW_TIMER_FINE_SHIFT;
    /* The slot of the present is not touched: its flows are not all due, and would be put back into it for ever. */
    for (; timers->started && timers->tick < target && *steps_left; timers->tick++, (*steps_left)--) {
        struct flow *flow = first_of_tick(timers);
        if (!flow)
            continue;
        flow_timers_remove(timers, flow);
        return flow;
    }
    return NULL;
}
