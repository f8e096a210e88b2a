/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scan for sensitive data
 *
 * In one database with all patterns Hyperscan runs at a twentieth of its speed: those that begin with a class of bytes
 * (digits above all) have to be started at every other byte. So only the patterns with a literal see the whole text.
 * The others wait for the shape finder:
 *
 *   Digits and letters: a match can only begin at the first byte of a word, and the finder names the words. The
 * patterns are tied to that byte, so Hyperscan gives up after a few bytes, and every start is known without asking for
 * it. Symbols: a window from the symbol as far as the bytes belong to any match of that tier, and not farther than its
 *   longest match, in both directions. A match that holds the symbol cannot reach beyond, so the window gives the same
 *   matches as the whole text would; one byte more on each side shows Hyperscan what \b has to see there.
 */

#include "detect/detect_scan.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "detect/detector.h"

#define PAGE_SIZE_MIN  4096u /* the smallest page of any machine this runs on */
#define PIECE_OVERREAD 63u
#define TEXT_SMALL                                                                                                     \
    64u /* header values: worth a look whether any literal can be in them, which costs less than a scan */

static uint32_t add_sat(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add_keyword_window(struct detect_scratch *scratch, uint32_t keyword_end)
{
    uint32_t before = add_sat(scratch->keyword_width, KEYWORD_TEXT_MAX), count = scratch->keyword_window_count;
    uint32_t start = keyword_end > before ? keyword_end - before : 0;
    uint32_t end = min_u32(add_sat(keyword_end, scratch->keyword_width), scratch->text->size);
    struct window *last = count ? &scratch->keyword_windows[count - 1] : NULL;
    if (last && (count == KEYWORD_WINDOWS_MAX || (start <= last->end && start >= last->start))) {
        last->start = min_u32(last->start, start);
        last->end = end > last->end ? end : last->end;
        return;
    }
    scratch->keyword_windows[scratch->keyword_window_count++] = (struct window){.start = start, .end = end};
}

/* Most that look like one are parts of other words: "bicycle". */
static void look_at_keyword(struct detect_scratch *scratch, uint32_t number, uint32_t end)
{
    const struct context_keywords *keywords = &scratch->set->keyword_tier;
    uint32_t size = (uint32_t)strlen(keywords->words[number]);
    struct span text = span_of(scratch->text->data, scratch->text->size);
    if (context_has_keyword(keywords, text, end > size ? end - size : 0, end))
        add_keyword_window(scratch, end);
}

static int on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context)
{
    (void)flags;
    struct detect_scratch *scratch = context;
    uint32_t start = scratch->base + (uint32_t)from, end = scratch->base + (uint32_t)to;
    if (id >= KEYWORD_ID) {
        look_at_keyword(scratch, id - KEYWORD_ID, end);
        return 0;
    }
    /* At an edge of a window \b may have seen an end that is none. */
    if ((from == 0 && start > 0 && !scratch->anchored) || (to == scratch->piece_size && end < scratch->text->size))
        return 0;
    if (scratch->candidate_count == DETECT_CANDIDATES_MAX) {
        scratch->lost++;
        scratch->apart = false;
        return 0;
    }
    scratch->candidates[scratch->candidate_count++] = (struct candidate){start, end, (uint16_t)id};
    return 0;
}

/*
 * Hyperscan 5.4.0 reads up to 63 bytes beyond a short text in its AVX-512 literal matcher (the same in Vectorscan,
 * issue 322 there). Harmless unless the next page is not mapped; a short piece that ends so near the end of its page is
 * copied.
 */
static const char *readable_piece(struct detect_scratch *scratch, const uint8_t *data, uint32_t size)
{
    uintptr_t last = (uintptr_t)data + size - 1;
    if (likely(size > PIECE_SHORT || (last & (PAGE_SIZE_MIN - 1)) + PIECE_OVERREAD < PAGE_SIZE_MIN))
        return (const char *)data;
    memcpy(scratch->piece, data, size);
    return (const char *)scratch->piece;
}

static void scan_piece(const struct tier *tier, struct detect_scratch *scratch, const struct detect_text *text,
                       uint32_t start, uint32_t end)
{
    uint32_t size = end - start;
    const char *piece = readable_piece(scratch, text->data + start, size);
    scratch->base = start;
    scratch->piece_size = size;
    hs_error_t error = hs_scan(tier->database, piece, size, 0, scratch->scratch, on_match, scratch);
    require(error == HS_SUCCESS);
    if (unlikely(piece == (const char *)scratch->piece))
        OPENSSL_cleanse(scratch->piece, size);
}

static bool is_word(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 26 || c == '_';
}

/* Runs an anchored tier from each word that begins in [first, end). */
static void scan_words(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                       uint32_t first, uint32_t end, uint32_t number)
{
    const struct tier *tier = &set->tiers[number];
    scratch->anchored = true;
    for (uint32_t at = first; at < end; at++) {
        if (!is_word(text->data[at]) || (at > 0 && is_word(text->data[at - 1])) || text->size - at < tier->width_min)
            continue;
        scan_piece(tier, scratch, text, at, at + min_u32(text->size - at, tier->width_max + 1));
    }
    scratch->anchored = false;
}

static void flush_window(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                         uint32_t tier)
{
    struct window *window = &scratch->pending[tier];
    if (window->end > window->start)
        scan_piece(&set->tiers[tier], scratch, text, window->start, window->end);
    *window = (struct window){0, 0, 0};
}

/* The farthest start of a match that holds `at`. */
static uint32_t reach_left(const struct tier *tier, const struct detect_text *text, uint32_t at)
{
    uint32_t first = at > tier->width_max ? at - tier->width_max : 0;
    while (at > first && byte_set_has(&tier->alphabet, text->data[at - 1]))
        at--;
    return at;
}

/* The farthest end of a match that holds the byte in front of `spot_end`; as far as `from` it has been looked. */
static uint32_t reach_right(const struct tier *tier, const struct detect_text *text, uint32_t from, uint32_t spot_end)
{
    uint32_t last = min_u32(add_sat(spot_end, tier->width_max), text->size);
    while (from < last && byte_set_has(&tier->alphabet, text->data[from]))
        from++;
    return from;
}

static void add_window(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                       const struct shape_spot *spot, uint32_t number)
{
    const struct tier *tier = &set->tiers[number];
    struct window *pending = &scratch->pending[number];
    bool inside = pending->end > 0 && spot->start >= pending->start && spot->start < pending->reach;
    uint32_t left = spot->start, right = inside && pending->reach > spot->end ? pending->reach : spot->end;
    right = reach_right(tier, text, right, spot->end);
    uint32_t end = right < text->size ? right + 1 : right;
    if (inside) {
        pending->end = end > pending->end ? end : pending->end;
        pending->reach = right > pending->reach ? right : pending->reach;
        return;
    }
    left = reach_left(tier, text, left);
    if (right - left < tier->width_min)
        return;
    flush_window(set, scratch, text, number);
    *pending = (struct window){left > 0 ? left - 1 : 0, end, right};
}

static void look_at_spot(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                         const struct shape_spot *spot)
{
    for (uint32_t kinds = spot->kinds; kinds; kinds &= kinds - 1) {
        uint32_t number = TIER_OF(kinds);
        if (TIERS_ANCHORED >> number & 1)
            scan_words(set, scratch, text, spot->start, spot->end, number);
        else
            add_window(set, scratch, text, spot, number);
    }
}

static void scan_shapes(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text)
{
    struct shape_state state = {0};
    while (state.position < text->size) {
        uint32_t count = shape_find(&set->plan, &state, text->data, text->size, scratch->spots);
        for (uint32_t i = 0; i < count; i++)
            look_at_spot(set, scratch, text, &scratch->spots[i]);
    }
    for (uint32_t i = 0; i < TIER_COUNT; i++)
        if (scratch->pending[i].end)
            flush_window(set, scratch, text, i);
}

/* What of the scan a short text is worth: SMALL_LITERAL, SMALL_SHAPE, both or nothing. */
static uint32_t weigh_small(const struct detect_set *set, const struct detect_text *text)
{
    uint32_t worth = 0;
    for (uint32_t i = 0; i < text->size; i++)
        worth |= set->small[text->data[i]];
    return worth;
}

bool detect_name_counts(const struct detect_set *set, struct span name)
{
    return name.size && context_has_keyword(&set->keyword_tier, name, 0, name.size);
}

static void scan_keyword_tier(const struct detect_set *set, struct detect_scratch *scratch,
                              const struct detect_text *text)
{
    const struct tier *tier = &set->tiers[TIER_KEYWORD];
    if (detect_name_counts(set, text->context)) {
        scan_piece(tier, scratch, text, 0, text->size);
        return;
    }
    for (uint32_t i = 0; i < scratch->keyword_window_count; i++)
        scan_piece(tier, scratch, text, scratch->keyword_windows[i].start, scratch->keyword_windows[i].end);
}

static void scan_begin(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text)
{
    require(text->start_limit <= text->size && text->start_from <= text->size);
    scratch->set = set;
    scratch->text = text;
    scratch->candidate_count = 0;
    scratch->keyword_window_count = 0;
    scratch->apart = true;
    scratch->keyword_width = add_sat(set->tiers[TIER_KEYWORD].width_max, DETECT_CONTEXT_SIZE + 1);
}

struct detect_scratch *detect_scratch_new(const struct detect_set *set, const struct digest_key *key)
{
    struct detect_scratch *scratch = calloc(1, sizeof(*scratch));
    if (!scratch)
        return NULL;
    scratch->key = key;
    for (uint32_t i = 0; i < TIER_COUNT; i++) {
        if (!set->tiers[i].database)
            continue;
        if (hs_alloc_scratch(set->tiers[i].database, &scratch->scratch) != HS_SUCCESS) {
            detect_scratch_free(scratch);
            return NULL;
        }
    }
    return scratch;
}

void detect_scratch_free(struct detect_scratch *scratch)
{
    if (!scratch)
        return;
    hs_free_scratch(scratch->scratch);
    free(scratch);
}

uint64_t detect_scratch_lost(const struct detect_scratch *scratch)
{
    return scratch->lost;
}

bool detect_scan_apart(const struct detect_scratch *scratch)
{
    return scratch->apart;
}

/* `worth`: what weigh_small() says, all of it for a text that is not small. */
static void scan_tiers(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                       uint32_t worth)
{
    if ((worth & SMALL_LITERAL) && set->tiers[TIER_LITERAL].database && text->size >= set->literal_size_min)
        scan_piece(&set->tiers[TIER_LITERAL], scratch, text, 0, text->size);
    if ((worth & SMALL_SHAPE) && set->plan.wanted)
        scan_shapes(set, scratch, text);
    if ((worth & SMALL_LITERAL) && set->tiers[TIER_KEYWORD].database)
        scan_keyword_tier(set, scratch, text);
    if (set->tiers[TIER_ALWAYS].database)
        scan_piece(&set->tiers[TIER_ALWAYS], scratch, text, 0, text->size);
}

/* Every line that the candidate touches. */
static void mark_lines(const struct detect_lines *lines, const struct candidate *candidate, bool *maybe)
{
    uint32_t low = 0, high = lines->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (lines->ends[middle] <= candidate->from)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = low; i < lines->count && (i == low || lines->ends[i - 1] < candidate->to); i++)
        maybe[i] = true;
}

/*
 * A line end is no part of a word, as the end of a text is none, so what matches in a line matches in all of them as
 * well, perhaps from farther left or to farther right.
 */
void detect_probe(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_lines *lines,
                  bool *maybe_out)
{
    if (lines->count == 0)
        return;
    struct detect_text text = detect_text_whole(lines->data, lines->ends[lines->count - 1], (struct span){0});
    uint64_t lost = scratch->lost;
    scan_begin(set, scratch, &text);
    if (!set->edges)
        scan_tiers(set, scratch, &text, SMALL_LITERAL | SMALL_SHAPE);
    scratch->lost = lost; /* nothing was looked for yet */
    memset(maybe_out, set->edges || scratch->candidate_count == DETECT_CANDIDATES_MAX, lines->count);
    for (uint32_t i = 0; i < scratch->candidate_count; i++)
        mark_lines(lines, &scratch->candidates[i], maybe_out);
}

uint32_t detect_scan(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                     struct detect_hit *hits_out, uint32_t max)
{
    uint32_t worth = text->size <= TEXT_SMALL ? weigh_small(set, text) : SMALL_LITERAL | SMALL_SHAPE;
    scratch->apart = true;
    if (text->size == 0 || (worth == 0 && !set->tiers[TIER_ALWAYS].database))
        return 0;
    scan_begin(set, scratch, text);
    scan_tiers(set, scratch, text, worth);
    return likely(scratch->candidate_count == 0) ? 0 : detect_judge(set, scratch, text, hits_out, max);
}

uint32_t detect_scan_full(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                          struct detect_hit *hits_out, uint32_t max)
{
    if (text->size == 0)
        return 0;
    scan_begin(set, scratch, text);
    for (uint32_t i = 0; i < TIER_COUNT; i++) {
        if (!set->tiers[i].database)
            continue;
        if (TIERS_ANCHORED >> i & 1)
            scan_words(set, scratch, text, 0, text->size, i);
        else
            scan_piece(&set->tiers[i], scratch, text, 0, text->size);
    }
    return detect_judge(set, scratch, text, hits_out, max);
}
