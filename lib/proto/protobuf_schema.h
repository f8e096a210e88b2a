/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf schema
 *
 * What descriptors say about messages, as flat tables that a walker reads. registry/descriptor.h builds them.
 *
 * Memory:  the builder's; unchanging while anybody walks by it.
 * Threads: any number of readers.
 * Source:  google/protobuf/descriptor.proto.
 */

#include "base/span.h"

#define PROTOBUF_NUMBER_MAX ((1u << 29) - 1) /* field numbers have 29 bits */

/* Numbers of FieldDescriptorProto.Type. */
enum protobuf_type {
    PROTOBUF_UNTYPED, /* a field no descriptor knows */
    PROTOBUF_DOUBLE,
    PROTOBUF_FLOAT,
    PROTOBUF_INT64,
    PROTOBUF_UINT64,
    PROTOBUF_INT32,
    PROTOBUF_FIXED64,
    PROTOBUF_FIXED32,
    PROTOBUF_BOOL,
    PROTOBUF_STRING,
    PROTOBUF_GROUP, /* a message between two tags */
    PROTOBUF_MESSAGE,
    PROTOBUF_BYTES,
    PROTOBUF_UINT32,
    PROTOBUF_ENUM,
    PROTOBUF_SFIXED32,
    PROTOBUF_SFIXED64,
    PROTOBUF_SINT32,
    PROTOBUF_SINT64,
    PROTOBUF_TYPE_COUNT
};

enum protobuf_wire {
    PROTOBUF_WIRE_VARINT,
    PROTOBUF_WIRE_FIXED64,
    PROTOBUF_WIRE_SIZED,
    PROTOBUF_WIRE_GROUP_BEGIN,
    PROTOBUF_WIRE_GROUP_END,
    PROTOBUF_WIRE_FIXED32,
    PROTOBUF_WIRE_COUNT
};

struct protobuf_message;

/* All messages that are known, for values that say by name what they are. */
struct protobuf_types {
    const struct protobuf_message *messages; /* ascending by name */
    uint32_t count;
};

struct protobuf_field {
    uint32_t number;
    uint8_t type; /* enum protobuf_type */
    bool repeated;
    bool utf8; /* a string that receivers refuse when it is no UTF-8 (proto3) */
    bool deprecated;
    struct span name; /* of an extension "[package.name]" */
    const struct protobuf_message
        *message; /* of PROTOBUF_MESSAGE and PROTOBUF_GROUP; NULL: not among the descriptors */
};

struct protobuf_range {
    uint32_t begin, end; /* field numbers, end excluded */
};

struct protobuf_message {
    struct span name;                    /* "package.Outer.Inner" */
    const struct protobuf_field *fields; /* ascending by number */
    uint32_t field_count;
    uint32_t dense;                          /* fields[i].number is i + 1 for i < dense */
    const struct protobuf_range *extensions; /* numbers others may use: what is there is not unknown */
    uint32_t extension_count;
    bool map_entry;
    const struct protobuf_types *any; /* of google.protobuf.Any, what its value may be; NULL: it is not that message */
};

/* NULL: no such field. */
const struct protobuf_field *protobuf_message_field(const struct protobuf_message *message, uint32_t number);

/* By its full name, without a dot before it. NULL: not known. */
const struct protobuf_message *protobuf_types_find(const struct protobuf_types *types, struct span name);

/* True for numbers that extensions may use. */
bool protobuf_message_extensible(const struct protobuf_message *message, uint32_t number);

/* How a single value of the type is written; PROTOBUF_WIRE_COUNT for PROTOBUF_UNTYPED and what is no type. */
enum protobuf_wire protobuf_type_wire(uint32_t type);
