/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: our own x- members; registry/operation.h says what they mean.
 */

#include "registry/openapi.h"

#define DAY_SECONDS   INT64_C(86400)
#define SECOND_NS     UINT64_C(1000000000)
#define TIME_YEAR_MAX 2554 /* the last full one that fits 64 bits of nanoseconds */
#define TIME_YEAR_MIN 1970

static struct document_node find_nearest(const struct openapi_levels *levels, struct span key)
{
    struct document_node node = {0};
    for (uint32_t i = 0; i < ARRAY_COUNT(levels->nodes) && !document_exists(node); i++)
        node = document_find(levels->nodes[i], key);
    return node;
}

/* `count` digits at the front of *text, which moves on. Returns -1 when there are not as many. */
static int take_digits(struct span *text, uint32_t count)
{
    int value = 0;
    if (text->size < count)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return -1;
        value = value * 10 + text->data[i] - '0';
    }
    *text = span_from(*text, count);
    return value;
}

static bool take_byte(struct span *text, char expected)
{
    if (text->size == 0 || ascii_lower(text->data[0]) != ascii_lower((uint8_t)expected))
        return false;
    *text = span_from(*text, 1);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t days = 0;
    for (int y = TIME_YEAR_MIN; y < year; y++)
        days += days_in_month(y, 2) == 29 ? 366 : 365;
    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    return days + day - 1;
}

static bool take_date(struct span *text, int64_t *seconds_out)
{
    int year = take_digits(text, 4);
    int month = take_byte(text, '-') ? take_digits(text, 2) : -1;
    int day = take_byte(text, '-') ? take_digits(text, 2) : -1;
    if (year < TIME_YEAR_MIN || year > TIME_YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    *seconds_out = days_from_date(year, month, day) * DAY_SECONDS;
    return true;
}

/* ".25" is 250,000,000; digits beyond nanoseconds are dropped. */
static bool take_fraction(struct span *text, uint64_t *fraction_ns_out)
{
    uint64_t unit = SECOND_NS / 10;
    *fraction_ns_out = 0;
    if (!take_byte(text, '.'))
        return true;
    int digit = take_digits(text, 1);
    bool any = digit >= 0;
    for (; digit >= 0; digit = take_digits(text, 1)) {
        *fraction_ns_out += unit * (uint64_t)digit;
        unit /= 10;
    }
    return any;
}

/* "Z" or "+02:00", as the seconds to take away. */
static bool take_offset(struct span *text, int64_t *seconds_out)
{
    *seconds_out = 0;
    if (take_byte(text, 'Z'))
        return true;
    int sign = take_byte(text, '+') ? 1 : take_byte(text, '-') ? -1 : 0;
    int hours = sign ? take_digits(text, 2) : -1;
    int minutes = take_byte(text, ':') ? take_digits(text, 2) : -1;
    *seconds_out = sign * (hours * 3600 + minutes * 60);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

/* RFC 3339 full-date or date-time. A leap second counts as the second before it. */
static bool read_time(struct span text, uint64_t *time_ns_out)
{
    int64_t seconds, offset;
    uint64_t fraction_ns = 0;
    if (!take_date(&text, &seconds))
        return false;
    if (text.size) {
        bool separated = take_byte(&text, 'T') || take_byte(&text, ' ');
        int hour = separated ? take_digits(&text, 2) : -1;
        int minute = take_byte(&text, ':') ? take_digits(&text, 2) : -1;
        int second = take_byte(&text, ':') ? take_digits(&text, 2) : -1;
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
            !take_fraction(&text, &fraction_ns) || !take_offset(&text, &offset) || text.size)
            return false;
        seconds += hour * 3600 + minute * 60 + (second == 60 ? 59 : second) - offset;
    }
    *time_ns_out = (uint64_t)seconds * SECOND_NS + fraction_ns;
    return seconds > 0;
}

static void read_sunset(struct loader *loader, struct document_node node, struct registry_operation *operation)
{
    if (document_exists(node) && !read_time(document_text(node), &operation->sunset_ns))
        loader_complain(loader, node,
                        "x-sunset must be an RFC 3339 date or date-time: 2026-12-31 or "
                        "2026-12-31T23:59:59Z");
}

static void read_retired(struct loader *loader, struct document_node node, struct registry_operation *operation)
{
    if (!document_exists(node) || document_boolean(node, &operation->retired))
        return;
    if (document_text(node).size == 0) {
        loader_complain(loader, node, "x-retired must be true, false, or a text saying since which version");
        return;
    }
    operation->retired = true;
    operation->retired_text = loader_intern(loader, document_text(node));
}

static void read_lifecycle(struct loader *loader, struct document_node node, struct registry_operation *operation)
{
    struct span text = document_text(node);
    if (span_equal(text, SPAN_LITERAL("deprecated")))
        operation->deprecated = true;
    else if (span_equal(text, SPAN_LITERAL("retired")))
        operation->retired = true;
    else if (document_exists(node) && !span_equal(text, SPAN_LITERAL("active")))
        loader_complain(loader, node, "x-lifecycle must be active, deprecated or retired");
}

static void read_owner(struct loader *loader, const struct openapi_levels *levels, struct registry_operation *operation)
{
    struct document_node node = find_nearest(levels, SPAN_LITERAL("x-owner"));
    if (document_exists(node) && document_text(node).size == 0)
        loader_complain(loader, node, "x-owner must be a text");
    operation->owner = loader_intern(loader, document_text(node));
    if (!operation->owner.size)
        operation->owner = operation->document->contact_name;
    if (!operation->owner.size)
        operation->owner = operation->document->contact_email;
}

static void read_callers(struct loader *loader, struct document_node node, struct registry_operation *operation)
{
    static const char scheme[] = "spiffe://";
    struct registry_names texts = loader_read_names(loader, node, "a SPIFFE id or a list of them");
    struct pattern *patterns = loader_take_array(loader, loader->arena, struct pattern, texts.count + 1);
    for (uint32_t i = 0; patterns && i < texts.count; i++) {
        bool spiffe = span_starts_with(texts.names[i], span_of(scheme, sizeof(scheme) - 1));
        if (spiffe && pattern_init(&patterns[operation->caller_count], texts.names[i]))
            operation->caller_count++;
        else
            loader_complain(loader, node,
                            "x-callers holds patterns of SPIFFE ids; write them like spiffe://example.org/payments/*, "
                            "with up to %u stars",
                            PATTERN_STARS_MAX);
    }
    operation->callers = patterns;
}

void openapi_read_extensions(struct loader *loader, const struct openapi_levels *levels,
                             struct registry_operation *operation)
{
    read_lifecycle(loader, find_nearest(levels, SPAN_LITERAL("x-lifecycle")), operation);
    read_retired(loader, find_nearest(levels, SPAN_LITERAL("x-retired")), operation);
    read_sunset(loader, find_nearest(levels, SPAN_LITERAL("x-sunset")), operation);
    read_owner(loader, levels, operation);
    operation->data_classes = loader_read_names(loader, find_nearest(levels, SPAN_LITERAL("x-data-class")),
                                                "a name or a list of names of data classes");
    operation->zones =
        loader_read_names(loader, find_nearest(levels, SPAN_LITERAL("x-zone")), "a name or a list of names of zones");
    read_callers(loader, find_nearest(levels, SPAN_LITERAL("x-callers")), operation);
    struct document_node full_pan = find_nearest(levels, SPAN_LITERAL("x-allow-full-pan"));
    if (document_exists(full_pan) && !document_boolean(full_pan, &operation->allow_full_pan))
        loader_complain(loader, full_pan, "x-allow-full-pan must be true or false, without quotes");
}
