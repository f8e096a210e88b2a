/* SPDX-License-Identifier: Apache-2.0 */

/* Client: each proxy adds the address that it saw behind the others, so the list is read from its end. */

#include "policy/client.h"

#include <string.h>

/* Cuts the last part off the list. False: none is left. */
static bool part_take_last(struct span *list, struct span *part_out)
{
    if (list->size == 0)
        return false;
    const uint8_t *comma = memrchr(list->data, ',', list->size);
    uint32_t from = comma ? (uint32_t)(comma - list->data) + 1 : 0;
    *part_out = span_trim(span_from(*list, from));
    *list = span_first(*list, comma ? from - 1 : 0);
    return true;
}

/* "192.0.2.1", "192.0.2.1:8080", "2001:db8::1", "[2001:db8::1]:8080" */
static bool address_read(struct span text, struct address *address_out)
{
    char copy[ADDRESS_TEXT_SIZE];
    uint8_t version;
    const uint8_t *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
    if (text.size && text.data[0] == '[') {
        const uint8_t *end = memchr(text.data, ']', text.size);
        text = end ? span_of(text.data + 1, (size_t)(end - text.data) - 1) : (struct span){0};
    } else if (colon && !memchr(colon + 1, ':', text.size - (size_t)(colon + 1 - text.data))) {
        text = span_first(text, (uint32_t)(colon - text.data));
    }
    if (text.size == 0 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return address_parse(copy, address_out, &version) == 0;
}

/* The last line of several: that of the last proxy. */
static struct span forwarded_for(const struct policy_facts *facts)
{
    const struct transaction_side *request = &facts->transaction->request;
    const struct transaction_header *header = NULL, *last = NULL;
    while ((header = transaction_find_header(request, HEADER_X_FORWARDED_FOR, header)) != NULL)
        last = header;
    return last ? transaction_header_value(facts->transaction, last) : (struct span){0};
}

bool policy_client_find(const struct policy_facts *facts, struct address *client_out)
{
    const struct endpoints *endpoints = &facts->call->endpoints;
    const struct zone *zone = facts->input->source_zone;
    *client_out = endpoints->source;
    struct span list = zone->trusted_proxy ? forwarded_for(facts) : (struct span){0}, part;
    for (uint32_t hop = 0; zone->trusted_proxy && hop < CLIENT_HOPS_MAX; hop++) {
        if (!facts->input->zones || !part_take_last(&list, &part) || !address_read(part, client_out))
            return false;
        zone = zones_find(facts->input->zones, endpoints, client_out);
    }
    return !zone->trusted_proxy;
}
