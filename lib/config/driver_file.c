/* SPDX-License-Identifier: Apache-2.0 */

/* Driver files: the schema, defaults, and what libcyaml cannot say about the values. */

#include "config/driver_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/yaml.h"

#define TEXT_MAX            1024u  /* an EAL argument or a note */
#define DESCRIPTORS_MAX     32768u /* no driver of DPDK 22.11 takes more */
#define MTU_MIN             68u    /* RFC 791 */
#define MTU_MAX             9728u  /* jumbo frames as the NICs listed have them */
#define MBUFS_DEFAULT       65535u /* a power of two less one, as rte_mempool wants */
#define MBUF_SIZE_DEFAULT   2176u  /* RTE_MBUF_DEFAULT_BUF_SIZE: 2048 and 128 headroom */
#define MBUF_CACHE_DEFAULT  256u
#define MBUF_CACHE_MAX      512u /* RTE_MEMPOOL_CACHE_MAX_SIZE */
#define HUGE_PAGE_DEFAULT   2048u
#define NO_HUGE_MIB_DEFAULT 256u

static const struct cyaml_strval key_words[] = {
    {"none", DRIVER_RSS_KEY_NONE},
    {"symmetric-40", DRIVER_RSS_KEY_SYMMETRIC_40},
    {"symmetric-52", DRIVER_RSS_KEY_SYMMETRIC_52},
    {"driver", DRIVER_RSS_KEY_DRIVER},
};

static const struct cyaml_strval function_words[] = {
    {"ipv4", DRIVER_RSS_IPV4},         {"ipv6", DRIVER_RSS_IPV6},           {"ipv4-tcp", DRIVER_RSS_IPV4_TCP},
    {"ipv6-tcp", DRIVER_RSS_IPV6_TCP}, {"fragments", DRIVER_RSS_FRAGMENTS}, {"innermost", DRIVER_RSS_INNERMOST},
};

static const struct cyaml_strval offload_words[] = {
    {"checksum", DRIVER_OFFLOAD_CHECKSUM},
    {"timestamp", DRIVER_OFFLOAD_TIMESTAMP},
    {"scatter", DRIVER_OFFLOAD_SCATTER},
    {"keep-crc", DRIVER_OFFLOAD_KEEP_CRC},
};

static const struct cyaml_schema_value text_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};
static const struct cyaml_schema_value core_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const struct cyaml_schema_field port_fields[] = {
    CYAML_FIELD_STRING_PTR("device", CYAML_FLAG_DEFAULT, struct driver_port, device, 1, 64),
    CYAML_FIELD_UINT("rx_queues", CYAML_FLAG_DEFAULT, struct driver_port, rx_queues),
    CYAML_FIELD_UINT("rx_descriptors", CYAML_FLAG_DEFAULT, struct driver_port, rx_descriptors),
    CYAML_FIELD_UINT("mtu", CYAML_FLAG_DEFAULT, struct driver_port, mtu),
    CYAML_FIELD_BOOL("promiscuous", CYAML_FLAG_DEFAULT, struct driver_port, promiscuous),
    CYAML_FIELD_ENUM("rss_key", CYAML_FLAG_STRICT, struct driver_port, rss_key, key_words, ARRAY_COUNT(key_words)),
    CYAML_FIELD_FLAGS("rss_functions", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct driver_port, rss_functions,
                      function_words, ARRAY_COUNT(function_words)),
    CYAML_FIELD_FLAGS("offloads", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct driver_port, offloads, offload_words,
                      ARRAY_COUNT(offload_words)),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field mbufs_fields[] = {
    CYAML_FIELD_UINT("count", CYAML_FLAG_OPTIONAL, struct driver_mbufs, count),
    CYAML_FIELD_UINT("size", CYAML_FLAG_OPTIONAL, struct driver_mbufs, size),
    CYAML_FIELD_UINT("cache", CYAML_FLAG_OPTIONAL, struct driver_mbufs, cache),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field memory_fields[] = {
    CYAML_FIELD_BOOL("no_huge", CYAML_FLAG_OPTIONAL, struct driver_memory, no_huge),
    CYAML_FIELD_UINT("huge_page_kib", CYAML_FLAG_OPTIONAL, struct driver_memory, huge_page_kib),
    CYAML_FIELD_UINT("huge_pages", CYAML_FLAG_OPTIONAL, struct driver_memory, huge_pages),
    CYAML_FIELD_UINT("no_huge_mib", CYAML_FLAG_OPTIONAL, struct driver_memory, no_huge_mib),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field cores_fields[] = {
    CYAML_FIELD_UINT("main", CYAML_FLAG_OPTIONAL, struct driver_cores, main),
    CYAML_FIELD_SEQUENCE("workers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct driver_cores, workers, &core_entry,
                         0, DRIVER_WORKERS_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field binding_fields[] = {
    CYAML_FIELD_STRING_PTR("kernel_driver", CYAML_FLAG_DEFAULT, struct driver_binding, kernel_driver, 0, 64),
    CYAML_FIELD_STRING_PTR("note", CYAML_FLAG_OPTIONAL, struct driver_binding, note, 0, TEXT_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value port_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct driver_port, port_fields)};

static const struct cyaml_schema_field driver_fields[] = {
    CYAML_FIELD_STRING_PTR("description", CYAML_FLAG_DEFAULT, struct driver_file, description, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("net_driver", CYAML_FLAG_DEFAULT, struct driver_file, net_driver, 1, 64),
    CYAML_FIELD_SEQUENCE("eal_arguments", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct driver_file, eal_arguments,
                         &text_entry, 0, DRIVER_ARGUMENTS_MAX),
    CYAML_FIELD_SEQUENCE("vdevs", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct driver_file, vdevs, &text_entry, 0,
                         DRIVER_PORTS_MAX),
    CYAML_FIELD_SEQUENCE("ports", CYAML_FLAG_POINTER, struct driver_file, ports, &port_entry, 1, DRIVER_PORTS_MAX),
    CYAML_FIELD_MAPPING("mbufs", CYAML_FLAG_OPTIONAL, struct driver_file, mbufs, mbufs_fields),
    CYAML_FIELD_MAPPING("memory", CYAML_FLAG_OPTIONAL, struct driver_file, memory, memory_fields),
    CYAML_FIELD_MAPPING("cores", CYAML_FLAG_OPTIONAL, struct driver_file, cores, cores_fields),
    CYAML_FIELD_MAPPING("binding", CYAML_FLAG_DEFAULT, struct driver_file, binding, binding_fields),
    CYAML_FIELD_UINT("idle_sleep_us", CYAML_FLAG_OPTIONAL, struct driver_file, idle_sleep_us),
    CYAML_FIELD_BOOL("tested", CYAML_FLAG_DEFAULT, struct driver_file, tested),
    CYAML_FIELD_STRING_PTR("tested_note", CYAML_FLAG_DEFAULT, struct driver_file, tested_note, 1, TEXT_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value driver_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct driver_file, driver_fields)};

static void error_at(const struct driver_file *file, struct diagnostics *diagnostics, const char *pointer,
                     const char *message)
{
    struct diagnostic_place place = yaml_document_place(file->document, "%s", pointer);
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
}

static void port_check(const struct driver_file *file, struct diagnostics *diagnostics, uint32_t index)
{
    const struct driver_port *port = &file->ports[index];
    char pointer[YAML_POINTER_SIZE];
    snprintf(pointer, sizeof(pointer), "/ports/%u/rx_queues", index);
    (void)yaml_document_check_range(file->document, diagnostics, pointer, port->rx_queues, 1, DRIVER_QUEUES_MAX);
    snprintf(pointer, sizeof(pointer), "/ports/%u/rx_descriptors", index);
    (void)yaml_document_check_range(file->document, diagnostics, pointer, port->rx_descriptors, 32, DESCRIPTORS_MAX);
    snprintf(pointer, sizeof(pointer), "/ports/%u/mtu", index);
    (void)yaml_document_check_range(file->document, diagnostics, pointer, port->mtu, MTU_MIN, MTU_MAX);
    snprintf(pointer, sizeof(pointer), "/ports/%u/rss_functions", index);
    bool hashes = port->rss_key != DRIVER_RSS_KEY_NONE;
    if (hashes && port->rx_queues > 1 && port->rss_functions == 0)
        error_at(file, diagnostics, pointer,
                 "several queues with a key need `rss_functions`, such as [ipv4-tcp, ipv6-tcp]");
    if (!hashes && port->rss_functions != 0)
        error_at(file, diagnostics, pointer, "`rss_functions` need a key: set `rss_key: symmetric-40`");
}

static void file_check(struct driver_file *file, struct diagnostics *diagnostics)
{
    if (!yaml_document_has(file->document, "/mbufs/count"))
        file->mbufs.count = MBUFS_DEFAULT;
    if (!yaml_document_has(file->document, "/mbufs/size"))
        file->mbufs.size = MBUF_SIZE_DEFAULT;
    if (!yaml_document_has(file->document, "/mbufs/cache"))
        file->mbufs.cache = MBUF_CACHE_DEFAULT;
    if (!yaml_document_has(file->document, "/memory/huge_page_kib"))
        file->memory.huge_page_kib = HUGE_PAGE_DEFAULT;
    if (!yaml_document_has(file->document, "/memory/no_huge_mib"))
        file->memory.no_huge_mib = NO_HUGE_MIB_DEFAULT;
    (void)yaml_document_check_range(file->document, diagnostics, "/mbufs/count", file->mbufs.count, 1023, 1u << 24);
    (void)yaml_document_check_range(file->document, diagnostics, "/mbufs/size", file->mbufs.size, 512, 16384);
    (void)yaml_document_check_range(file->document, diagnostics, "/mbufs/cache", file->mbufs.cache, 0, MBUF_CACHE_MAX);
    (void)yaml_document_check_range(file->document, diagnostics, "/cores/main", file->cores.main, 0, 1023);
    if (file->memory.huge_page_kib != 2048 && file->memory.huge_page_kib != 1048576)
        error_at(file, diagnostics, "/memory/huge_page_kib", "huge pages have 2048 or 1048576 KiB");
    for (uint32_t i = 0; i < file->ports_count; i++)
        port_check(file, diagnostics, i);
}

int driver_file_load(const char *path, struct diagnostics *diagnostics, struct driver_file *file_out)
{
    *file_out = (struct driver_file){0};
    struct yaml_document *document;
    int result = yaml_load_file(path, &driver_schema, diagnostics, &document);
    if (result < 0)
        return result;
    *file_out = *(const struct driver_file *)yaml_document_value(document);
    file_out->document = document;
    uint32_t errors = diagnostics->errors;
    file_check(file_out, diagnostics);
    if (diagnostics->errors == errors)
        return 0;
    driver_file_deinit(file_out);
    return -EINVAL;
}

void driver_file_deinit(struct driver_file *file)
{
    yaml_document_free(file->document);
    *file = (struct driver_file){0};
}

uint32_t driver_rss_key_bytes(enum driver_rss_key key, uint8_t key_out[DRIVER_RSS_KEY_MAX])
{
    uint32_t size = key == DRIVER_RSS_KEY_SYMMETRIC_40 ? 40 : key == DRIVER_RSS_KEY_SYMMETRIC_52 ? 52 : 0;
    for (uint32_t i = 0; i < size; i++)
        key_out[i] = i % 2 ? 0x5a : 0x6d;
    return size;
}
