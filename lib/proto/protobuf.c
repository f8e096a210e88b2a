/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Protobuf walker
 *
 * A stack of levels instead of recursion. A level is a message, a group, a packed list, or a value that was guessed to
 * be a message; each knows its end, so that a field that claims to be longer than what it lies in is seen at once, and
 * so that a guess that proves wrong, or a hole, costs that one value: the rest of it goes on as bytes.
 */

#include "proto/protobuf.h"

#define VALUE_SIZE_MAX UINT64_C(0x7fffffff) /* no implementation takes more */

/* Of google.protobuf.Any. */
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2 };

enum state { STATE_TAG, STATE_VARINT, STATE_FIXED, STATE_LENGTH, STATE_GUESS, STATE_TEXT, STATE_ENDED };
enum level_kind { LEVEL_ROOT, LEVEL_MESSAGE, LEVEL_GUESSED, LEVEL_PACKED, LEVEL_GROUP };
enum step { STEP_ON, STEP_ITEM, STEP_MORE, STEP_STOP };

struct cursor {
    const uint8_t *at, *end;
};

void protobuf_init(struct protobuf_walker *walker, const struct protobuf_message *message)
{
    memset(walker, 0, offsetof(struct protobuf_walker, levels));
    walker->levels[0] = (struct protobuf_level){.end = UINT64_MAX, .message = message, .kind = LEVEL_ROOT};
    walker->by_schema = message != NULL;
}

void protobuf_bound(struct protobuf_walker *walker, uint64_t size)
{
    walker->levels[0].end = size;
}

static enum step stop(struct protobuf_walker *walker, enum protobuf_outcome outcome)
{
    walker->outcome = (uint8_t)outcome;
    walker->state = STATE_ENDED;
    walker->flaw_offset = walker->offset;
    return STEP_STOP;
}

/* What is left of a level becomes the value of its field, as bytes. */
static void level_to_text(struct protobuf_walker *walker, uint32_t index)
{
    const struct protobuf_level *level = &walker->levels[index];
    walker->depth = (uint8_t)(index - 1);
    walker->field = level->field;
    walker->number = level->number;
    walker->value_end = level->end;
    walker->text_begun = false;
    walker->text_holed = false;
    walker->varint_size = 0;
    walker->utf8 = (struct utf8_check){0};
    walker->state = walker->value_end > walker->offset ? STATE_TEXT : STATE_TAG;
}

/* No protobuf. Inside a guess it was the guess that was wrong. */
static enum step fail(struct protobuf_walker *walker)
{
    for (uint32_t i = 1; i <= walker->depth; i++) {
        if (walker->levels[i].kind == LEVEL_GUESSED) {
            level_to_text(walker, i);
            return STEP_ON;
        }
    }
    return stop(walker, PROTOBUF_MALFORMED);
}

static enum step starved(struct protobuf_walker *walker, bool last)
{
    return last ? stop(walker, PROTOBUF_MALFORMED) : STEP_MORE;
}

/* Collects a varint. STEP_ITEM: it is whole, in walker->varint. */
static enum step take_varint(struct protobuf_walker *walker, struct cursor *cursor, bool last)
{
    uint64_t limit = walker->levels[walker->depth].end;
    while (cursor->at < cursor->end) {
        if (walker->offset == limit || walker->varint_size == PROTOBUF_VARINT_MAX)
            return fail(walker);
        uint8_t c = *cursor->at++;
        walker->offset++;
        if (walker->varint_size == 0)
            walker->varint = 0;
        walker->varint |= (uint64_t)(c & 0x7f) << (7 * walker->varint_size++);
        if (c < 0x80) {
            walker->varint_size = 0;
            return STEP_ITEM;
        }
    }
    return walker->offset == limit ? fail(walker) : starved(walker, last);
}

static bool level_push(struct protobuf_walker *walker, enum level_kind kind, const struct protobuf_message *message,
                       uint64_t end)
{
    if (walker->depth + 1u >= PROTOBUF_DEPTH_MAX) {
        walker->flags |= PROTOBUF_FLAG_TOO_DEEP;
        return false;
    }
    walker->levels[++walker->depth] = (struct protobuf_level){
        .end = end,
        .message = message,
        .field = walker->field,
        .number = walker->number,
        .kind = (uint8_t)kind,
        .packed_type = walker->field ? walker->field->type : PROTOBUF_UNTYPED,
    };
    walker->state = STATE_TAG;
    return true;
}

/* ----------------------------------------------------------------------- tags */

/* A repeated number may come packed whatever the descriptor says, and unpacked (encoding guide, "Packed Fields"). */
static bool wire_fits(const struct protobuf_field *field, uint8_t wire)
{
    enum protobuf_wire single = protobuf_type_wire(field->type);
    return wire == single || (wire == PROTOBUF_WIRE_SIZED && field->repeated && single != PROTOBUF_WIRE_GROUP_BEGIN);
}

static void field_find(struct protobuf_walker *walker)
{
    const struct protobuf_message *message = walker->levels[walker->depth].message;
    walker->field = message ? protobuf_message_field(message, walker->number) : NULL;
    if (walker->field && !wire_fits(walker->field, walker->wire))
        walker->field = NULL;
    else if (!message || walker->field || protobuf_message_extensible(message, walker->number))
        return;
    walker->flags |= PROTOBUF_FLAG_UNKNOWN;
}

static enum step group_begin(struct protobuf_walker *walker)
{
    const struct protobuf_message *message = walker->field ? walker->field->message : NULL;
    if (level_push(walker, LEVEL_GROUP, message, walker->levels[walker->depth].end))
        return STEP_ON;
    return stop(walker, PROTOBUF_LIMIT);
}

static enum step group_end(struct protobuf_walker *walker)
{
    const struct protobuf_level *level = &walker->levels[walker->depth];
    if (level->kind != LEVEL_GROUP || level->number != walker->number)
        return fail(walker);
    walker->depth--;
    return STEP_ON;
}

static enum step value_begin(struct protobuf_walker *walker)
{
    switch (walker->wire) {
    case PROTOBUF_WIRE_VARINT:
        walker->state = STATE_VARINT;
        return STEP_ON;
    case PROTOBUF_WIRE_FIXED64:
    case PROTOBUF_WIRE_FIXED32:
        walker->state = STATE_FIXED;
        return STEP_ON;
    case PROTOBUF_WIRE_SIZED:
        walker->state = STATE_LENGTH;
        return STEP_ON;
    case PROTOBUF_WIRE_GROUP_BEGIN:
        return group_begin(walker);
    default:
        return fail(walker);
    }
}

static enum step step_tag(struct protobuf_walker *walker, struct cursor *cursor, bool last)
{
    const struct protobuf_level *level = &walker->levels[walker->depth];
    if (walker->varint_size == 0) {
        if (walker->depth == 0 && cursor->at == cursor->end)
            return last ? stop(walker, PROTOBUF_COMPLETE) : STEP_MORE;
        if (walker->offset == level->end && walker->depth && level->kind != LEVEL_GROUP) {
            walker->depth--;
            return STEP_ON;
        }
        if (level->kind == LEVEL_PACKED) {
            walker->field = level->field;
            walker->number = level->number;
            walker->wire = (uint8_t)protobuf_type_wire(level->packed_type);
            return value_begin(walker);
        }
    }
    enum step step = take_varint(walker, cursor, last);
    if (step != STEP_ITEM)
        return step;
    if (walker->varint > UINT32_MAX || walker->varint >> 3 == 0)
        return fail(walker);
    if (++walker->field_count > PROTOBUF_FIELDS_MAX)
        return stop(walker, PROTOBUF_LIMIT);
    walker->number = (uint32_t)(walker->varint >> 3);
    walker->wire = (uint8_t)(walker->varint & 7);
    if (walker->wire == PROTOBUF_WIRE_GROUP_END)
        return group_end(walker);
    if (walker->wire >= PROTOBUF_WIRE_COUNT)
        return fail(walker);
    field_find(walker);
    return value_begin(walker);
}

/* --------------------------------------------------------------------- values */

static enum step give_number(struct protobuf_walker *walker, struct protobuf_item *item)
{
    *item = (struct protobuf_item){
        .kind = PROTOBUF_ITEM_NUMBER,
        .wire = walker->wire,
        .type = walker->field ? walker->field->type : PROTOBUF_UNTYPED,
        .number = walker->varint,
    };
    walker->state = STATE_TAG;
    return STEP_ITEM;
}

static enum step step_varint(struct protobuf_walker *walker, struct cursor *cursor, bool last,
                             struct protobuf_item *item)
{
    enum step step = take_varint(walker, cursor, last);
    return step == STEP_ITEM ? give_number(walker, item) : step;
}

static enum step step_fixed(struct protobuf_walker *walker, struct cursor *cursor, bool last,
                            struct protobuf_item *item)
{
    uint32_t size = walker->wire == PROTOBUF_WIRE_FIXED64 ? 8 : 4;
    uint64_t limit = walker->levels[walker->depth].end;
    if (walker->varint_size == 0) {
        walker->varint = 0;
        if (limit - walker->offset < size)
            return fail(walker);
    }
    for (; cursor->at < cursor->end && walker->varint_size < size; walker->offset++)
        walker->varint |= (uint64_t)*cursor->at++ << (8 * walker->varint_size++);
    if (walker->varint_size < size)
        return starved(walker, last);
    walker->varint_size = 0;
    return give_number(walker, item);
}

static void text_begin(struct protobuf_walker *walker)
{
    walker->text_begun = false;
    walker->text_holed = false;
    walker->utf8 = (struct utf8_check){0};
    walker->state = STATE_TEXT;
}

/* An Any holds what it says, or not: its sender may name any type. */
static bool is_any_value(const struct protobuf_walker *walker)
{
    const struct protobuf_message *message = walker->levels[walker->depth].message;
    return walker->field && walker->field->number == ANY_VALUE && message && message->any;
}

/* A sized value of a known field. */
static void sized_begin(struct protobuf_walker *walker)
{
    const struct protobuf_field *field = walker->field;
    bool text = field->type == PROTOBUF_STRING || field->type == PROTOBUF_BYTES;
    enum level_kind kind = field->type == PROTOBUF_MESSAGE ? LEVEL_MESSAGE : LEVEL_PACKED;
    if (text || !level_push(walker, kind, field->message, walker->value_end))
        text_begin(walker);
}

static enum step step_length(struct protobuf_walker *walker, struct cursor *cursor, bool last)
{
    enum step step = take_varint(walker, cursor, last);
    if (step != STEP_ITEM)
        return step;
    if (walker->varint > VALUE_SIZE_MAX || walker->varint > walker->levels[walker->depth].end - walker->offset)
        return fail(walker);
    walker->value_end = walker->offset + walker->varint;
    if (walker->varint == 0)
        walker->state = STATE_TAG;
    else if (walker->field && !is_any_value(walker))
        sized_begin(walker);
    else
        walker->state = STATE_GUESS;
    return STEP_ON;
}

static enum step step_guess(struct protobuf_walker *walker, const struct cursor *cursor, bool last)
{
    uint64_t size = walker->value_end - walker->offset;
    bool whole = size <= PROTOBUF_GUESS_MAX;
    uint32_t seen = whole ? (uint32_t)size : PROTOBUF_GUESS_MAX;
    if ((size_t)(cursor->end - cursor->at) < seen) {
        if (!last)
            return STEP_MORE;
        /* The message ends too early, which is said when what there is of the value has been given. */
        text_begin(walker);
        return STEP_ON;
    }
    const struct protobuf_message *inside = is_any_value(walker) ? walker->levels[walker->depth].inside : NULL;
    struct span value = span_of(cursor->at, seen);
    bool message = inside ? protobuf_is_message(value, whole) : protobuf_guess(value, whole) == PROTOBUF_GUESS_MESSAGE;
    if (!message || !level_push(walker, LEVEL_GUESSED, inside, walker->value_end))
        text_begin(walker);
    return STEP_ON;
}

static void text_check(struct protobuf_walker *walker, struct span text, bool last)
{
    /* Of a text with a hole nobody knows. */
    if (!walker->field || !walker->field->utf8 || walker->text_holed)
        return;
    utf8_check_add(&walker->utf8, text.data, text.size);
    if (last ? !utf8_check_valid(&walker->utf8) : walker->utf8.invalid)
        walker->flags |= PROTOBUF_FLAG_NO_UTF8;
}

/* "type.googleapis.com/package.Message": the name is behind the last slash. */
static void any_url_add(struct protobuf_walker *walker, const struct protobuf_item *item)
{
    struct protobuf_level *level = &walker->levels[walker->depth];
    if (!level->message || !level->message->any || !walker->field || walker->field->number != ANY_TYPE_URL)
        return;
    if (item->first) {
        walker->url_size = 0;
        level->inside = NULL;
    }
    uint32_t room = PROTOBUF_TYPE_URL_MAX - min_u32(walker->url_size, PROTOBUF_TYPE_URL_MAX);
    if (item->text.size <= room)
        memcpy(walker->url + walker->url_size, item->text.data, item->text.size);
    walker->url_size = item->text.size <= room ? walker->url_size + item->text.size : PROTOBUF_TYPE_URL_MAX + 1;
    if (!item->last || walker->url_size > PROTOBUF_TYPE_URL_MAX || walker->text_holed)
        return;
    const char *slash = memrchr(walker->url, '/', walker->url_size);
    uint32_t begin = slash ? (uint32_t)(slash - walker->url) + 1 : 0;
    level->inside = protobuf_types_find(level->message->any, span_of(walker->url + begin, walker->url_size - begin));
}

static enum step give_text(struct protobuf_walker *walker, uint64_t size, struct protobuf_item *item)
{
    walker->offset += size;
    item->kind = PROTOBUF_ITEM_TEXT;
    item->wire = PROTOBUF_WIRE_SIZED;
    item->type = walker->field ? walker->field->type : PROTOBUF_UNTYPED;
    item->first = !walker->text_begun;
    item->last = walker->offset == walker->value_end;
    walker->text_begun = true;
    if (item->last)
        walker->state = STATE_TAG;
    return STEP_ITEM;
}

static enum step step_text(struct protobuf_walker *walker, struct cursor *cursor, bool last, struct protobuf_item *item)
{
    uint64_t size = min_u64(walker->value_end - walker->offset, (uint64_t)(cursor->end - cursor->at));
    if (size == 0)
        return starved(walker, last);
    *item = (struct protobuf_item){.text = span_of(cursor->at, (size_t)size)};
    cursor->at += size;
    enum step step = give_text(walker, size, item);
    text_check(walker, item->text, item->last);
    any_url_add(walker, item);
    return step;
}

static enum step step_next(struct protobuf_walker *walker, struct cursor *cursor, bool last, struct protobuf_item *item)
{
    switch (walker->state) {
    case STATE_TAG:
        return step_tag(walker, cursor, last);
    case STATE_VARINT:
        return step_varint(walker, cursor, last, item);
    case STATE_FIXED:
        return step_fixed(walker, cursor, last, item);
    case STATE_LENGTH:
        return step_length(walker, cursor, last);
    case STATE_GUESS:
        return step_guess(walker, cursor, last);
    case STATE_TEXT:
        return step_text(walker, cursor, last, item);
    default:
        return STEP_STOP;
    }
}

/* ----------------------------------------------------------------------- loss */

/* The innermost field that still goes on behind the hole; 0: none. */
static uint32_t level_around(const struct protobuf_walker *walker, uint32_t lost)
{
    uint32_t index = walker->depth;
    while (index && (walker->levels[index].kind == LEVEL_GROUP || walker->levels[index].end == UINT64_MAX ||
                     walker->levels[index].end - walker->offset < lost))
        index--;
    return index;
}

static struct parse_step step_lost(struct protobuf_walker *walker, uint32_t lost, struct protobuf_item *item)
{
    if (lost == 0)
        return parse_step_of(PARSE_MORE, 0, 0);
    if (walker->state == STATE_ENDED)
        return parse_step_of(PARSE_STOP, 0, 0);
    protobuf_hurry(walker);
    if (walker->state != STATE_TEXT || walker->value_end - walker->offset < lost) {
        uint32_t index = level_around(walker, lost);
        if (index == 0) {
            stop(walker, PROTOBUF_LOST);
            return parse_step_of(PARSE_STOP, 0, 0);
        }
        level_to_text(walker, index);
    }
    walker->text_holed = true;
    *item = (struct protobuf_item){.lost = lost};
    give_text(walker, lost, item);
    return parse_step_of(PARSE_ITEM, lost, 0);
}

void protobuf_hurry(struct protobuf_walker *walker)
{
    if (walker->state == STATE_GUESS)
        text_begin(walker);
}

struct parse_step protobuf_parse(struct protobuf_walker *walker, const struct parse_input *input,
                                 struct protobuf_item *item_out)
{
    if (!input->data)
        return step_lost(walker, input->lost, item_out);
    struct cursor cursor = {input->data, input->data + input->size};
    enum step step = STEP_ON;
    /* Every turn consumes, or goes to a state that does; a level left costs one turn and cost a tag to enter. */
    while (step == STEP_ON)
        step = step_next(walker, &cursor, input->last, item_out);
    uint32_t consumed = (uint32_t)(cursor.at - input->data);
    if (step == STEP_ITEM)
        return parse_step_of(PARSE_ITEM, consumed, 0);
    if (step == STEP_STOP)
        return parse_step_of(PARSE_STOP, consumed, 0);
    uint32_t needed = 0;
    if (walker->state == STATE_GUESS)
        needed = (uint32_t)min_u64(walker->value_end - walker->offset, PROTOBUF_GUESS_MAX);
    return parse_step_of(PARSE_MORE, consumed, needed);
}

/* ----------------------------------------------------------------------- path */

/* Returns the new size; `capacity` when it does not fit. */
static uint32_t path_add(char *path, uint32_t used, uint32_t capacity, const struct protobuf_field *field,
                         uint32_t number)
{
    char digits[10];
    uint32_t size = 0;
    struct span name = field ? field->name : (struct span){0};
    if (!field) {
        for (; number; number /= 10)
            digits[sizeof(digits) - ++size] = (char)('0' + number % 10);
        name = span_of(digits + sizeof(digits) - size, size);
    }
    if (capacity - used <= name.size + 1)
        return capacity;
    path[used] = '/';
    memcpy(path + used + 1, name.data, name.size);
    return used + 1 + name.size;
}

uint32_t protobuf_path(const struct protobuf_walker *walker, char *path_out, uint32_t capacity)
{
    uint32_t used = 0, kept = 0;
    for (uint32_t i = 1; i <= walker->depth && used < capacity; i++) {
        if (walker->levels[i].kind == LEVEL_PACKED)
            continue;
        kept = used;
        used = path_add(path_out, used, capacity, walker->levels[i].field, walker->levels[i].number);
    }
    if (used < capacity) {
        kept = used;
        used = path_add(path_out, used, capacity, walker->field, walker->number);
    }
    return used < capacity ? used : kept;
}

const struct protobuf_message *protobuf_inside(const struct protobuf_walker *walker)
{
    return walker->levels[walker->depth].message;
}
