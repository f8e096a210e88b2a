/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Route table, searching: the hot path.
 *
 * A walk yields the nodes at which all segments are used up, in order of preference, by going back to the last node
 * that had another choice. The nodes any walk can visit were counted when the table was built (REGISTRY_STEPS_MAX).
 */

#include "registry/route_table.h"

#define HOST_SIZE_MAX 255u /* RFC 1035 2.3.4; a longer one is no host */

struct frame {
    uint32_t node;
    uint32_t choice; /* 0: the literal child; then the mixed ones; then the parameter */
};

struct walk {
    const struct route_table *table;
    const struct span *segments;
    uint32_t count;
    uint32_t depth;
    bool base_seen;
    struct frame frames[REQUEST_SEGMENTS_MAX + 1];
};

struct host {
    uint32_t port; /* 0: unknown */
    uint32_t label_count;
    struct span labels[REQUEST_SEGMENTS_MAX]; /* rightmost first */
    uint8_t text[HOST_SIZE_MAX];
};

static bool has_label(const struct route_table *table, uint32_t node, struct span label)
{
    return span_equal(route_node_label(table, &table->nodes[node]), label);
}

static uint32_t find_literal(const struct route_table *table, const struct route_node *node, struct span segment)
{
    uint32_t child = node->edges;
    if (node->edge_mask) {
        uint32_t hash = route_hash(table->seed, segment);
        uint32_t slot = hash & node->edge_mask;
        const struct route_edge *edges = table->edges + node->edges;
        for (; edges[slot].child; slot = (slot + 1) & node->edge_mask)
            if (edges[slot].hash == hash && has_label(table, edges[slot].child, segment))
                return edges[slot].child;
        return 0;
    }
    return has_label(table, child, segment) ? child : 0;
}

/* Pieces between parameters, leftmost first; every parameter takes at least one byte. */
static bool fits_shape(struct span shape, struct span segment)
{
    const uint8_t *mark = memchr(shape.data, ROUTE_PARAMETER, shape.size);
    struct span piece = {shape.data, (uint32_t)(mark - shape.data)};
    if (!span_starts_with(segment, piece))
        return false;
    segment = span_from(segment, piece.size);
    shape = span_from(shape, piece.size);
    while (shape.size) {
        shape = span_from(shape, 1);
        mark = shape.size ? memchr(shape.data, ROUTE_PARAMETER, shape.size) : NULL;
        if (!mark) {
            return segment.size > shape.size &&
                   (!shape.size || !memcmp(segment.data + segment.size - shape.size, shape.data, shape.size));
        }
        if (segment.size == 0)
            return false;
        piece = span_of(shape.data, (size_t)(mark - shape.data));
        const uint8_t *found = memmem(segment.data + 1, segment.size - 1, piece.data, piece.size);
        if (!found)
            return false;
        segment = span_from(segment, (uint32_t)(found - segment.data) + piece.size);
        shape = span_from(shape, piece.size);
    }
    return false;
}

static uint32_t next_child(const struct route_table *table, struct frame *frame, struct span segment)
{
    const struct route_node *node = &table->nodes[frame->node];
    if (frame->choice == 0) {
        frame->choice = 1;
        uint32_t child = node->edges ? find_literal(table, node, segment) : 0;
        if (child)
            return child;
    }
    while (frame->choice <= node->mixed_count) {
        uint32_t child = table->mixed[node->mixed + frame->choice++ - 1];
        if (fits_shape(route_node_label(table, &table->nodes[child]), segment))
            return child;
    }
    if (frame->choice == node->mixed_count + 1u) {
        frame->choice++;
        return segment.size ? node->parameter : 0;
    }
    return 0;
}

static void walk_begin(struct walk *walk, const struct route_table *table, uint32_t root, const struct span *segments,
                       uint32_t count)
{
    walk->table = table;
    walk->segments = segments;
    walk->count = count;
    walk->depth = 1;
    walk->base_seen = table->nodes[root].base;
    walk->frames[0] = (struct frame){root, 0};
}

/* The next node with all segments used up, or NULL. */
static const struct route_node *walk_next(struct walk *walk)
{
    while (walk->depth) {
        uint32_t position = walk->depth - 1;
        struct frame *frame = &walk->frames[position];
        if (position == walk->count) {
            walk->depth--;
            return &walk->table->nodes[frame->node];
        }
        uint32_t child = next_child(walk->table, frame, walk->segments[position]);
        if (!child) {
            walk->depth--;
            continue;
        }
        walk->base_seen |= walk->table->nodes[child].base;
        walk->frames[walk->depth++] = (struct frame){child, 0};
    }
    return NULL;
}

static uint32_t method_of(struct span method)
{
    static const struct {
        char name[8];
        uint32_t method;
    } by_size[][2] = {
        [3] = {{"GET", REGISTRY_GET}, {"PUT", REGISTRY_PUT}},
        [4] = {{"POST", REGISTRY_POST}, {"HEAD", REGISTRY_HEAD}},
        [5] = {{"PATCH", REGISTRY_PATCH}, {"TRACE", REGISTRY_TRACE}},
        [6] = {{"DELETE", REGISTRY_DELETE}, {"DELETE", REGISTRY_DELETE}},
        [7] = {{"OPTIONS", REGISTRY_OPTIONS}, {"OPTIONS", REGISTRY_OPTIONS}},
    };
    if (method.size < 3 || method.size >= ARRAY_COUNT(by_size))
        return REGISTRY_METHOD_COUNT;
    for (uint32_t i = 0; i < 2; i++)
        if (memcmp(method.data, by_size[method.size][i].name, method.size) == 0)
            return by_size[method.size][i].method;
    return REGISTRY_METHOD_COUNT;
}

/* Looks at a node's operations, those with the slash as sent first. Returns true when the search is over. */
static bool judge_leaf(const struct route_table *table, const struct route_node *node, uint32_t method,
                       bool trailing_slash, struct route_match *match)
{
    for (uint32_t attempt = 0; attempt < 2; attempt++) {
        uint32_t slash = trailing_slash ^ attempt;
        uint32_t methods = node->methods[slash];
        bool has = (methods >> method & 1) != 0;
        if (!methods || (!has && match->outcome == REGISTRY_NO_METHOD))
            continue;
        uint32_t before = has ? methods & ((1u << method) - 1) : 0;
        match->operation = table->leaf_operations[node->leaf[slash] + (uint32_t)__builtin_popcount(before)];
        match->methods = methods;
        match->trailing_slash_differs = attempt != 0;
        match->outcome = has ? REGISTRY_MATCH : REGISTRY_NO_METHOD;
        if (has)
            return true;
    }
    return false;
}

/* Searches below one root. Improves *match only. */
static void search_paths(const struct route_table *table, uint32_t root, const struct request_path *path,
                         uint32_t method, struct route_match *match)
{
    struct walk walk;
    struct route_match found = {.outcome = REGISTRY_NO_HOST, .operation = ROUTE_OPERATION_NONE};
    walk_begin(&walk, table, root, path->segments, path->count);
    for (const struct route_node *node = walk_next(&walk); node; node = walk_next(&walk)) {
        bool passed_over = found.outcome == REGISTRY_NO_METHOD;
        if (judge_leaf(table, node, method, path->trailing_slash, &found)) {
            found.less_literal = passed_over;
            break;
        }
    }
    if (found.outcome == REGISTRY_NO_HOST)
        found.outcome = walk.base_seen ? REGISTRY_NO_PATH : REGISTRY_NO_BASE_PATH;
    if (found.outcome > match->outcome)
        *match = found;
}

static bool port_fits(uint32_t registered, uint32_t asked)
{
    bool is_default = asked == ROUTE_PORT_HTTP || asked == ROUTE_PORT_HTTPS;
    return asked == 0 || registered == ROUTE_PORT_ANY || (registered == 0 ? is_default : registered == asked);
}

static uint32_t read_port(struct span digits)
{
    uint32_t port = 0;
    for (uint32_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || port > UINT16_MAX)
            return UINT32_MAX;
        port = port * 10 + digits.data[i] - '0';
    }
    return port;
}

/* "name:port", "[address]:port"; a colon inside brackets is no port's. */
static struct span split_port(struct span authority, uint32_t *port)
{
    uint32_t end = authority.size;
    while (end > 0 && authority.data[end - 1] != ':' && authority.data[end - 1] != ']')
        end--;
    if (end == 0 || authority.data[end - 1] != ':')
        return authority;
    if (end < authority.size)
        *port = read_port(span_from(authority, end));
    return span_first(authority, end - 1);
}

/* Returns false when it is no host at all. */
static bool read_host(struct host *host, const struct registry_request *request)
{
    host->port = request->port;
    struct span text = split_port(request->host, &host->port);
    if (text.size && text.data[text.size - 1] == '.')
        text.size--;
    if (text.size == 0 || text.size > HOST_SIZE_MAX)
        return false;
    bool literal_address = text.data[0] == '[';
    uint32_t end = text.size;
    host->label_count = 0;
    for (uint32_t i = text.size; i-- > 0;) {
        host->text[i] = ascii_lower(text.data[i]);
        bool dot = text.data[i] == '.' && !literal_address;
        if (!dot && i > 0)
            continue;
        if (host->label_count == REQUEST_SEGMENTS_MAX)
            return false;
        uint32_t start = dot ? i + 1 : 0;
        host->labels[host->label_count++] = span_of(host->text + start, end - start);
        end = i;
    }
    return true;
}

static void search_hosts(const struct route_table *table, const struct registry_request *request,
                         const struct request_path *path, uint32_t method, struct route_match *match)
{
    struct host host;
    struct walk walk;
    if (!read_host(&host, request))
        return;
    walk_begin(&walk, table, table->host_root, host.labels, host.label_count);
    const struct route_node *node = walk_next(&walk);
    for (; node && match->outcome != REGISTRY_MATCH; node = walk_next(&walk)) {
        const struct route_port *ports = table->ports + node->leaf[0];
        for (uint32_t i = 0; i < node->leaf[1] && match->outcome != REGISTRY_MATCH; i++)
            if (port_fits(ports[i].port, host.port))
                search_paths(table, ports[i].root, path, method, match);
    }
}

void route_table_find(const struct route_table *table, const struct registry_request *request,
                      struct route_match *match_out)
{
    struct request_path path;
    *match_out = (struct route_match){.outcome = REGISTRY_NO_HOST, .operation = ROUTE_OPERATION_NONE};
    bool has_path = request_path_split(&path, request->path);
    if (unlikely(path.too_long)) {
        match_out->outcome = REGISTRY_UNDECIDED;
        return;
    }
    /* "*" and the like begin below no root: no segment a template could have. */
    if (unlikely(!has_path)) {
        path.segments[0] = (struct span){0};
        path.count = 1;
    }
    uint32_t method = method_of(request->method);
    search_hosts(table, request, &path, method, match_out);
    if (match_out->outcome != REGISTRY_MATCH && table->any_root)
        search_paths(table, table->any_root, &path, method, match_out);
}
