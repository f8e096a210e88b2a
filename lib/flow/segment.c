/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Segments: singly linked lists in pools. Packets come nearly in order, so most are added at the tail; only those that
 * fill a hole between two held ones walk, and the walk is bounded by what a flow may hold.
 */

#include "flow/segment.h"

#include <errno.h>

int flow_segments_init(struct flow_segments *segments, struct arena *arena, uint32_t count)
{
    int error = pool_init(&segments->pool, arena, FLOW_SEGMENT_SIZE, count);
    segments->base = error ? NULL : segments->pool.fresh;
    return error;
}

static uint32_t segment_take(struct flow_segments *segments)
{
    uint8_t *memory = pool_take(&segments->pool);
    return memory ? (uint32_t)((size_t)(memory - segments->base) / FLOW_SEGMENT_SIZE) + 1 : 0;
}

void flow_piece_cut_before(struct flow_piece *piece, uint32_t sequence)
{
    uint32_t cut = sequence - piece->sequence;
    uint32_t cut_data = min_u32(cut, piece->size);
    piece->sequence = sequence;
    piece->data = piece->data ? piece->data + cut_data : NULL;
    piece->size -= cut_data;
    piece->lost -= cut - cut_data;
}

void flow_piece_cut_from(struct flow_piece *piece, uint32_t sequence)
{
    uint32_t left = sequence - piece->sequence;
    piece->size = min_u32(piece->size, left);
    piece->lost = left - piece->size;
}

/* The bytes both have; empty where one of them has only a hole. */
static bool overlap_of(const struct flow_segment *segment, const struct flow_piece *piece, struct span *old_out,
                       struct span *new_out)
{
    uint32_t from = sequence_before(segment->sequence, piece->sequence) ? piece->sequence : segment->sequence;
    uint32_t old_end = segment->sequence + segment->size, new_end = piece->sequence + piece->size;
    uint32_t to = sequence_before(old_end, new_end) ? old_end : new_end;
    if (!sequence_before(from, to))
        return false;
    *old_out = span_of(segment->data + (from - segment->sequence), to - from);
    *new_out = span_of(piece->data + (from - piece->sequence), to - from);
    return true;
}

static bool segment_differs(const struct flow_segment *segment, const struct flow_piece *piece, uint32_t *compared)
{
    struct span old_bytes, new_bytes;
    if (!overlap_of(segment, piece, &old_bytes, &new_bytes))
        return false;
    *compared += old_bytes.size;
    return !span_equal(old_bytes, new_bytes);
}

static void segment_replace(struct flow_segment *segment, const struct flow_piece *piece)
{
    struct span old_bytes, new_bytes;
    if (overlap_of(segment, piece, &old_bytes, &new_bytes))
        memcpy(segment->data + (old_bytes.data - segment->data), new_bytes.data, new_bytes.size);
}

static uint32_t segments_needed(uint32_t size, uint32_t lost)
{
    uint32_t count = (size + FLOW_SEGMENT_DATA - 1) / FLOW_SEGMENT_DATA + (lost ? 1 : 0);
    return count ? count : 1;
}

/* Where the walk over the held list stands. */
struct hold_walk {
    struct flow_segments *segments;
    struct flow_side *side;
    struct flow_segment *previous; /* NULL: before the first */
    uint32_t current;              /* reference */
};

static struct hold_walk walk_from(struct flow_segments *segments, struct flow_side *side, uint32_t sequence)
{
    struct flow_segment *last = flow_segment_at(segments, side->held_last);
    if (last && !sequence_before(sequence, flow_segment_end(last)))
        return (struct hold_walk){segments, side, last, 0};
    return (struct hold_walk){segments, side, NULL, side->held_first};
}

/* Past the segments that end at or before `sequence`. */
static void walk_skip(struct hold_walk *walk, uint32_t sequence)
{
    struct flow_segment *current = flow_segment_at(walk->segments, walk->current);
    while (current && !sequence_before(sequence, flow_segment_end(current))) {
        walk->previous = current;
        walk->current = current->next;
        current = flow_segment_at(walk->segments, walk->current);
    }
}

/* The new bytes from `sequence` on before the next held one: returns their end. */
static uint32_t free_until(const struct flow_segment *current, uint32_t end)
{
    return current && sequence_before(current->sequence, end) ? current->sequence : end;
}

static void walk_insert_one(struct hold_walk *walk, const struct flow_piece *part)
{
    uint32_t reference = segment_take(walk->segments);
    require(reference != 0); /* room was counted before */
    struct flow_segment *segment = flow_segment_at(walk->segments, reference);
    segment->next = walk->current;
    segment->sequence = part->sequence;
    segment->size = part->size;
    segment->lost = part->lost;
    segment->acknowledgement = part->acknowledgement;
    segment->acknowledges = part->acknowledges;
    segment->packets = part->packets;
    segment->bytes = part->bytes;
    segment->time_ns = part->time_ns;
    segment->arrival_ns = part->arrival_ns;
    if (part->size)
        memcpy(segment->data, part->data, part->size);
    if (walk->previous)
        walk->previous->next = reference;
    else
        walk->side->held_first = reference;
    if (!walk->current)
        walk->side->held_last = reference;
    walk->side->held_count++;
    walk->previous = segment;
}

/* Inserts [piece->sequence, end) in parts that fit; the weight goes with the first. */
static void walk_insert(struct hold_walk *walk, struct flow_piece *piece, uint32_t end)
{
    do {
        struct flow_piece part = *piece;
        uint32_t part_end = end;
        if (part.size > FLOW_SEGMENT_DATA)
            part_end = part.sequence + FLOW_SEGMENT_DATA;
        else if (part.size && part.lost)
            part_end = part.sequence + part.size;
        if (sequence_before(end, part_end))
            part_end = end;
        flow_piece_cut_from(&part, part_end);
        walk_insert_one(walk, &part);
        flow_piece_cut_before(piece, part_end);
        piece->packets = piece->bytes = 0;
    } while (piece->sequence != end);
}

/* How many segments the new bytes of the piece need; 0: none are new. Sees conflicts on the way. */
static uint32_t hold_plan(struct hold_walk walk, struct flow_piece piece, bool *conflict_out)
{
    uint32_t end = flow_piece_end(&piece), needed = 0, compared = 0;
    if (piece.sequence == end)
        return walk.side->held_last && walk.current ? 0 : 1;
    while (sequence_before(piece.sequence, end)) {
        walk_skip(&walk, piece.sequence);
        struct flow_segment *current = flow_segment_at(walk.segments, walk.current);
        uint32_t until = free_until(current, end);
        if (sequence_before(piece.sequence, until)) {
            struct flow_piece part = piece;
            flow_piece_cut_from(&part, until);
            needed += segments_needed(part.size, part.lost);
        } else {
            *conflict_out |= segment_differs(current, &piece, &compared);
            until = flow_segment_end(current);
            until = sequence_before(until, end) ? until : end;
        }
        flow_piece_cut_before(&piece, until);
    }
    return needed;
}

enum flow_hold flow_hold_add(struct flow_segments *segments, struct flow_side *side, const struct flow_piece *whole,
                             uint32_t count_max, bool replace, bool *conflict_out)
{
    struct flow_piece piece = *whole;
    struct hold_walk walk = walk_from(segments, side, piece.sequence);
    uint32_t needed = hold_plan(walk, piece, conflict_out);
    if (needed == 0 && !replace)
        return FLOW_HOLD_DUPLICATE;
    if (side->held_count + needed > count_max || needed > segments->pool.count - segments->pool.used_count)
        return FLOW_HOLD_NO_ROOM;
    uint32_t end = flow_piece_end(&piece);
    if (piece.sequence == end && needed)
        walk_insert(&walk, &piece, end);
    while (sequence_before(piece.sequence, end)) {
        walk_skip(&walk, piece.sequence);
        struct flow_segment *current = flow_segment_at(segments, walk.current);
        uint32_t until = free_until(current, end);
        if (sequence_before(piece.sequence, until)) {
            walk_insert(&walk, &piece, until);
            continue;
        }
        if (replace)
            segment_replace(current, &piece);
        until = flow_segment_end(current);
        flow_piece_cut_before(&piece, sequence_before(until, end) ? until : end);
    }
    return needed ? FLOW_HOLD_TAKEN : FLOW_HOLD_DUPLICATE;
}

void flow_hold_drop_first(struct flow_segments *segments, struct flow_side *side)
{
    struct flow_segment *first = flow_segment_at(segments, side->held_first);
    side->held_first = first->next;
    if (!side->held_first)
        side->held_last = 0;
    side->held_count--;
    pool_give(&segments->pool, first);
}

static void keep_drop_first(struct flow_segments *segments, struct flow_side *side)
{
    struct flow_segment *first = flow_segment_at(segments, side->kept_first);
    side->kept_first = first->next;
    if (!side->kept_first)
        side->kept_last = 0;
    side->kept_count--;
    pool_give(&segments->pool, first);
}

/* The last kept one while it is filled, or a fresh one; NULL when there is no room even after dropping the oldest. */
static struct flow_segment *keep_room(struct flow_segments *segments, struct flow_side *side, uint32_t sequence,
                                      uint32_t count_max)
{
    struct flow_segment *last = flow_segment_at(segments, side->kept_last);
    if (last && last->size < FLOW_SEGMENT_DATA)
        return last;
    if (side->kept_count && side->kept_count >= count_max)
        keep_drop_first(segments, side);
    uint32_t reference = side->kept_count < count_max ? segment_take(segments) : 0;
    if (!reference)
        return NULL;
    struct flow_segment *fresh = flow_segment_at(segments, reference);
    fresh->next = 0;
    fresh->sequence = sequence;
    fresh->size = fresh->lost = 0;
    /* Asked again: dropping the oldest may have dropped the only one. */
    last = flow_segment_at(segments, side->kept_last);
    if (last)
        last->next = reference;
    else
        side->kept_first = reference;
    side->kept_last = reference;
    side->kept_count++;
    return fresh;
}

void flow_keep_add(struct flow_segments *segments, struct flow_side *side, const struct flow_piece *piece,
                   uint32_t count_max)
{
    struct flow_segment *last = flow_segment_at(segments, side->kept_last);
    if (last && last->sequence + last->size != piece->sequence)
        flow_keep_clear(segments, side);
    uint32_t done = 0;
    while (done < piece->size) {
        struct flow_segment *segment = keep_room(segments, side, piece->sequence + done, count_max);
        if (!segment) {
            flow_keep_clear(segments, side);
            return;
        }
        uint32_t size = min_u32(piece->size - done, FLOW_SEGMENT_DATA - segment->size);
        memcpy(segment->data + segment->size, piece->data + done, size);
        segment->size += size;
        done += size;
    }
}

void flow_keep_release(struct flow_segments *segments, struct flow_side *side, uint32_t sequence)
{
    struct flow_segment *first = flow_segment_at(segments, side->kept_first);
    while (first && !sequence_before(sequence, first->sequence + first->size)) {
        keep_drop_first(segments, side);
        first = flow_segment_at(segments, side->kept_first);
    }
}

void flow_keep_clear(struct flow_segments *segments, struct flow_side *side)
{
    while (side->kept_first)
        keep_drop_first(segments, side);
}

static bool list_differs(const struct flow_segments *segments, uint32_t first, const struct flow_piece *piece,
                         uint32_t *compared)
{
    bool differs = false;
    uint32_t end = piece->sequence + piece->size;
    struct flow_segment *segment = flow_segment_at(segments, first);
    while (segment && sequence_before(segment->sequence, end)) {
        differs |= segment_differs(segment, piece, compared);
        segment = flow_segment_at(segments, segment->next);
    }
    return differs;
}

bool flow_keep_differs(const struct flow_segments *segments, const struct flow_side *side,
                       const struct flow_piece *piece, uint32_t *compared_out)
{
    *compared_out = 0;
    return list_differs(segments, side->kept_first, piece, compared_out);
}

bool flow_hold_differs(const struct flow_segments *segments, const struct flow_side *side,
                       const struct flow_piece *piece)
{
    uint32_t compared = 0;
    return list_differs(segments, side->held_first, piece, &compared);
}
