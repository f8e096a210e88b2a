/* SPDX-License-Identifier: Apache-2.0 */

/* JSON bodies: a head, as many items as the size asks for, a tail. */

#include "generate/body.h"

#include "generate/value.h"

#define LONG_NUMBER_ONE_IN 5u  /* bodies with a number of twelve digits */
#define HALF_ITEM          70u /* so that bodies are as often too long as too short */

static const char *const words[] = {"lamp",   "chair",  "oak",   "linen", "blue",  "copper", "table",  "small",
                                    "garden", "window", "frame", "steel", "black", "cotton", "shelf",  "round",
                                    "mirror", "brass",  "wool",  "green", "desk",  "walnut", "pillow", "glass"};

static const char *word(struct random *random)
{
    return words[random_below(random, ARRAY_COUNT(words))];
}

static void head_add(struct text *text, struct random *random)
{
    static const char *const states[] = {"open", "paid", "packed", "shipped", "delivered", "returned"};
    text_add(text, "{\"id\":\"ord-%u\",\"status\":\"%s\",\"createdAt\":\"2026-%02u-%02uT%02u:%02u:%02uZ\",",
             random_below(random, 1000000), states[random_below(random, ARRAY_COUNT(states))],
             1 + random_below(random, 12), 1 + random_below(random, 28), random_below(random, 24),
             random_below(random, 60), random_below(random, 60));
    text_add(text, "\"currency\":\"EUR\",\"total\":%u.%02u,\"gift\":%s,", random_below(random, 2000),
             random_below(random, 100), random_below(random, 2) ? "true" : "false");
    if (random_below(random, LONG_NUMBER_ONE_IN) == 0) /* begins as no card number does */
        text_add(text, "\"reference\":\"1004%08u\",", random_below(random, 100000000));
    text_add(text, "\"items\":[");
}

static void item_add(struct text *text, struct random *random)
{
    text_add(text, "{\"sku\":\"%c%c-%04u\",\"name\":\"%s %s %s\",\"quantity\":%u,\"price\":%u.%02u,",
             'A' + (char)random_below(random, 26), 'A' + (char)random_below(random, 26), random_below(random, 10000),
             word(random), word(random), word(random), 1 + random_below(random, 5), random_below(random, 300),
             random_below(random, 100));
    text_add(text, "\"attributes\":{\"color\":\"%s\",\"weightGrams\":%u,\"note\":null}", word(random),
             random_below(random, 5000));
}

uint32_t traffic_body_room(uint32_t size, uint32_t values)
{
    return size + TRAFFIC_BODY_SLACK + values * TRAFFIC_VALUE_SIZE_MAX;
}

void traffic_body_add(struct text *text, struct random *random, uint32_t size, uint32_t values)
{
    uint32_t begin = text->size;
    uint32_t kind = random_below(random, 3);
    uint32_t told = 0;
    head_add(text, random);
    do {
        item_add(text, random);
        /* Those due by now; at the last item that is all of them. */
        uint32_t written = text->size - begin;
        bool last = written + HALF_ITEM >= size;
        uint32_t due = last ? values : (uint32_t)((uint64_t)values * written / size);
        for (; told < due; told++) {
            text_add(text, ",");
            traffic_value_add(text, random, kind + told);
        }
        if (last)
            break;
        text_add(text, "},");
    } while (true);
    text_add(text, "}],\"next\":null}");
}
