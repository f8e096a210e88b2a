/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From candidates to hits
 *
 * A candidate is only a match of a pattern. Here its surroundings, its check digits and the words near it decide
 * whether it is a value, and which of several readings of the same bytes is the right one. Everything is a function of
 * the text alone, so the same text gives the same hits whatever way its candidates were found.
 */

#include <openssl/crypto.h>

#include "detect/detector.h"
#include "detect/mask.h"
#include "detect/validator_list.h"

#define CLUSTER_MAX   64u  /* drafts that overlap in a chain; more are settled in slices of so many */
#define DIGEST_PART   256u /* a value that is normalised counts with so many characters; none is as long */
#define HEX_TOKEN_MIN 4u   /* characters of a part of a UUID */
#define UUID_SIZE     36u  /* characters of a whole one: 8-4-4-4-12 (RFC 9562 section 4) */

/* What is known of the whole text once all candidates were judged. */
struct sightings {
    bool card, latitude, longitude;
};

static bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') < 10;
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* A part of a UUID or the like: only hex digits, letters as well as digits among them. */
static bool is_hex_token(struct span token)
{
    uint32_t letters = 0, digits = 0;
    for (uint32_t i = 0; i < token.size; i++) {
        uint8_t c = ascii_lower(token.data[i]);
        digits += is_digit(c);
        letters += c >= 'a' && c <= 'f';
    }
    return token.size >= HEX_TOKEN_MIN && letters + digits == token.size && letters > 0 && digits > 0;
}

/* The word that ends in front of `end`, at most DETECT_CONTEXT_SIZE of it. */
static struct span token_before(const struct detect_text *text, uint32_t end)
{
    uint32_t start = end, first = end > DETECT_CONTEXT_SIZE ? end - DETECT_CONTEXT_SIZE : 0;
    while (start > first && is_word(text->data[start - 1]))
        start--;
    return span_of(text->data + start, end - start);
}

static struct span token_behind(const struct detect_text *text, uint32_t start)
{
    uint32_t end = start, last = min_u32(text->size, start + DETECT_CONTEXT_SIZE);
    while (end < last && is_word(text->data[end]))
        end++;
    return span_of(text->data + start, end - start);
}

static bool is_uuid(const uint8_t *text)
{
    for (uint32_t i = 0; i < UUID_SIZE; i++) {
        uint8_t c = ascii_lower(text[i]);
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? c != '-' : !is_digit(c) && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}

/* What begins at `start` begins a part of a UUID. The parts beside it may be of digits only, as numbers have them. */
static bool in_uuid(const struct detect_text *text, uint32_t start)
{
    static const uint8_t parts[] = {0, 9, 14, 19, 24};
    for (uint32_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (start < parts[i] || text->size - (start - parts[i]) < UUID_SIZE)
            continue;
        uint32_t first = start - parts[i], end = first + UUID_SIZE;
        bool apart =
            (first == 0 || !is_word(text->data[first - 1])) && (end == text->size || !is_word(text->data[end]));
        if (apart && is_uuid(text->data + first))
            return true;
    }
    return false;
}

/* Not a part of a longer number, of a decimal fraction, or of hex groups such as a UUID. */
static bool stands_alone(const struct detect_text *text, struct span value)
{
    uint32_t start = (uint32_t)(value.data - text->data), end = start + value.size;
    uint8_t before = start > 0 ? text->data[start - 1] : ' ', behind = end < text->size ? text->data[end] : ' ';
    if (is_digit(before) || is_digit(behind))
        return false;
    if (before == '.' && start > 1 && is_digit(text->data[start - 2]))
        return false;
    if (behind == '.' && end + 1 < text->size && is_digit(text->data[end + 1]))
        return false;
    if (before == '-' && is_hex_token(token_before(text, start - 1)))
        return false;
    if (behind == '-' && is_hex_token(token_behind(text, end + 1)))
        return false;
    return !in_uuid(text, start);
}

/* "key": "value" -> value. */
static struct span value_behind_key(struct span match)
{
    uint32_t i = 0;
    while (i < match.size && match.data[i] != ':' && match.data[i] != '=')
        i++;
    if (i < match.size)
        i++;
    while (i < match.size && strchr(" \t\r\n\v\f\"'[", match.data[i]) && match.data[i] != '\0')
        i++;
    return span_from(match, i);
}

/* The bytes that the trimmed end of the pattern would have taken. */
static uint32_t tail_size(const struct detector *detector, const struct detect_text *text, uint32_t from)
{
    uint32_t size = 0, max = min_u32(text->size - from, detector->tail_max);
    while (size < max && byte_set_has(&detector->tail, text->data[from + size]))
        size++;
    return size;
}

static bool is_value(const struct detector *detector, const struct detect_text *text,
                     const struct validator_case *judged, struct validator_answer *answer)
{
    const struct validator *validator = detector->validator;
    *answer = (struct validator_answer){.value = judged->value, .confidence = DETECTION_MEDIUM};
    if (judged->value.size == 0)
        return false;
    bool raw = validator ? validator->traits & VALIDATOR_RAW : !is_digit(judged->value.data[0]);
    if (!raw && !stands_alone(text, judged->value))
        return false;
    return !validator || (judged->value.size >= validator->size_min && validator->judge(judged, answer));
}

static bool has_keyword(const struct detector *detector, const struct detect_text *text, struct span value)
{
    if (detector->keywords.count == 0)
        return false;
    if (text->context.size && context_has_keyword(&detector->keywords, text->context, 0, text->context.size))
        return true;
    struct span all = span_of(text->data, text->size);
    uint32_t start = (uint32_t)(value.data - text->data), end = start + value.size;
    uint32_t first = start > DETECT_CONTEXT_SIZE ? start - DETECT_CONTEXT_SIZE : 0;
    uint32_t last = text->size - end > DETECT_CONTEXT_SIZE ? end + DETECT_CONTEXT_SIZE : text->size;
    if (text->lines) {
        const uint8_t *before = memrchr(text->data + first, '\n', start - first);
        const uint8_t *behind = memchr(text->data + end, '\n', last - end);
        first = before ? (uint32_t)(before + 1 - text->data) : first;
        last = behind ? (uint32_t)(behind - text->data) : last;
    }
    return context_has_keyword(&detector->keywords, all, first, start) ||
           context_has_keyword(&detector->keywords, all, end, last);
}

static void add_draft(struct detect_scratch *scratch, const struct detect_text *text, uint32_t number,
                      const struct validator_answer *answer, bool keyword)
{
    if (scratch->draft_count == HIT_DRAFTS_MAX) {
        scratch->lost++;
        scratch->apart = false;
        return;
    }
    uint8_t test = answer->flags & VALIDATOR_TEST_NUMBER ? DETECT_TEST_NUMBER : 0;
    scratch->drafts[scratch->draft_count++] = (struct hit_draft){
        .offset = (uint32_t)(answer->value.data - text->data),
        .size = answer->value.size,
        .detector = (uint16_t)number,
        .confidence = answer->confidence,
        .flags = (uint8_t)(test | (keyword ? DETECT_KEYWORD : 0)),
    };
}

/* As far as a validator may look. */
static uint32_t text_end(const struct detect_text *text, uint32_t from)
{
    const uint8_t *end = text->lines ? memchr(text->data + from, '\n', text->size - from) : NULL;
    return end ? (uint32_t)(end - text->data) : text->size;
}

static void judge_candidate(const struct detect_set *set, struct detect_scratch *scratch,
                            const struct detect_text *text, const struct candidate *candidate,
                            struct sightings *sightings)
{
    const struct detector *detector = &set->detectors[candidate->detector];
    if (candidate->from < text->start_from || candidate->from >= text->start_limit)
        return;
    uint32_t to = candidate->to + tail_size(detector, text, candidate->to);
    struct validator_answer answer;
    struct validator_case judged = {.text = span_of(text->data, text_end(text, to)),
                                    .match = span_of(text->data + candidate->from, to - candidate->from)};
    /* A line end as the last byte is one the pattern only wanted to see. */
    if (text->lines && memchr(judged.match.data, '\n', judged.match.size - 1))
        return;
    judged.value = detector->keyed ? value_behind_key(judged.match) : judged.match;
    if (!is_value(detector, text, &judged, &answer))
        return;
    bool keyword = has_keyword(detector, text, answer.value);
    bool required = detector->keyword_required || (answer.flags & VALIDATOR_NEEDS_KEYWORD);
    if (required && !keyword)
        return;
    if (keyword && !required && answer.confidence < DETECTION_HIGH)
        answer.confidence++;
    validator_judge *judge = detector->validator ? detector->validator->judge : NULL;
    if (judge == validate_pan || judge == validate_cvv || judge == validate_coordinate)
        scratch->apart = false;
    sightings->card |= judge == validate_pan;
    sightings->latitude |= (answer.flags & VALIDATOR_LATITUDE) != 0;
    sightings->longitude |= (answer.flags & VALIDATOR_LONGITUDE) != 0;
    add_draft(scratch, text, candidate->detector, &answer, keyword);
}

/* What only the whole text can tell: a verification code beside its card, a coordinate with its other half. */
static void weigh_sightings(const struct detect_set *set, struct detect_scratch *scratch,
                            const struct sightings *sightings)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < scratch->draft_count; i++) {
        struct hit_draft draft = scratch->drafts[i];
        const struct validator *validator = set->detectors[draft.detector].validator;
        validator_judge *judge = validator ? validator->judge : NULL;
        if (judge == validate_cvv && sightings->card)
            draft.confidence = DETECTION_HIGH;
        if (judge == validate_coordinate && !(sightings->latitude && sightings->longitude))
            continue;
        scratch->drafts[kept++] = draft;
    }
    scratch->draft_count = kept;
}

static bool is_before(const struct hit_draft *a, const struct hit_draft *b)
{
    if (a->offset != b->offset)
        return a->offset < b->offset;
    if (a->size != b->size)
        return a->size > b->size;
    if (a->detector != b->detector)
        return a->detector < b->detector;
    return a->confidence > b->confidence;
}

static void sift_down(struct hit_draft *drafts, uint32_t root, uint32_t count)
{
    struct hit_draft moved = drafts[root];
    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && is_before(&drafts[child], &drafts[child + 1]))
            child++;
        if (!is_before(&moved, &drafts[child]))
            break;
        drafts[root] = drafts[child];
        root = child;
    }
    drafts[root] = moved;
}

/* Heap sort: qsort() may allocate. Most texts have a handful. */
static void sort_drafts(struct hit_draft *drafts, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--)
        sift_down(drafts, i - 1, count);
    for (uint32_t last = count; last > 1; last--) {
        struct hit_draft top = drafts[0];
        drafts[0] = drafts[last - 1];
        drafts[last - 1] = top;
        sift_down(drafts, 0, last - 1);
    }
}

static bool is_better(const struct hit_draft *a, const struct hit_draft *b)
{
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence;
    if ((a->flags ^ b->flags) & DETECT_KEYWORD)
        return a->flags & DETECT_KEYWORD;
    if (a->size != b->size)
        return a->size > b->size;
    return a->detector != b->detector ? a->detector < b->detector : a->offset < b->offset;
}

static bool overlap(const struct hit_draft *a, const struct hit_draft *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Keeps the best draft, then the best of those that do not overlap it, and so on. Returns how many are left, in order.
 */
static uint32_t settle_cluster(struct hit_draft *drafts, uint32_t count)
{
    enum { OPEN, KEPT, DROPPED } fates[CLUSTER_MAX] = {OPEN};
    for (uint32_t round = 0; round < count; round++) {
        uint32_t best = count;
        for (uint32_t i = 0; i < count; i++)
            if (fates[i] == OPEN && (best == count || is_better(&drafts[i], &drafts[best])))
                best = i;
        if (best == count)
            break;
        fates[best] = KEPT;
        for (uint32_t i = 0; i < count; i++)
            if (fates[i] == OPEN && overlap(&drafts[i], &drafts[best]))
                fates[i] = DROPPED;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (fates[i] == KEPT)
            drafts[kept++] = drafts[i];
    return kept;
}

/* The end of the cluster that begins at `start`: drafts that overlap in a chain, at most CLUSTER_MAX. */
static uint32_t find_cluster(const struct hit_draft *drafts, uint32_t start, uint32_t count)
{
    uint32_t end = start + 1, reach = drafts[start].offset + drafts[start].size;
    while (end < count && end - start < CLUSTER_MAX && drafts[end].offset < reach) {
        uint32_t here = drafts[end].offset + drafts[end].size;
        reach = here > reach ? here : reach;
        end++;
    }
    return end;
}

/* A detector of two tiers may have found the same value twice. Sorted drafts; returns how many are left. */
static uint32_t drop_repeats(struct hit_draft *drafts, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct hit_draft *last = kept > 0 ? &drafts[kept - 1] : NULL;
        bool repeat = last && last->offset == drafts[i].offset && last->size == drafts[i].size &&
                      last->detector == drafts[i].detector;
        if (!repeat)
            drafts[kept++] = drafts[i];
    }
    return kept;
}

/* Leaves no two drafts that overlap, in order of their offsets. */
static uint32_t settle_overlaps(struct hit_draft *drafts, uint32_t count)
{
    uint32_t kept = 0, start = 0;
    sort_drafts(drafts, count);
    count = drop_repeats(drafts, count);
    while (start < count) {
        if (kept > 0 && overlap(&drafts[start], &drafts[kept - 1])) { /* left over from a chain that was too long */
            start++;
            continue;
        }
        uint32_t end = find_cluster(drafts, start, count);
        uint32_t left = end - start == 1 ? 1 : settle_cluster(drafts + start, end - start);
        memmove(drafts + kept, drafts + start, left * sizeof(*drafts));
        kept += left;
        start = end;
    }
    return kept;
}

static void make_digest(const struct detector *detector, const struct digest_key *key, struct span value,
                        uint8_t digest_out[DETECTION_DIGEST_SIZE])
{
    uint8_t normal[DIGEST_PART];
    uint32_t size = 0;
    if (detector->digest == DETECTOR_DIGEST_NONE) {
        memset(digest_out, 0, DETECTION_DIGEST_SIZE);
        return;
    }
    if (detector->digest == DETECTOR_DIGEST_EXACT) {
        digest_value(key, value, digest_out);
        return;
    }
    bool compact = detector->digest == DETECTOR_DIGEST_COMPACT;
    for (uint32_t i = 0; i < value.size && size < DIGEST_PART; i++) {
        uint8_t c = ascii_lower(value.data[i]);
        bool separator = c == ' ' || c == '-' || c == '.' || c == '+' || c == '/';
        if (!compact || !separator)
            normal[size++] = compact && c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
    }
    digest_value(key, span_of(normal, size), digest_out);
    OPENSSL_cleanse(normal, sizeof(normal));
}

static void finish_hit(const struct detect_set *set, const struct detect_scratch *scratch,
                       const struct detect_text *text, const struct hit_draft *draft, struct detect_hit *hit_out)
{
    const struct detector *detector = &set->detectors[draft->detector];
    struct span value = span_of(text->data + draft->offset, draft->size);
    hit_out->offset = draft->offset;
    hit_out->size = draft->size;
    hit_out->detector = draft->detector;
    hit_out->confidence = draft->confidence;
    hit_out->flags = draft->flags;
    hit_out->mask_size = (uint8_t)mask_make(&detector->mask, value, hit_out->mask);
    make_digest(detector, scratch->key, value, hit_out->digest);
}

uint32_t detect_judge(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                      struct detect_hit *hits_out, uint32_t max)
{
    static_assert(DIGEST_SIZE == DETECTION_DIGEST_SIZE, "a digest goes into a detection as it is");
    struct sightings sightings = {false, false, false};
    scratch->draft_count = 0;
    for (uint32_t i = 0; i < scratch->candidate_count; i++)
        judge_candidate(set, scratch, text, &scratch->candidates[i], &sightings);
    weigh_sightings(set, scratch, &sightings);
    uint32_t count = settle_overlaps(scratch->drafts, scratch->draft_count);
    scratch->lost += count > max ? count - max : 0;
    scratch->apart = scratch->apart && count <= max;
    count = min_u32(count, max);
    for (uint32_t i = 0; i < count; i++)
        finish_hit(set, scratch, text, &scratch->drafts[i], &hits_out[i]);
    return count;
}
