/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pattern program
 *
 * One pass over the expression, with a stack of open groups. A quantifier copies the fragment in front of it as often
 * as it may repeat: the programs are small, and nothing but copying would keep the questions asked of them simple.
 */

#include "detect/pattern_program.h"

#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX 512u /* a larger count is not written out */

static struct pattern_instruction *append(struct pattern_program *program, enum pattern_operation operation)
{
    if (program->count >= PATTERN_PROGRAM_MAX - 1) {
        program->failed = true;
        program->count = 0;
    }
    struct pattern_instruction *added = &program->code[program->count++];
    memset(added, 0, sizeof(*added));
    added->operation = operation;
    return added;
}

static void insert_split(struct pattern_program *program, uint32_t at, int32_t second)
{
    append(program, OPERATION_SPLIT);
    if (program->failed)
        return;
    struct pattern_instruction *place = &program->code[at];
    memmove(place + 1, place, sizeof(*place) * (program->count - 1 - at));
    *place = (struct pattern_instruction){.operation = OPERATION_SPLIT, .first = 1, .second = second};
}

static void append_copy(struct pattern_program *program, uint32_t from, uint32_t size)
{
    for (uint32_t i = 0; i < size && !program->failed; i++) {
        struct pattern_instruction copy = program->code[from + i];
        *append(program, OPERATION_NOTHING) = copy;
    }
}

static void fold_case(struct byte_set *set)
{
    for (uint32_t c = 'A'; c <= 'Z'; c++) {
        bool either = byte_set_has(set, (uint8_t)c) || byte_set_has(set, (uint8_t)(c + 32));
        if (!either)
            continue;
        byte_set_add(set, (uint8_t)c);
        byte_set_add(set, (uint8_t)(c + 32));
    }
}

static bool named_class(char name, struct byte_set *set_out)
{
    struct byte_set set = {{0}};
    switch (name | 0x20) {
    case 'd':
        byte_set_add_range(&set, '0', '9');
        break;
    case 'w':
        byte_set_add_range(&set, '0', '9');
        byte_set_add_range(&set, 'A', 'Z');
        byte_set_add_range(&set, 'a', 'z');
        byte_set_add(&set, '_');
        break;
    case 's':
        byte_set_add_range(&set, '\t', '\r');
        byte_set_add(&set, ' ');
        break;
    default:
        return false;
    }
    if (name >= 'A' && name <= 'Z')
        byte_set_invert(&set);
    *set_out = set;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One escaped byte; `position` is behind the backslash. -1: not understood. */
static int read_escape(struct pattern_program *program)
{
    char c = program->text[program->position];
    if (c == '\0')
        return -1;
    program->position++;
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'x': {
        int high = hex_digit(program->text[program->position]);
        int low = high < 0 ? -1 : hex_digit(program->text[program->position + 1]);
        if (low < 0)
            return -1;
        program->position += 2;
        return high * 16 + low;
    }
    default: {
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        return word ? -1 : (uint8_t)c;
    }
    }
}

/* One member of a class: a byte, or a named class that was merged into the set already (-2). -1: not understood. */
static int read_class_member(struct pattern_program *program, struct byte_set *set)
{
    char c = program->text[program->position];
    if (c == '\0')
        return -1;
    program->position++;
    if (c != '\\')
        return (c == '[' && program->text[program->position] == ':') ? -1 : (uint8_t)c;
    struct byte_set named;
    if (!named_class(program->text[program->position], &named))
        return read_escape(program);
    program->position++;
    byte_set_merge(set, &named);
    return -2;
}

/* `position` is behind the '['. */
static bool read_class(struct pattern_program *program, struct byte_set *set_out)
{
    struct byte_set set = {{0}};
    const char *text = program->text;
    bool negated = text[program->position] == '^';
    program->position += negated;
    for (bool start = true; start || text[program->position] != ']'; start = false) {
        int first = read_class_member(program, &set);
        if (first == -1)
            return false;
        if (first < 0)
            continue;
        int last = first;
        if (text[program->position] == '-' && text[program->position + 1] != ']') {
            program->position++;
            last = read_class_member(program, &set);
        }
        if (last < first)
            return false;
        byte_set_add_range(&set, (uint8_t)first, (uint8_t)last);
    }
    program->position++;
    if (program->caseless)
        fold_case(&set);
    if (negated)
        byte_set_invert(&set);
    *set_out = set;
    return true;
}

static void append_set(struct pattern_program *program, struct byte_set set)
{
    if (program->caseless)
        fold_case(&set);
    append(program, OPERATION_SET)->set = set;
    program->atom_is_set = true;
}

static void open_group(struct pattern_program *program)
{
    const char *text = program->text;
    program->failed |= program->depth + 1 >= PATTERN_GROUPS_MAX;
    if (text[program->position] == '?') {
        program->failed |= text[program->position + 1] != ':';
        program->position += 2;
    }
    if (program->failed)
        return;
    program->depth++;
    program->groups[program->depth] = (struct pattern_group){program->count, program->count};
}

static void next_alternative(struct pattern_program *program)
{
    struct pattern_group *group = &program->groups[program->depth];
    program->has_alternatives |= program->depth == 0;
    insert_split(program, group->alternative, (int32_t)(program->count - group->alternative) + 2);
    append(program, OPERATION_JUMP);
    group->alternative = program->count;
}

/* Jumps of the alternatives lead here. */
static void land_jumps(struct pattern_program *program, uint32_t start)
{
    for (uint32_t i = start; i < program->count; i++)
        if (program->code[i].operation == OPERATION_JUMP && program->code[i].first == 0)
            program->code[i].first = (int32_t)(program->count - i);
}

static void close_group(struct pattern_program *program)
{
    if (program->depth == 0) {
        program->failed = true;
        return;
    }
    land_jumps(program, program->groups[program->depth].start);
    program->atom = program->groups[program->depth].start;
    program->depth--;
}

static void read_escaped_atom(struct pattern_program *program)
{
    struct byte_set set = {{0}};
    char c = program->text[program->position];
    if (c == 'b' || c == 'B') {
        program->position++;
        append(program, c == 'b' ? OPERATION_BOUNDARY : OPERATION_NOTHING);
        return;
    }
    if (named_class(c, &set)) {
        program->position++;
    } else {
        int byte = read_escape(program);
        program->failed |= byte < 0;
        byte_set_add(&set, (uint8_t)byte);
    }
    append_set(program, set);
}

static void read_atom(struct pattern_program *program)
{
    struct byte_set set = {{0}};
    program->atom = program->count;
    program->atom_position = program->position;
    program->atom_is_set = false;
    char c = program->text[program->position++];
    switch (c) {
    case '\\':
        read_escaped_atom(program);
        break;
    case '[':
        program->failed |= !read_class(program, &set);
        append_set(program, set);
        break;
    case '.':
        byte_set_add(&set, '\n');
        byte_set_invert(&set);
        append_set(program, set);
        break;
    case '^':
    case '$':
        append(program, OPERATION_NOTHING);
        break;
    case '(':
        open_group(program);
        break;
    case ')':
        close_group(program);
        break;
    case '|':
        next_alternative(program);
        break;
    default:
        byte_set_add(&set, (uint8_t)c);
        append_set(program, set);
    }
}

/* "{3}", "{3,}", "{3,5}", '?', '*', '+' at `position`. False: none there. */
static bool read_quantifier(struct pattern_program *program, uint32_t *min_out, uint32_t *max_out)
{
    const char *start = program->text + program->position;
    char *end = NULL;
    if (*start == '?' || *start == '*' || *start == '+') {
        *min_out = *start == '+';
        *max_out = *start == '?' ? 1 : UINT32_MAX;
        program->position++;
        return true;
    }
    if (*start != '{' || start[1] < '0' || start[1] > '9')
        return false;
    unsigned long min = strtoul(start + 1, &end, 10), max = min;
    if (*end == ',')
        max = end[1] == '}' ? UINT32_MAX : strtoul(end + 1, &end, 10);
    if (*end == ',')
        end++;
    program->failed |= *end != '}' || min > REPEAT_MAX || (max != UINT32_MAX && max > REPEAT_MAX) || max < min;
    *min_out = (uint32_t)min;
    *max_out = (uint32_t)max;
    program->position = (uint32_t)(end + 1 - program->text);
    return true;
}

/* Repeats the fragment from `start` to the end of the program. */
static void repeat(struct pattern_program *program, uint32_t start, uint32_t min, uint32_t max)
{
    uint32_t size = program->count - start, body = start, made = min;
    for (uint32_t i = 1; i < min; i++)
        append_copy(program, start, size);
    if (max == UINT32_MAX && min > 0) {
        struct pattern_instruction *back = append(program, OPERATION_SPLIT);
        back->first = -(int32_t)size;
        back->second = 1;
        return;
    }
    if (max == UINT32_MAX) {
        insert_split(program, start, (int32_t)size + 2);
        append(program, OPERATION_JUMP)->first = -(int32_t)(size + 1);
        return;
    }
    if (min == 0) {
        insert_split(program, start, (int32_t)size + 1);
        body = start + 1;
        made = 1;
    }
    for (uint32_t i = made; i < max && !program->failed; i++) {
        struct pattern_instruction *split = append(program, OPERATION_SPLIT);
        split->first = 1;
        split->second = (int32_t)size + 1;
        append_copy(program, body, size);
    }
}

static void read_repeat(struct pattern_program *program)
{
    uint32_t min, max;
    if (program->failed || !read_quantifier(program, &min, &max))
        return;
    char next = program->text[program->position];
    if (max == 0 || next == '+' || next == '?') { /* possessive and lazy ones are not Hyperscan's */
        program->failed = true;
        return;
    }
    if (program->atom_is_set) {
        program->repeat_position = program->atom_position;
        program->repeat_end = program->position;
        program->repeat_min = min;
        program->repeat_max = max;
        program->repeat_set = program->code[program->atom].set;
    }
    repeat(program, program->atom, min, max);
}

void pattern_program_compile(struct pattern_program *program, const char *text, bool caseless)
{
    program->text = text;
    program->caseless = caseless;
    program->groups[0] = (struct pattern_group){0, 0};
    while (!program->failed && program->text[program->position] != '\0') {
        read_atom(program);
        read_repeat(program);
    }
    program->failed |= program->depth != 0;
    land_jumps(program, 0);
    append(program, OPERATION_END);
}
