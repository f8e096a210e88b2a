/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Body text
 *
 * The locator keeps the last two keys or values that its reader gave, as ranges of the body. Two are enough: matches
 * are asked in order, and the only pair that may share a match is a key and its value.
 */

#include "proto/body_text.h"

#include "proto/json_text.h"

/* What a view must still hold of an open text when the next one begins. */
static_assert(1 + JSON_STRING_PART_MAX + 12 <= BODY_WINDOW_OVERLAP, "a part of JSON fits the overlap");
static_assert(FORM_PART_MAX + 3 <= BODY_WINDOW_OVERLAP, "a part of a form fits the overlap");
static_assert(XML_PART_MAX + 12 <= BODY_WINDOW_OVERLAP, "a part of XML fits the overlap");
static_assert(JSON_STRING_PART_MAX >= FORM_PART_MAX, "pieces are sized by JSON's parts");
static_assert(JSON_STRING_PART_MAX >= XML_PART_MAX, "pieces are sized by JSON's parts");

/* A part of a key or value, whatever the kind of body. */
struct part {
    struct span text;
    uint64_t offset;     /* of text */
    uint64_t begin, end; /* with quotes */
    bool key, first, last, escaped;
    bool word; /* no string */
    bool malformed;
};

bool body_has_places(enum body_kind kind)
{
    return kind == BODY_JSON || kind == BODY_LINES || kind == BODY_EVENTS || kind == BODY_FORM || kind == BODY_XML;
}

static bool is_json(enum body_kind kind)
{
    return kind == BODY_JSON || kind == BODY_LINES || kind == BODY_EVENTS;
}

void body_locator_init(struct body_locator *locator, enum body_kind kind)
{
    memset(locator, 0, offsetof(struct body_locator, reader));
    locator->kind = kind;
    if (is_json(kind))
        json_init(&locator->reader.json, kind == BODY_JSON ? JSON_TEXT : JSON_LINES);
    else if (kind == BODY_FORM)
        memset(&locator->reader.form, 0, sizeof(locator->reader.form));
    else if (kind == BODY_XML)
        memset(&locator->reader.xml, 0, sizeof(locator->reader.xml));
}

static enum parse_status read_json(struct json_walker *walker, const struct parse_input *input, uint32_t *consumed_out,
                                   struct part *part_out, bool *is_part_out)
{
    struct json_item item;
    struct parse_step step = json_parse(walker, input, &item);
    *consumed_out = step.consumed;
    *is_part_out = step.status == PARSE_ITEM && item.kind <= JSON_OTHER;
    if (!*is_part_out)
        return step.status;
    bool quoted = item.kind == JSON_KEY || item.kind == JSON_STRING;
    *part_out = (struct part){
        .text = item.text,
        .offset = item.offset,
        .begin = item.offset - (quoted && item.first),
        .end = item.offset + item.text.size + (quoted && item.last),
        .key = item.kind == JSON_KEY,
        .first = item.first,
        .last = item.last,
        .escaped = item.escaped,
        .word = !quoted,
        .malformed = item.malformed,
    };
    return step.status;
}

static enum parse_status read_form(struct form *form, const struct parse_input *input, uint32_t *consumed_out,
                                   struct part *part_out, bool *is_part_out)
{
    struct form_item item;
    struct parse_step step = form_parse(form, input, &item);
    *consumed_out = step.consumed;
    *is_part_out = step.status == PARSE_ITEM;
    if (*is_part_out)
        *part_out = (struct part){
            .text = item.text,
            .offset = item.offset,
            .begin = item.offset,
            .end = item.offset + item.text.size,
            .key = item.name,
            .first = item.first,
            .last = item.last,
            .escaped = item.escaped,
        };
    return step.status;
}

static enum parse_status read_xml(struct xml *xml, const struct parse_input *input, uint32_t *consumed_out,
                                  struct part *part_out, bool *is_part_out)
{
    struct xml_item item;
    struct parse_step step = xml_parse(xml, input, &item);
    *consumed_out = step.consumed;
    *is_part_out = step.status == PARSE_ITEM;
    if (*is_part_out)
        *part_out = (struct part){
            .text = item.text,
            .offset = item.offset,
            .begin = item.offset,
            .end = item.offset + item.text.size,
            .key = item.name,
            .first = item.first,
            .last = item.last,
            .escaped = item.escaped,
        };
    return step.status;
}

static enum parse_status read_input(struct body_locator *locator, const struct parse_input *input,
                                    uint32_t *consumed_out, struct part *part_out, bool *is_part_out)
{
    if (locator->kind == BODY_FORM)
        return read_form(&locator->reader.form, input, consumed_out, part_out, is_part_out);
    if (locator->kind == BODY_XML)
        return read_xml(&locator->reader.xml, input, consumed_out, part_out, is_part_out);
    return read_json(&locator->reader.json, input, consumed_out, part_out, is_part_out);
}

/* The reader's own count of the body, which a hole must move too. */
static uint64_t *reader_offset(struct body_locator *locator)
{
    if (locator->kind == BODY_FORM)
        return &locator->reader.form.offset;
    return locator->kind == BODY_XML ? &locator->reader.xml.offset : &locator->reader.json.offset;
}

/* Steps over what is missing between the last view and this one. */
static void skip_hole(struct body_locator *locator, const struct body_view *view)
{
    if (view->offset <= locator->offset)
        return;
    const struct parse_input hole = {.data = NULL, .lost = 1};
    struct part part;
    uint32_t consumed;
    bool is_part;
    (void)read_input(locator, &hole, &consumed, &part, &is_part);
    *reader_offset(locator) = locator->offset = view->offset;
    locator->previous = locator->current = (struct body_range){0};
    locator->after_key = false;
    locator->after_loss = true;
}

/* Words at the top of what should be JSON, or words in a row that the grammar does not allow, are just text. */
static bool is_same_text(const struct body_locator *locator, const struct part *part)
{
    const struct body_range *current = &locator->current;
    if (!is_json(locator->kind) || !current->present || part->escaped || current->escaped)
        return false;
    bool both_top = !locator->reader.json.depth && current->top;
    return both_top || (part->word && part->malformed && current->word);
}

static void take_part(struct body_locator *locator, const struct part *part)
{
    struct body_range *current = &locator->current;
    if (part->first && !is_same_text(locator, part)) {
        locator->previous = *current;
        *current = (struct body_range){
            .begin = part->begin,
            .present = true,
            .key = part->key,
            .of_key = locator->after_key && !part->key,
            .word = part->word,
            .top = is_json(locator->kind) && !locator->reader.json.depth,
        };
    }
    current->end = part->end;
    current->open = !part->last;
    if (part->escaped && !current->escaped) {
        current->escaped = true;
        current->escaped_begin = part->begin;
    }
    locator->after_key = part->key && part->last;
}

/* Reads on within the view. False: the view has no more to give. */
static bool read_part(struct body_locator *locator, const struct body_view *view, struct part *part_out)
{
    skip_hole(locator, view);
    uint64_t end = view->offset + view->size;
    /* At most two answers a byte, as the parser contract has it. */
    while (locator->offset <= end) {
        uint32_t at = (uint32_t)(locator->offset - view->offset), consumed = 0;
        bool is_part = false;
        const struct parse_input input = {.data = view->data + at, .size = view->size - at, .last = view->final};
        enum parse_status status = read_input(locator, &input, &consumed, part_out, &is_part);
        locator->offset += consumed;
        if (is_part) {
            take_part(locator, part_out);
            return true;
        }
        if (status != PARSE_ITEM)
            return false;
        locator->after_key = false;
    }
    return false;
}

/* Reads over what ends in front of `end` and is asked for by nobody. `previous` is then older than it seems, but of no
 * use: it lies in front of everything that will be asked for. */
static void skip_to(struct body_locator *locator, const struct body_view *view, uint64_t end)
{
    if (!is_json(locator->kind) || locator->offset < view->offset || locator->offset >= end)
        return;
    struct json_skipped skipped = {.open = locator->after_key};
    const uint8_t *from = view->data + (locator->offset - view->offset);
    uint32_t consumed = json_skip(&locator->reader.json, from, (uint32_t)(end - locator->offset), &skipped);
    locator->offset += consumed;
    if (skipped.any)
        locator->current = (struct body_range){
            .begin = skipped.begin,
            .end = skipped.end,
            .present = true,
            .key = skipped.key,
            .of_key = skipped.of_key,
            .word = skipped.word,
        };
    locator->after_key = skipped.open;
}

static bool holds(const struct body_range *range, uint64_t offset)
{
    return range->present && offset >= range->begin && offset < range->end;
}

/* Reads until the range `current` ends at or behind `end`, or is whole. */
static void read_to(struct body_locator *locator, const struct body_view *view, uint64_t end)
{
    struct part part;
    while (locator->current.open && locator->current.end < end && read_part(locator, view, &part))
        continue;
}

/*
 * The match runs over the end of a word, which may go on with the next. Looked up on a copy, because a word that does
 * not belong would take the reader away from the place of this one.
 */
static void read_words(struct body_locator *locator, const struct body_view *view, uint64_t end)
{
    struct part part;
    while (locator->current.end < end && (locator->current.word || locator->current.top)) {
        struct body_locator ahead = *locator;
        if (!read_part(&ahead, view, &part) || ahead.current.begin != locator->current.begin)
            return;
        *locator = ahead;
        read_to(locator, view, end);
    }
}

/*
 * The match begins in a key and ends behind it: in the key's value, or anywhere. A value that is still open at the end
 * of the view holds all that is left of the view.
 */
static enum body_place_kind judge_key(struct body_locator *locator, const struct body_view *view, bool in_current,
                                      uint64_t end)
{
    struct part part;
    if (in_current && !read_part(locator, view, &part))
        return locator->after_key && !view->final ? BODY_PLACE_KEY_VALUE : BODY_PLACE_SPANS;
    read_to(locator, view, end);
    const struct body_range *value = &locator->current;
    bool inside = end <= value->end || (value->open && !view->final);
    return value->of_key && inside ? BODY_PLACE_KEY_VALUE : BODY_PLACE_SPANS;
}

static bool is_lost(const struct body_locator *locator)
{
    if (locator->kind == BODY_FORM)
        return locator->reader.form.lost;
    return locator->kind == BODY_XML ? locator->reader.xml.lost : locator->reader.json.lost;
}

static void write_name(const struct body_locator *locator, struct body_place *place)
{
    uint32_t size = 0;
    if (is_json(locator->kind)) {
        size = json_pointer(&locator->reader.json, place->name, BODY_NAME_MAX, &place->name_cut);
    } else if (locator->kind == BODY_FORM) {
        size = form_name(&locator->reader.form, place->name, BODY_NAME_MAX, &place->name_cut);
    } else if (locator->kind == BODY_XML) {
        size = xml_path(&locator->reader.xml, place->name, BODY_NAME_MAX, &place->name_cut);
    }
    place->name_size = (uint16_t)size;
}

static void begin_place(struct body_place *place, enum body_place_kind kind)
{
    place->kind = kind;
    place->escaped = place->name_cut = false;
    place->name_size = 0;
}

/* No range holds the beginning of the match. */
static enum body_place_kind judge_gap(const struct body_locator *locator, uint64_t begin)
{
    bool known_before = (locator->previous.present && locator->previous.end <= begin) ||
                        (locator->current.present && locator->current.end <= begin);
    bool blind = is_lost(locator) || (locator->after_loss && !known_before);
    return blind ? BODY_PLACE_UNKNOWN : BODY_PLACE_OUTSIDE;
}

void body_locate(struct body_locator *locator, const struct body_view *view, uint32_t start, uint32_t size,
                 struct body_place *place_out)
{
    begin_place(place_out, BODY_PLACE_VALUE);
    if (!body_has_places(locator->kind))
        return;
    uint64_t begin = view->offset + start, end = begin + (size ? size : 1);
    struct part part;
    do
        skip_to(locator, view, begin);
    while (!(locator->current.present && locator->current.end > begin) && read_part(locator, view, &part));
    bool in_current = holds(&locator->current, begin);
    if (!in_current && !holds(&locator->previous, begin)) {
        place_out->kind = judge_gap(locator, begin);
        return;
    }
    if (in_current) {
        read_to(locator, view, end);
        read_words(locator, view, end);
    }
    const struct body_range range = in_current ? locator->current : locator->previous;
    bool inside = end <= range.end || (range.open && !view->final);
    if (!inside)
        place_out->kind = range.key ? judge_key(locator, view, in_current, end) : BODY_PLACE_SPANS;
    else if (range.key)
        place_out->kind = BODY_PLACE_KEY;
    if (place_out->kind == BODY_PLACE_SPANS)
        return;
    if (is_lost(locator)) {
        place_out->kind = BODY_PLACE_UNKNOWN;
        return;
    }
    place_out->escaped = inside && range.escaped && end > range.escaped_begin;
    /* The reader stands at `current`; the one before has the same name only as its key. */
    if (in_current || (range.key && locator->current.of_key))
        write_name(locator, place_out);
}

void body_locator_leave(struct body_locator *locator, const struct body_view *view)
{
    bool ends = view->final && !view->cut;
    if (ends || !body_has_places(locator->kind))
        return;
    uint64_t end = view->offset + view->size;
    uint64_t target = view->final ? end : end - BODY_WINDOW_OVERLAP;
    struct part part;
    do
        skip_to(locator, view, target);
    while (!(locator->current.present && locator->current.end > target) && read_part(locator, view, &part));
}

bool body_needs_decoding(enum body_kind kind, const struct body_view *view)
{
    if (is_json(kind))
        return memchr(view->data, '\\', view->size) != NULL;
    if (kind == BODY_FORM)
        return memchr(view->data, '%', view->size) || memchr(view->data, '+', view->size);
    return kind == BODY_XML && memchr(view->data, '&', view->size);
}

void body_values_init(struct body_values *values)
{
    values->done = 0;
    values->carry_end = 0;
    values->decoded = 0;
    values->size = 0;
    values->carry_escaped = false;
}

bool body_values_enter(struct body_values *values, const struct body_locator *locator, const struct body_view *view)
{
    if (!body_locator_in_escaped(locator) && !body_needs_decoding(locator->kind, view))
        return false;
    values->locator = *locator;
    return true;
}

/* Moves what the part before left to the front of text[]. Returns its size, 0 when the part is not its continuation. */
static uint32_t carry_over(struct body_values *values, const struct part *part)
{
    if (part->first)
        values->decoded = 0;
    if (part->first || values->carry_end != part->offset)
        return 0;
    uint32_t size = min_u32(values->size, BODY_CARRY_MAX + 1);
    memmove(values->text, values->text + values->size - size, size);
    return size;
}

/* A part before any escape: the raw scan has it, only its end is kept, for a match that runs into the next part. */
static void keep_end(struct body_values *values, const struct part *part)
{
    values->decoded = part->text.size + (part->first ? 0 : values->decoded);
    uint32_t size = part->last ? 0 : min_u32(part->text.size, BODY_CARRY_MAX + 1);
    memcpy(values->text, part->text.data + part->text.size - size, size);
    values->size = size;
    values->carry_escaped = false;
    values->carry_end = part->offset + part->text.size;
}

static uint32_t unescape(enum body_kind kind, struct span text, uint8_t *out, uint32_t capacity)
{
    if (kind == BODY_FORM)
        return form_unescape(text, out, capacity);
    return kind == BODY_XML ? xml_unescape(text, out, capacity) : json_unescape(text, out, capacity);
}

/* Bytes in front of the first escape. */
static uint32_t plain_size(enum body_kind kind, struct span text)
{
    int escape = kind == BODY_FORM ? '%' : kind == BODY_XML ? '&' : '\\';
    const uint8_t *found = text.size ? memchr(text.data, escape, text.size) : NULL;
    return found ? (uint32_t)(found - text.data) : text.size;
}

static void give_piece(struct body_values *values, const struct part *part, struct body_piece *piece_out)
{
    uint32_t carry = carry_over(values, part);
    bool from_raw = carry > 0 && !values->carry_escaped;
    piece_out->first = part->first;
    piece_out->last = part->last;
    piece_out->known = part->first || values->carry_end == part->offset;
    piece_out->at = values->decoded - carry;
    piece_out->resumes = from_raw;
    piece_out->plain = values->decoded + plain_size(values->locator.kind, part->text);
    uint8_t *out = values->text + carry;
    uint32_t capacity = BODY_PIECE_MAX - carry;
    uint32_t size = carry + unescape(values->locator.kind, part->text, out, capacity);
    values->size = size;
    values->decoded += size - carry;
    values->carry_escaped = true;
    values->carry_end = part->offset + part->text.size;
    piece_out->data = values->text;
    piece_out->size = size;
    piece_out->start_min = carry > BODY_CARRY_MAX;
    piece_out->start_max = part->last ? size : size > BODY_CARRY_MAX ? size - BODY_CARRY_MAX : 0;
    piece_out->end_min = from_raw ? carry : 0;
    piece_out->offset = part->offset;
    bool lost = is_lost(&values->locator);
    begin_place(&piece_out->place, lost ? BODY_PLACE_UNKNOWN : part->key ? BODY_PLACE_KEY : BODY_PLACE_VALUE);
    piece_out->place.escaped = true;
    if (!lost)
        write_name(&values->locator, &piece_out->place);
}

bool body_values_next(struct body_values *values, const struct body_view *view, struct body_piece *piece_out)
{
    struct part part;
    while (read_part(&values->locator, view, &part)) {
        if (part.offset < values->done)
            continue; /* given with the view before */
        values->done = part.offset + 1;
        if (values->locator.current.escaped) {
            give_piece(values, &part, piece_out);
            return true;
        }
        keep_end(values, &part);
    }
    return false;
}
