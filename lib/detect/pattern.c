/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Facts about a pattern
 *
 * All of them are questions of reachability in the pattern's program: a set of bytes is needed if the end cannot be
 * reached without consuming one of them; a match starts a word if nothing is consumed before a \b; and so on.
 */

#include "detect/pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/pattern_program.h"

#define NEEDED_SETS_MAX      32u /* different rare sets tried, singly and in pairs: 500 questions of some microseconds */
#define NEEDED_FREQUENCY_MAX 30u /* any capital; commoner sets would not spare anything */
#define TRIMMED_MORE         8u  /* "x+" becomes "x{1}" */

/* The reachable instructions of one question. */
struct search {
    const struct pattern_program *program;
    uint32_t pending_count;
    uint16_t pending[PATTERN_PROGRAM_MAX];
    bool seen[PATTERN_PROGRAM_MAX];
};

static_assert(PATTERN_PROGRAM_MAX <= UINT16_MAX, "instructions are numbered in 16 bits");

static void push(struct search *search, uint32_t at)
{
    if (at >= search->program->count || search->seen[at])
        return;
    search->seen[at] = true;
    search->pending[search->pending_count++] = (uint16_t)at;
}

/*
 * Sees whatever can be reached from what was pushed. Without `forbidden` it stops at sets; with it a set is passed when
 * it has a byte that is not forbidden.
 */
static void reach(struct search *search, const struct byte_set *forbidden, bool cross_boundary)
{
    while (search->pending_count) {
        uint32_t at = search->pending[--search->pending_count];
        const struct pattern_instruction *instruction = &search->program->code[at];
        switch (instruction->operation) {
        case OPERATION_SET:
            if (forbidden && !byte_set_within(&instruction->set, forbidden))
                push(search, at + 1);
            break;
        case OPERATION_SPLIT:
            push(search, (uint32_t)((int32_t)at + instruction->first));
            push(search, (uint32_t)((int32_t)at + instruction->second));
            break;
        case OPERATION_JUMP:
            push(search, (uint32_t)((int32_t)at + instruction->first));
            break;
        case OPERATION_BOUNDARY:
            if (cross_boundary)
                push(search, at + 1);
            break;
        case OPERATION_NOTHING:
            push(search, at + 1);
            break;
        case OPERATION_END:
            break;
        }
    }
}

static void search_begin(struct search *search, const struct pattern_program *program)
{
    memset(search, 0, sizeof(*search));
    search->program = program;
}

static bool is_needed(struct search *search, const struct pattern_program *program, const struct byte_set *set)
{
    search_begin(search, program);
    push(search, 0);
    reach(search, set, true);
    return !search->seen[program->count - 1];
}

static bool starts_word(struct search *search, const struct pattern_program *program)
{
    search_begin(search, program);
    push(search, 0);
    reach(search, NULL, false);
    for (uint32_t i = 0; i < program->count; i++) {
        enum pattern_operation operation = program->code[i].operation;
        if (search->seen[i] && (operation == OPERATION_SET || operation == OPERATION_END))
            return false;
    }
    return true;
}

/* `now` and `next` are two searches to take turns with. */
static void find_head(struct search *now, struct search *next, const struct pattern_program *program,
                      struct pattern_facts *facts)
{
    bool ended = false;
    search_begin(now, program);
    push(now, 0);
    for (uint32_t i = 0; i < PATTERN_HEAD_SIZE; i++) {
        reach(now, NULL, true);
        ended |= now->seen[program->count - 1];
        search_begin(next, program);
        for (uint32_t at = 0; at < program->count; at++) {
            if (!now->seen[at] || program->code[at].operation != OPERATION_SET)
                continue;
            byte_set_merge(&facts->head[i], &program->code[at].set);
            push(next, at + 1);
        }
        if (ended)
            byte_set_fill(&facts->head[i]);
        struct search *spare = now;
        now = next;
        next = spare;
    }
}

/* How often a byte is seen in header values, roughly: only the order matters. */
static uint32_t byte_frequency(uint8_t byte)
{
    if (byte == ' ')
        return 30;
    if (byte == 'j' || byte == 'q' || byte == 'x' || byte == 'z')
        return 5;
    if ((byte >= 'a' && byte <= 'z') || byte == '-' || byte == '/' || byte == ',')
        return 25;
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == ':' || byte == '=' ? 2 : 1;
}

static uint32_t set_frequency(const struct byte_set *set)
{
    uint32_t sum = 0;
    for (uint32_t byte = 0; byte < 256; byte++)
        sum += byte_set_has(set, (uint8_t)byte) ? byte_frequency((uint8_t)byte) : 0;
    return sum;
}

/* The rare sets of the program, each once. */
static uint32_t collect_sets(const struct pattern_program *program, struct byte_set sets_out[NEEDED_SETS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->count && count < NEEDED_SETS_MAX; i++) {
        const struct pattern_instruction *instruction = &program->code[i];
        bool known = instruction->operation != OPERATION_SET || set_frequency(&instruction->set) > NEEDED_FREQUENCY_MAX;
        for (uint32_t k = 0; k < count && !known; k++)
            known = memcmp(&sets_out[k], &instruction->set, sizeof(sets_out[k])) == 0;
        if (!known)
            sets_out[count++] = instruction->set;
    }
    return count;
}

static void find_needed(struct search *search, const struct pattern_program *program, struct pattern_facts *facts)
{
    struct byte_set sets[NEEDED_SETS_MAX];
    uint32_t count = collect_sets(program, sets), best = UINT32_MAX;
    byte_set_fill(&facts->needed);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i; k < count; k++) {
            struct byte_set set = sets[i];
            byte_set_merge(&set, &sets[k]);
            uint32_t frequency = set_frequency(&set);
            if (frequency >= best || !is_needed(search, program, &set))
                continue;
            best = frequency;
            facts->needed = set;
        }
    }
}

/* Cuts "X{4,}" at the end down to "X{4}". */
static void trim_tail(const struct pattern_program *program, struct pattern_facts *facts)
{
    uint32_t min = program->repeat_min, position = program->repeat_position;
    bool open = program->repeat_max > min && program->repeat_end == strlen(program->text);
    if (!open || program->has_alternatives || (position == 0 && min == 0))
        return;
    const char *brace = program->text + program->repeat_end - 1;
    while (*brace != '{' && *brace != '*' && *brace != '+' && *brace != '?')
        brace--;
    uint32_t atom_size = (uint32_t)(brace - program->text) - position;
    int size = min == 0 ? snprintf(facts->trimmed, PATTERN_TEXT_MAX, "%.*s", (int)position, program->text)
                        : snprintf(facts->trimmed, PATTERN_TEXT_MAX, "%.*s{%u}", (int)(position + atom_size),
                                   program->text, min);
    require(size > 0 && (uint32_t)size < PATTERN_TEXT_MAX);
    facts->tail = program->repeat_set;
    facts->tail_max = program->repeat_max == UINT32_MAX ? UINT32_MAX : program->repeat_max - min;
}

static void say_nothing(struct pattern_facts *facts)
{
    byte_set_fill(&facts->alphabet);
    byte_set_fill(&facts->needed);
    for (uint32_t i = 0; i < PATTERN_HEAD_SIZE; i++)
        byte_set_fill(&facts->head[i]);
}

int pattern_study(const char *text, bool caseless, struct pattern_facts *facts_out)
{
    memset(facts_out, 0, sizeof(*facts_out));
    size_t size = strlen(text);
    if (size >= PATTERN_TEXT_MAX - TRIMMED_MORE)
        return -E2BIG;
    memcpy(facts_out->trimmed, text, size + 1);
    struct pattern_program *program = calloc(1, sizeof(*program));
    struct search *searches = calloc(2, sizeof(*searches));
    if (!program || !searches) {
        free(program);
        free(searches);
        return -ENOMEM;
    }
    pattern_program_compile(program, text, caseless);
    if (program->failed) {
        say_nothing(facts_out);
    } else {
        facts_out->understood = true;
        facts_out->starts_word = starts_word(&searches[0], program);
        for (uint32_t i = 0; i < program->count; i++)
            if (program->code[i].operation == OPERATION_SET)
                byte_set_merge(&facts_out->alphabet, &program->code[i].set);
        find_head(&searches[0], &searches[1], program, facts_out);
        find_needed(&searches[0], program, facts_out);
        trim_tail(program, facts_out);
    }
    free(searches);
    free(program);
    return 0;
}
