/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Form fields
 *
 * A text ends at '&', a name also at '='. Escapes are only noted here and decoded when somebody asks; parts never end
 * inside one, so each part decodes on its own.
 */

#include "proto/form.h"

#define FORM_ESCAPE_SIZE 3 /* %41 */

enum form_state { FORM_NAME, FORM_VALUE };

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of the character at s.data[0]; 0: the input ends inside what may become an escape. */
static uint32_t unit_size(struct span s, bool last)
{
    if (s.data[0] != '%')
        return 1;
    for (uint32_t i = 1; i < FORM_ESCAPE_SIZE; i++) {
        if (i >= s.size)
            return last ? 1 : 0;
        if (hex_value(s.data[i]) < 0)
            return 1;
    }
    return FORM_ESCAPE_SIZE;
}

static void keep_name(struct form *form, const struct form_item *item)
{
    if (item->first) {
        form->name_size = 0;
        form->name_cut = false;
    }
    uint32_t room = form->name_cut ? 0 : FORM_NAME_KEPT_MAX - form->name_size;
    uint32_t size = min_u32(item->text.size, room);
    if (size > 0)
        memcpy(form->name + form->name_size, item->text.data, size);
    form->name_size = (uint8_t)(form->name_size + size);
    form->name_cut |= size < item->text.size;
}

static void fill(struct form *form, struct span text, uint64_t offset, bool whole, struct form_item *item_out)
{
    *item_out = (struct form_item){
        .text = text,
        .offset = offset,
        .name = form->state == FORM_NAME,
        .first = !form->part_next,
        .last = whole,
        .escaped = form->part_escaped,
        .place_unknown = form->lost,
    };
    if (item_out->name)
        keep_name(form, item_out);
    form->part_next = !whole;
    form->part_escaped = false;
    form->looked = 0;
}

static bool ends_text(const struct form *form, uint8_t c)
{
    return c == '&' || (c == '=' && form->state == FORM_NAME);
}

static struct parse_step answer(struct form *form, enum parse_status status, uint32_t consumed, uint32_t size)
{
    form->offset += consumed;
    form->held = status == PARSE_MORE ? size - consumed : 0;
    return parse_step_of(status, consumed, 0);
}

static struct parse_step lose(struct form *form, const struct parse_input *input)
{
    form->offset += (uint64_t)form->held + input->lost;
    form->looked = form->held = 0;
    form->part_next = form->part_escaped = false;
    form->name_size = 0;
    form->name_cut = false;
    form->lost = true;
    form->state = FORM_VALUE;
    form->ended = input->last;
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, 0, 0);
}

/* Steps over the byte that ended a text. A name that ends at '&' has an empty value, which needs no item. */
static void step_over(struct form *form, uint8_t c)
{
    if (c == '&') {
        form->state = FORM_NAME;
        form->lost = false;
    } else {
        form->state = FORM_VALUE;
    }
}

/* Looks for the end of the open text. True: a part of *size_out bytes is there, its last when *whole_out. */
static bool look(struct form *form, const struct parse_input *input, uint32_t *size_out, bool *whole_out)
{
    uint32_t at = form->looked;
    *whole_out = false;
    while (at < input->size) {
        uint8_t c = input->data[at];
        *whole_out = ends_text(form, c);
        uint32_t size = *whole_out ? 1 : unit_size((struct span){input->data + at, input->size - at}, input->last);
        if (*whole_out || size == 0 || at + size > FORM_PART_MAX) {
            form->looked = *size_out = at;
            return size > 0;
        }
        form->part_escaped |= c == '%' || c == '+';
        at += size;
    }
    form->looked = *size_out = at;
    *whole_out = input->last;
    return input->last;
}

struct parse_step form_parse(struct form *form, const struct parse_input *input, struct form_item *item_out)
{
    if (!input->data && input->lost)
        return lose(form, input);
    if (form->ended)
        return parse_step_of(PARSE_STOP, input->size, 0);
    uint32_t size = 0;
    bool whole = false;
    if (!look(form, input, &size, &whole))
        return answer(form, PARSE_MORE, 0, input->size);
    uint8_t stop = 0;
    bool stopped = whole && size < input->size;
    if (stopped)
        stop = input->data[size];
    bool empty = size == 0 && !form->part_next;
    fill(form, (struct span){input->data, size}, form->offset, whole, item_out);
    if (stopped)
        step_over(form, stop);
    else if (whole)
        form->ended = true;
    /* The empty text behind the last byte is nothing anybody wrote. */
    if (empty && form->ended)
        return answer(form, PARSE_STOP, size, input->size);
    return answer(form, PARSE_ITEM, size + stopped, input->size);
}

uint32_t form_unescape(struct span in, uint8_t *out, uint32_t capacity)
{
    uint32_t written = 0;
    for (uint32_t at = 0; at < in.size && written < capacity; written++) {
        uint32_t size = unit_size(span_from(in, at), true);
        uint8_t c = in.data[at] == '+' ? ' ' : in.data[at];
        if (size == FORM_ESCAPE_SIZE)
            c = (uint8_t)(hex_value(in.data[at + 1]) << 4 | hex_value(in.data[at + 2]));
        out[written] = c;
        at += size;
    }
    return written;
}

uint32_t form_name(const struct form *form, char *buffer, uint32_t capacity, bool *cut_out)
{
    struct span name = {form->name, form->name_size};
    uint8_t whole[FORM_NAME_KEPT_MAX];
    uint32_t size = form_unescape(name, whole, sizeof(whole));
    *cut_out = form->name_cut || size > capacity;
    size = min_u32(size, capacity);
    memcpy(buffer, whole, size);
    return size;
}
