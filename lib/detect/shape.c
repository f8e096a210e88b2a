/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shape finder
 *
 * Only the places that survive as bits (shape_places.h) are looked at byte by byte. Dates, prices, UUIDs and time
 * stamps, of which ordinary bodies are full, die in the masks or in the first bytes of the word.
 */

#include "detect/shape.h"

#include <string.h>

#include "config/detector_file.h"

struct chunk {
    const struct shape_plan *plan;
    struct shape_state *state;
    const uint8_t *data;
    uint32_t size;
    uint32_t end;
    struct shape_spot *spots;
    uint32_t spot_count;
};

static bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') < 10;
}

static bool is_separator(uint8_t c)
{
    return c == ' ' || c == '.' || c == '-' || c == '+' || c == '/';
}

static void add_spot(struct chunk *chunk, uint32_t start, uint32_t end, uint32_t kinds)
{
    if (likely(chunk->spot_count < SHAPE_SPOTS_MAX)) {
        chunk->spots[chunk->spot_count++] = (struct shape_spot){start, end, kinds};
        return;
    }
    struct shape_spot *last = &chunk->spots[SHAPE_SPOTS_MAX - 1];
    last->start = min_u32(last->start, start);
    end = end > chunk->end ? end : chunk->end; /* a group of digits may go on in the next chunk */
    last->end = end > last->end ? end : last->end;
    last->kinds = chunk->plan->wanted;
}

/* How the bytes from `start` on begin a match, of the halves in `wanted`. */
static bool begins_match(const struct chunk *chunk, uint32_t start, uint32_t wanted)
{
    const struct shape_plan *plan = chunk->plan;
    uint32_t possible = wanted, left = chunk->size - start;
    for (uint32_t i = 0; i < PATTERN_HEAD_SIZE && possible; i++) {
        uint32_t place = plan->order[i];
        if (place < left)
            possible &= plan->heads[place][chunk->data[start + place]];
    }
    return possible != 0;
}

static void look_at_digits(struct chunk *chunk, uint32_t start)
{
    uint32_t at = start, count = 0;
    while (at < chunk->size) {
        uint8_t c = chunk->data[at];
        if (is_digit(c))
            count++;
        else if (!is_separator(c) || at == start || !is_digit(chunk->data[at - 1]))
            break;
        at++;
    }
    chunk->state->digits_done = at;
    if (count < SHAPE_DIGITS_MIN)
        return;
    for (uint32_t word = start; word < at; word++) {
        bool starts = is_digit(chunk->data[word]) && (word == start || !is_digit(chunk->data[word - 1]));
        if (starts && begins_match(chunk, word, SHAPE_HEAD_DIGITS))
            add_spot(chunk, word, word + 1, DETECTOR_DIGITS);
    }
}

static void find_digits(struct chunk *chunk, uint32_t position, uint64_t runs)
{
    while (runs) {
        uint32_t start = position + (uint32_t)__builtin_ctzll(runs);
        if (start < chunk->state->digits_done) {
            uint32_t skip = chunk->state->digits_done - position;
            runs = skip >= 64 ? 0 : runs & (UINT64_MAX << skip);
            continue;
        }
        look_at_digits(chunk, start);
    }
}

static void find_words(struct chunk *chunk, uint32_t position, uint64_t words)
{
    for (; words; words &= words - 1) {
        uint32_t start = position + (uint32_t)__builtin_ctzll(words);
        if (begins_match(chunk, start, SHAPE_HEAD_LETTERS))
            add_spot(chunk, start, start + 1, DETECTOR_LETTERS);
    }
}

static void find_symbols(struct chunk *chunk, uint32_t position, uint64_t symbols)
{
    while (symbols) {
        uint32_t at = position + (uint32_t)__builtin_ctzll(symbols);
        uint8_t c = chunk->data[at];
        uint32_t kind = c == '@' ? DETECTOR_AT : c == '^' ? DETECTOR_CARET : c == '<' ? DETECTOR_ANGLE : DETECTOR_PLUS;
        symbols &= symbols - 1;
        if (kind == DETECTOR_PLUS && (at + 1 >= chunk->size || !is_digit(chunk->data[at + 1])))
            continue;
        if (chunk->plan->wanted & kind)
            add_spot(chunk, at, at + 1, kind);
    }
}

/* Masks of `block_count` blocks; what lies behind the text belongs to no class. */
static void classify(const struct shape_plan *plan, const uint8_t *data, uint32_t size, uint32_t block_count,
                     struct shape_masks *masks_out)
{
    uint32_t whole = min_u32(size / SHAPE_BLOCK, block_count), rest = size - whole * SHAPE_BLOCK;
    plan->kernel(data, whole, masks_out);
    if (whole == block_count)
        return;
    uint8_t padded[SHAPE_BLOCK] = {0};
    memset(masks_out + whole, 0, sizeof(*masks_out) * (block_count - whole));
    memcpy(padded, data + (size_t)whole * SHAPE_BLOCK, rest);
    if (rest)
        plan->kernel(padded, 1, masks_out + whole);
    /* The copy may hold a value; the barrier keeps the compiler from dropping the store. */
    memset(padded, 0, sizeof(padded));
    __asm__ volatile("" : : "r"(padded) : "memory");
}

void shape_plan_finish(struct shape_plan *plan)
{
    uint32_t passing[PATTERN_HEAD_SIZE] = {0};
    for (uint32_t i = 0; i < PATTERN_HEAD_SIZE; i++) {
        plan->order[i] = (uint8_t)i;
        for (uint32_t byte = 0; byte < 256; byte++)
            passing[i] += (uint32_t)__builtin_popcount(plan->heads[i][byte] & SHAPE_HEAD_LETTERS);
    }
    for (uint32_t i = 1; i < PATTERN_HEAD_SIZE; i++) {
        uint8_t place = plan->order[i];
        uint32_t k = i;
        for (; k > 0 && passing[plan->order[k - 1]] > passing[place]; k--)
            plan->order[k] = plan->order[k - 1];
        plan->order[k] = place;
    }
}

uint32_t shape_find(const struct shape_plan *plan, struct shape_state *state, const uint8_t *data, uint32_t size,
                    struct shape_spot spots_out[SHAPE_SPOTS_MAX])
{
    struct shape_masks masks[1 + SHAPE_CHUNK_BLOCKS + 1 + 2 * SHAPE_LANES];
    struct shape_places places[SHAPE_CHUNK_BLOCKS + SHAPE_LANES - 1];
    uint32_t base = state->position, left = size - base;
    require(base < size);
    uint32_t blocks = min_u32((left + SHAPE_BLOCK - 1) / SHAPE_BLOCK, SHAPE_CHUNK_BLOCKS);
    struct chunk chunk = {.plan = plan,
                          .state = state,
                          .data = data,
                          .size = size,
                          .end = min_u32(size, base + SHAPE_CHUNK),
                          .spots = spots_out};
    masks[0] = state->before;
    classify(plan, data + base, left, blocks + 1, masks + 1);
    memset(masks + blocks + 2, 0, sizeof(*masks) * 2 * SHAPE_LANES);
    plan->finder(masks, blocks, places);
    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t position = base + i * SHAPE_BLOCK;
        if (unlikely(places[i].digits))
            find_digits(&chunk, position, places[i].digits);
        if (unlikely(places[i].words))
            find_words(&chunk, position, places[i].words);
        if (unlikely(masks[1 + i].symbol))
            find_symbols(&chunk, position, masks[1 + i].symbol);
    }
    state->before = masks[blocks];
    state->position = chunk.end;
    return chunk.spot_count;
}
