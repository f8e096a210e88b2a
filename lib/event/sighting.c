/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sightings in a ring: a header of the ring's own, the sighting, and a whole record of the finding behind it. Both ends
 * are one program in one process, so what is read is what was written.
 */

#include "event/sighting.h"

#define FINDING_OFFSET (sizeof(struct record_header) + sizeof(struct sighting))

static_assert(FINDING_OFFSET % RECORD_ALIGNMENT == 0, "the record inside is aligned like any other");

bool ring_put_sighting(struct ring_producer *producer, const struct sighting *sighting, const struct finding *finding)
{
    uint32_t size = (uint32_t)FINDING_OFFSET + record_finding_size(finding);
    if (size > RECORD_SIZE_MAX)
        return false;
    uint8_t *space = ring_begin(producer, RECORD_FINDING, SEVERITY_CRITICAL, size);
    if (unlikely(!space))
        return false;
    struct record_header header = {.kind = RECORD_FINDING, .layout = RECORD_LAYOUT, .time_ns = sighting->time_ns};
    memcpy(space, &header, sizeof(header));
    memcpy(space + sizeof(header), sighting, sizeof(*sighting));
    ring_commit(producer, (uint32_t)FINDING_OFFSET + record_encode_finding(finding, space + FINDING_OFFSET));
    return true;
}

void sighting_read(struct span record, struct sighting *sighting_out)
{
    require(record.size > FINDING_OFFSET);
    memcpy(sighting_out, record.data + sizeof(struct record_header), sizeof(*sighting_out));
}

struct span sighting_finding_bytes(struct span record)
{
    return span_from(record, (uint32_t)FINDING_OFFSET);
}

void sighting_finding_read(struct span record, struct record *record_out)
{
    struct span bytes = sighting_finding_bytes(record);
    int result = record_decode(bytes.data, bytes.size, record_out);
    require(result == 0);
}
