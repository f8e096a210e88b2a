/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known lines
 *
 * Four clean lines share a cache line, so a look-up costs one, warm as a rule. An entry of zeroes is none.
 */

#include "detect/known_lines.h"

#include <errno.h>

#define CLEAN_WAYS    4u /* of 16 bytes: a cache line */
#define CLEAN_BUCKETS (KNOWN_LINES_CLEAN / CLEAN_WAYS)
#define FOUND_WAYS    2u /* the one that came again, and the newest */

struct clean_bucket {
    struct text_id ids[CLEAN_WAYS];
};

static_assert(sizeof(struct clean_bucket) == CACHE_LINE, "one cache line a look-up");
static_assert((CLEAN_BUCKETS & (CLEAN_BUCKETS - 1)) == 0, "a bucket is some bits of the hash");

struct found_bucket {
    struct known_line lines[FOUND_WAYS];
    uint32_t recent; /* the one that was asked for last */
};

struct known_lines {
    struct clean_bucket clean[CLEAN_BUCKETS];
    struct text_id_key key;
    uint8_t (*marks)[FOUND_WAYS]; /* a byte of each hash in found[], 0 where there is none: they stay in L2 */
    uint32_t found_buckets;
    struct found_bucket found[];
};

struct text_id known_line_id(const struct known_lines *lines, uint32_t set_number, struct span line)
{
    require(line.size > 0 && line.size <= KNOWN_LINE_MAX);
    return text_id_make(&lines->key, set_number, line);
}

size_t known_lines_size(uint32_t found_count)
{
    return sizeof(struct known_lines) + found_count / FOUND_WAYS * sizeof(struct found_bucket) + found_count +
           2 * CACHE_LINE;
}

int known_lines_new(struct known_lines **lines_out, struct arena *arena, const struct hash_key *key,
                    uint32_t found_count)
{
    require(found_count >= FOUND_WAYS && (found_count & (found_count - 1)) == 0);
    uint32_t buckets = found_count / FOUND_WAYS;
    size_t size = sizeof(struct known_lines) + buckets * sizeof(struct found_bucket);
    struct known_lines *lines = arena_take(arena, size, CACHE_LINE);
    uint8_t(*marks)[FOUND_WAYS] = arena_take(arena, found_count, CACHE_LINE);
    if (!lines || !marks)
        return -ENOMEM;
    lines->found_buckets = buckets;
    lines->marks = marks;
    text_id_key_init(&lines->key, key, UINT32_C(0x6c696e65)); /* "line" */
    *lines_out = lines;
    return 0;
}

bool known_line_clean(struct known_lines *lines, struct text_id id)
{
    struct clean_bucket *bucket = &lines->clean[text_id_bucket(id, CLEAN_BUCKETS)];
    for (uint32_t i = 0; i < CLEAN_WAYS; i++) {
        if (!text_id_equal(bucket->ids[i], id))
            continue;
        for (uint32_t k = i; k > 0; k--)
            bucket->ids[k] = bucket->ids[k - 1];
        bucket->ids[0] = id;
        return true;
    }
    return false;
}

/* Never 0. */
static inline uint8_t mark_of(struct text_id id)
{
    return (uint8_t)(id.words[1] >> 56 | 1);
}

bool known_line_maybe_found(const struct known_lines *lines, struct text_id id)
{
    uint32_t number = text_id_bucket(id, lines->found_buckets);
    const uint8_t *marks = lines->marks[number];
    uint8_t mark = mark_of(id);
    if (likely(marks[0] != mark && marks[1] != mark))
        return false;
    const uint8_t *entry = (const uint8_t *)&lines->found[number].lines[marks[0] != mark];
    for (uint32_t at = 0; at < sizeof(struct known_line); at += CACHE_LINE)
        __builtin_prefetch(entry + at);
    return true;
}

const struct known_line *known_line_found(struct known_lines *lines, struct text_id id)
{
    struct found_bucket *bucket = &lines->found[text_id_bucket(id, lines->found_buckets)];
    for (uint32_t i = 0; i < FOUND_WAYS; i++) {
        if (!text_id_equal(bucket->lines[i].id, id))
            continue;
        bucket->recent = i;
        return &bucket->lines[i];
    }
    return NULL;
}

void known_line_keep_clean(struct known_lines *lines, struct text_id id)
{
    lines->clean[text_id_bucket(id, CLEAN_BUCKETS)].ids[CLEAN_WAYS - 1] = id;
}

void known_line_keep_found(struct known_lines *lines, struct text_id id, const struct detect_hit *hits, uint32_t count,
                           uint32_t base)
{
    require(count > 0 && count <= KNOWN_LINE_HITS);
    uint32_t number = text_id_bucket(id, lines->found_buckets);
    struct found_bucket *bucket = &lines->found[number];
    uint32_t way = FOUND_WAYS - 1 - bucket->recent;
    struct known_line *kept = &bucket->lines[way];
    lines->marks[number][way] = mark_of(id);
    kept->id = id;
    kept->hit_count = count;
    for (uint32_t i = 0; i < count; i++) {
        kept->hits[i] = hits[i];
        kept->hits[i].offset -= base;
    }
}
