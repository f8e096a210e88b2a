/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Detector set
 *
 * Each pattern is compiled alone, for its grade and for an error message that is about it and nothing else, and once
 * more in its tier. Then the samples that every detector brings go through the scanner as traffic will: a candidate
 * rule that is wrong for its pattern shows here, not as a value that is never found.
 */

#include "detect/detect_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "detect/detector.h"

#define SAMPLE_HITS_MAX 64u /* values that one sample may hold */

#define KEYWORD_IDS_MAX (DETECTORS_MAX * DETECTOR_KEYWORDS_MAX)

/* What is needed only while a set is made. */
struct builder {
    struct detect_set *set;
    const struct detector_setting *settings;
    const struct detect_set *previous; /* NULL: none */
    bool ungraded;
    const char *file;
    struct diagnostics *diagnostics;
    struct pattern_facts facts;         /* of the detector that is compiled */
    char (*patterns)[PATTERN_TEXT_MAX]; /* as compiled, trimmed */
    uint32_t digits_count, letters_count;
    /* The expressions of one tier. */
    const char *expressions[DETECTORS_MAX + KEYWORD_IDS_MAX];
    unsigned int ids[DETECTORS_MAX + KEYWORD_IDS_MAX];
    unsigned int flags[DETECTORS_MAX + KEYWORD_IDS_MAX];
    uint32_t expression_count;
    bool failed;
};

static void complain(struct builder *builder, enum diagnostic_level level, uint32_t index, const char *message)
{
    const struct detector_setting *setting = &builder->settings[index];
    struct diagnostic_place place = {builder->file, setting->line, setting->column, NULL};
    builder->failed |= level == DIAGNOSTIC_ERROR;
    diagnostics_add(builder->diagnostics, level, &place, "detector %s: %s", setting->id, message);
}

static void complain_memory(struct builder *builder)
{
    builder->failed = true;
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, NULL, "not enough memory to compile the detectors");
}

static unsigned int pattern_flags(const struct detector_setting *setting)
{
    return HS_FLAG_SOM_LEFTMOST | (setting->caseless ? HS_FLAG_CASELESS : 0);
}

/* ---- one detector ---- */

static void copy_keywords(struct builder *builder, uint32_t index)
{
    const struct detector_setting *setting = &builder->settings[index];
    struct detector *detector = &builder->set->detectors[index];
    char(*words)[CONTEXT_KEYWORD_MAX] =
        arena_take(builder->set->arena, sizeof(*words) * (setting->keyword_count + 1), _Alignof(char));
    if (!words) {
        complain_memory(builder);
        return;
    }
    for (uint32_t i = 0; i < setting->keyword_count; i++)
        if (!context_keyword_fold(setting->keywords[i], words[i]))
            complain(builder, DIAGNOSTIC_ERROR, index, "a keyword is empty or has more than 31 letters; shorten it");
    context_keywords_init(&detector->keywords, (const char(*)[CONTEXT_KEYWORD_MAX])words, setting->keyword_count);
}

static void check_rules(struct builder *builder, uint32_t index)
{
    const struct detector_setting *setting = &builder->settings[index];
    bool near = setting->candidate & DETECTOR_KEYWORD;
    if (setting->candidate == 0)
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "no candidate rule; say how matches are found, 'always' if in doubt");
    if (near && !setting->keyword_required)
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "candidate 'keyword' looks only near keywords, so keyword_required has to be true");
    if ((near || setting->keyword_required) && setting->keyword_count == 0)
        complain(builder, DIAGNOSTIC_ERROR, index, "a keyword is required but none is listed; add keywords");
    if (setting->found_count == 0 || setting->ignored_count == 0)
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "no samples; give at least one text under 'found' and one under 'ignored'");
}

/* The same pattern in the set before; NULL: none. */
static const struct detector *find_graded(const struct builder *builder, uint32_t index)
{
    const struct detect_set *previous = builder->previous;
    unsigned int flags = pattern_flags(&builder->settings[index]);
    for (uint32_t i = 0; previous && i < previous->count; i++)
        if (previous->detectors[i].flags == flags &&
            strcmp(previous->detectors[i].pattern, builder->patterns[index]) == 0)
            return &previous->detectors[i];
    return NULL;
}

static void complain_pattern(struct builder *builder, uint32_t index, hs_compile_error_t *error)
{
    char message[512];
    snprintf(message, sizeof(message),
             "the pattern does not compile: %s; see the documentation of the file for what Hyperscan supports",
             error->message);
    complain(builder, DIAGNOSTIC_ERROR, index, message);
    hs_free_compile_error(error);
}

/* Compiles the pattern alone. Returns its cost; 0 where it does not compile, and that is told. */
static double measure_pattern(struct builder *builder, uint32_t index)
{
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;
    unsigned int flags = pattern_flags(&builder->settings[index]);
    if (hs_compile(builder->patterns[index], flags, HS_MODE_BLOCK, NULL, &database, &error) != HS_SUCCESS) {
        complain_pattern(builder, index, error);
        return 0;
    }
    double cost = detect_grade(database);
    hs_free_database(database);
    return cost;
}

static void grade_pattern(struct builder *builder, uint32_t index)
{
    struct detector *detector = &builder->set->detectors[index];
    const struct detector *graded = find_graded(builder, index);
    const char *pattern = builder->patterns[index];
    detector->pattern = arena_copy_text(builder->set->arena, pattern, strlen(pattern));
    detector->flags = pattern_flags(&builder->settings[index]);
    if (!builder->ungraded)
        detector->cost = graded ? graded->cost : measure_pattern(builder, index);
    if (!detector->pattern)
        complain_memory(builder);
    if (detector->cost > DETECT_COST_WARNING) {
        char message[512];
        snprintf(message, sizeof(message),
                 "the pattern costs %.1f cycles a byte where it is run (%u is much); begin it with"
                 " a literal of three bytes or more, or bound its repeats",
                 detector->cost, DETECT_COST_WARNING);
        complain(builder, DIAGNOSTIC_WARNING, index, message);
    }
}

/* Where the matches of a tier can be: as wide as its widest pattern, of the bytes of all. */
static void widen_tier(struct builder *builder, uint32_t index, uint32_t number)
{
    struct tier *tier = &builder->set->tiers[number];
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    const char *pattern = builder->patterns[index];
    if (hs_expression_info(pattern, pattern_flags(&builder->settings[index]), &info, &error) != HS_SUCCESS) {
        if (builder->ungraded)
            complain_pattern(builder, index, error);
        else
            hs_free_compile_error(error); /* measure_pattern() has told why */
        return;
    }
    bool first = tier->width_max == 0;
    tier->width_min = first ? info->min_width : min_u32(tier->width_min, info->min_width);
    tier->width_max = info->max_width > tier->width_max ? info->max_width : tier->width_max;
    byte_set_merge(&tier->alphabet, &builder->facts.alphabet);
    free(info);
}

static bool head_fits_body(const struct pattern_facts *facts)
{
    struct byte_set body = {{0}};
    byte_set_add_range(&body, '0', '9');
    byte_set_add_range(&body, 'A', 'Z');
    byte_set_add_range(&body, 'a', 'z');
    for (const char *c = " .-+/"; *c != '\0'; c++)
        byte_set_add(&body, (uint8_t)*c);
    for (uint32_t i = 0; i < SHAPE_BODY_MIN; i++)
        if (!byte_set_within(&facts->head[i], &body))
            return false;
    return true;
}

/* Patterns of these tiers are run from the first byte of a word only. */
static void add_head(struct builder *builder, uint32_t index, uint32_t kind)
{
    bool letters = kind == DETECTOR_LETTERS;
    uint32_t *count = letters ? &builder->letters_count : &builder->digits_count;
    uint32_t bit = UINT32_C(1) << ((*count)++ % SHAPE_HEAD_BITS + (letters ? SHAPE_HEAD_BITS : 0));
    if (!builder->facts.understood || !builder->facts.starts_word)
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "candidates 'digits' and 'letters' need a pattern that begins with \\b");
    if (builder->set->tiers[TIER_OF(kind)].width_max > ANCHORED_WIDTH_MAX)
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "candidates 'digits' and 'letters' need bounded repeats, 256 bytes in all");
    if (letters && (builder->set->tiers[TIER_LETTERS].width_min < SHAPE_BODY_MIN || !head_fits_body(&builder->facts)))
        complain(builder, DIAGNOSTIC_ERROR, index,
                 "candidate 'letters' needs matches whose first nine bytes are letters, digits or one of \" .-+/\"");
    for (uint32_t i = 0; i < PATTERN_HEAD_SIZE; i++)
        for (uint32_t byte = 0; byte < 256; byte++)
            if (byte_set_has(&builder->facts.head[i], (uint8_t)byte))
                builder->set->plan.heads[i][byte] |= bit;
}

/* Whether it asks where the text begins or ends; "perhaps" where that is not plain. */
static bool asks_for_edges(const char *pattern)
{
    bool class = false;
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
            if (strchr("AGZz", *c))
                return true;
        } else if (class) {
            class = *c != ']';
        } else if (*c == '^' || *c == '$') {
            return true;
        } else {
            class = *c == '[';
        }
    }
    return false;
}

static void place_pattern(struct builder *builder, uint32_t index)
{
    struct detect_set *set = builder->set;
    const struct detector_setting *setting = &builder->settings[index];
    for (uint32_t kinds = setting->candidate; kinds; kinds &= kinds - 1)
        widen_tier(builder, index, TIER_OF(kinds));
    /* Keywords are found by the literal tier, but only beside a value of the keyword tier do they matter. */
    if (setting->candidate & (DETECTOR_LITERAL | DETECTOR_KEYWORD)) {
        uint32_t width = set->tiers[TIER_OF(setting->candidate & (DETECTOR_LITERAL | DETECTOR_KEYWORD))].width_min;
        set->literal_size_min = set->literal_size_min ? min_u32(set->literal_size_min, width) : width;
        for (uint32_t byte = 0; byte < 256; byte++)
            set->small[byte] |= byte_set_has(&builder->facts.needed, (uint8_t)byte) ? SMALL_LITERAL : 0;
    }
    if (setting->candidate & DETECTOR_DIGITS)
        add_head(builder, index, DETECTOR_DIGITS);
    if (setting->candidate & DETECTOR_LETTERS)
        add_head(builder, index, DETECTOR_LETTERS);
    set->edges = set->edges || asks_for_edges(builder->patterns[index]);
    set->plan.wanted |= setting->candidate & ~(uint32_t)(DETECTOR_LITERAL | DETECTOR_KEYWORD | DETECTOR_ALWAYS);
}

static void build_detector(struct builder *builder, uint32_t index)
{
    const struct detector_setting *setting = &builder->settings[index];
    struct arena *arena = builder->set->arena;
    struct detector *detector = &builder->set->detectors[index];
    detector->public = (struct detect_detector){.id = arena_copy_text(arena, setting->id, strlen(setting->id)),
                                                .name = arena_copy_text(arena, setting->name, strlen(setting->name)),
                                                .class = arena_copy_text(arena, setting->class, strlen(setting->class)),
                                                .disabled = setting->disabled};
    detector->mask = setting->mask;
    detector->digest = setting->digest;
    detector->candidate = setting->candidate;
    detector->keyed = setting->keyed;
    detector->keyword_required = setting->keyword_required;
    if (!detector->public.id || !detector->public.name || !detector->public.class)
        complain_memory(builder);
    check_rules(builder, index);
    copy_keywords(builder, index);
    detector->validator = setting->validator ? validator_find(setting->validator) : NULL;
    if (setting->validator && !detector->validator) {
        char message[256];
        snprintf(message, sizeof(message), "there is no validator '%.60s'; the documentation of the file lists them",
                 setting->validator);
        complain(builder, DIAGNOSTIC_ERROR, index, message);
    }
    int status = pattern_study(setting->pattern, setting->caseless, &builder->facts);
    if (status == -E2BIG)
        complain(builder, DIAGNOSTIC_ERROR, index, "the pattern has more than 1000 bytes; split it into two detectors");
    else if (status)
        complain_memory(builder);
    if (status)
        return;
    detector->tail = builder->facts.tail;
    detector->tail_max = builder->facts.tail_max;
    memcpy(builder->patterns[index], builder->facts.trimmed, PATTERN_TEXT_MAX);
    grade_pattern(builder, index);
    if (!setting->disabled)
        place_pattern(builder, index);
}

/* ---- tiers ---- */

static void add_expression(struct builder *builder, const char *expression, unsigned int id, unsigned int flags)
{
    uint32_t at = builder->expression_count++;
    builder->expressions[at] = expression;
    builder->ids[at] = id;
    builder->flags[at] = flags;
}

/* Where the start of a match is known beforehand, the pattern is tied to it: twenty times as fast, a tenth of the size.
 */
static void add_pattern(struct builder *builder, uint32_t index, uint32_t tier)
{
    unsigned int flags = pattern_flags(&builder->settings[index]);
    const char *pattern = builder->patterns[index];
    if (!(TIERS_ANCHORED >> tier & 1)) {
        add_expression(builder, pattern, index, flags);
        return;
    }
    char text[PATTERN_TEXT_MAX + 8];
    int size = snprintf(text, sizeof(text), "^(?:%s)", pattern);
    const char *anchored = arena_copy_text(builder->set->arena, text, (size_t)size);
    if (anchored)
        add_expression(builder, anchored, index, flags & ~(unsigned int)HS_FLAG_SOM_LEFTMOST);
    else
        complain_memory(builder);
}

/* "sort code" -> "sort[-_ ]?code", as context_has_keyword() reads it, but for the borders. */
static const char *keyword_expression(struct builder *builder, const char *word)
{
    char text[CONTEXT_KEYWORD_MAX * 8], *end = text;
    for (const char *c = word; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
        end += *c == ' ' ? sprintf(end, "[-_ ]?") : sprintf(end, plain ? "%c" : "\\x%02x", (unsigned char)*c);
    }
    return arena_copy_text(builder->set->arena, text, (size_t)(end - text));
}

static bool searched_near_keywords(const struct detector *detector)
{
    return (detector->candidate & DETECTOR_KEYWORD) && !detector->public.disabled;
}

static uint32_t count_near_keywords(const struct detect_set *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++)
        count += searched_near_keywords(&set->detectors[i]) ? set->detectors[i].keywords.count : 0;
    return count;
}

/* The keywords of the keyword tier: marks in the literal tier, and as one list for the field's name. */
static void add_keywords(struct builder *builder)
{
    struct detect_set *set = builder->set;
    char(*words)[CONTEXT_KEYWORD_MAX] =
        arena_take(set->arena, sizeof(*words) * (count_near_keywords(set) + 1), _Alignof(char));
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count && words; i++) {
        const struct detector *detector = &set->detectors[i];
        for (uint32_t k = 0; k < detector->keywords.count && searched_near_keywords(detector); k++) {
            memcpy(words[count], detector->keywords.words[k], CONTEXT_KEYWORD_MAX);
            const char *expression = keyword_expression(builder, words[count]);
            if (!expression) {
                complain_memory(builder);
                return;
            }
            add_expression(builder, expression, KEYWORD_ID + count, HS_FLAG_CASELESS);
            count++;
        }
    }
    if (words)
        context_keywords_init(&set->keyword_tier, (const char(*)[CONTEXT_KEYWORD_MAX])words, count);
    else
        complain_memory(builder);
}

static void compile_tier(struct builder *builder, uint32_t number)
{
    struct detect_set *set = builder->set;
    hs_compile_error_t *error = NULL;
    builder->expression_count = 0;
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->detectors[i].public.disabled && (set->detectors[i].candidate >> number & 1))
            add_pattern(builder, i, number);
    if (number == TIER_LITERAL)
        add_keywords(builder);
    if (builder->expression_count == 0 || builder->failed)
        return;
    if (hs_compile_multi(builder->expressions, builder->flags, builder->ids, builder->expression_count, HS_MODE_BLOCK,
                         NULL, &set->tiers[number].database, &error) == HS_SUCCESS)
        return;
    builder->failed = true;
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, NULL,
                    "the detectors do not compile together: %s; take some of them out", error->message);
    hs_free_compile_error(error);
}

/* ---- samples ---- */

static bool sample_is_found(struct builder *builder, struct detect_scratch *scratch, uint32_t index, const char *sample)
{
    struct detect_hit hits[SAMPLE_HITS_MAX];
    struct span context = span_from_text(builder->settings[index].sample_context);
    struct detect_text text = detect_text_whole(sample, (uint32_t)strlen(sample), context);
    uint32_t count = detect_scan(builder->set, scratch, &text, hits, SAMPLE_HITS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (hits[i].detector == index)
            return true;
    return false;
}

static void check_samples(struct builder *builder, struct detect_scratch *scratch, uint32_t index)
{
    const struct detector_setting *setting = &builder->settings[index];
    char message[256];
    for (uint32_t i = 0; i < setting->found_count; i++) {
        if (sample_is_found(builder, scratch, index, setting->found[i]))
            continue;
        snprintf(message, sizeof(message),
                 "sample '%.80s' is not found; mend the pattern, the validator, the candidate"
                 " rule, or give the field name it needs as 'sample_context'",
                 setting->found[i]);
        complain(builder, DIAGNOSTIC_ERROR, index, message);
    }
    for (uint32_t i = 0; i < setting->ignored_count; i++) {
        if (!sample_is_found(builder, scratch, index, setting->ignored[i]))
            continue;
        snprintf(message, sizeof(message), "sample '%.80s' is found, although it is listed under 'ignored'",
                 setting->ignored[i]);
        complain(builder, DIAGNOSTIC_ERROR, index, message);
    }
}

static void check_all_samples(struct builder *builder)
{
    static const uint8_t no_secret[DIGEST_KEY_SIZE] = {0}; /* samples are no secrets */
    struct digest_key key;
    digest_key_init(&key, no_secret);
    struct detect_scratch *scratch = detect_scratch_new(builder->set, &key);
    if (!scratch) {
        complain_memory(builder);
        return;
    }
    for (uint32_t i = 0; i < builder->set->count; i++)
        if (!builder->set->detectors[i].public.disabled)
            check_samples(builder, scratch, i);
    detect_scratch_free(scratch);
}

static void build(struct builder *builder)
{
    struct detect_set *set = builder->set;
    for (uint32_t i = 0; i < set->count; i++)
        build_detector(builder, i);
    shape_plan_finish(&set->plan);
    for (const char *c = "0123456789@+^<"; *c != '\0'; c++)
        set->small[(uint8_t)*c] |= SMALL_SHAPE;
    for (uint32_t i = 0; i < TIER_COUNT && !builder->failed; i++)
        compile_tier(builder, i);
    if (!builder->failed)
        check_all_samples(builder);
}

struct detect_set *detect_set_new(const struct detect_set_source *source, struct diagnostics *diagnostics)
{
    uint32_t count = source->count;
    require(count <= DETECTORS_MAX);
    struct detect_set *set = calloc(1, sizeof(*set));
    struct builder *builder = calloc(1, sizeof(*builder));
    char(*patterns)[PATTERN_TEXT_MAX] = calloc(count + 1, sizeof(*patterns));
    if (set)
        set->arena = arena_new_growing();
    if (set && set->arena)
        set->detectors = arena_take_array(set->arena, struct detector, count + 1);
    bool built = false;
    if (set && set->detectors && builder && patterns) {
        set->count = count;
        set->plan.kernel = shape_kernel_best();
        set->plan.finder = shape_place_best();
        *builder = (struct builder){.set = set,
                                    .settings = source->settings,
                                    .previous = source->previous,
                                    .ungraded = source->ungraded,
                                    .file = source->file,
                                    .diagnostics = diagnostics,
                                    .patterns = patterns};
        build(builder);
        built = !builder->failed;
    } else {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "not enough memory to compile the detectors");
    }
    free(patterns);
    free(builder);
    if (built)
        return set;
    detect_set_free(set);
    return NULL;
}

void detect_set_free(struct detect_set *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < TIER_COUNT; i++)
        hs_free_database(set->tiers[i].database);
    if (set->arena)
        arena_free(set->arena);
    free(set);
}

uint32_t detect_set_count(const struct detect_set *set)
{
    return set->count;
}

const struct detect_detector *detect_set_detector(const struct detect_set *set, uint32_t index)
{
    require(index < set->count);
    return &set->detectors[index].public;
}

uint32_t detect_set_find(const struct detect_set *set, const char *id)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (strcmp(set->detectors[i].public.id, id) == 0)
            return i;
    return set->count;
}
