/* SPDX-License-Identifier: Apache-2.0 */

/* capture: files of every kind, whole and broken, written here byte by byte from the format descriptions. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "capture/file.h"

struct bytes {
    uint8_t data[1u << 22];
    uint32_t size;
    bool swapped; /* big-endian file */
};

static struct bytes file_bytes;

static void put(struct bytes *to, const void *data, uint32_t size)
{
    assert_true(to->size + size <= sizeof(to->data));
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void put_u16(struct bytes *to, uint32_t value)
{
    uint8_t low = (uint8_t)value, high = (uint8_t)(value >> 8);
    uint8_t bytes[2] = {to->swapped ? high : low, to->swapped ? low : high};
    put(to, bytes, 2);
}

static void put_u32(struct bytes *to, uint32_t value)
{
    put_u16(to, to->swapped ? value >> 16 : value & 0xffff);
    put_u16(to, to->swapped ? value & 0xffff : value >> 16);
}

/* draft-ietf-opsawg-pcap */
static void begin_pcap(bool swapped, bool nanoseconds, uint32_t link)
{
    file_bytes.size = 0;
    file_bytes.swapped = swapped;
    put_u32(&file_bytes, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    put_u16(&file_bytes, 2);
    put_u16(&file_bytes, 4);
    put_u32(&file_bytes, 0);
    put_u32(&file_bytes, 0);
    put_u32(&file_bytes, 65535);
    put_u32(&file_bytes, link);
}

static void put_packet(uint32_t seconds, uint32_t fraction, uint32_t size, uint32_t wire_size, uint8_t fill)
{
    put_u32(&file_bytes, seconds);
    put_u32(&file_bytes, fraction);
    put_u32(&file_bytes, size);
    put_u32(&file_bytes, wire_size);
    for (uint32_t i = 0; i < size; i++)
        put(&file_bytes, &fill, 1);
}

/* draft-ietf-opsawg-pcapng: section header, interfaces, enhanced packets. */
static void begin_pcapng(bool swapped)
{
    file_bytes.size = 0;
    file_bytes.swapped = swapped;
    put_u32(&file_bytes, 0x0a0d0d0a);
    put_u32(&file_bytes, 28);
    put_u32(&file_bytes, 0x1a2b3c4d);
    put_u16(&file_bytes, 1);
    put_u16(&file_bytes, 0);
    put_u32(&file_bytes, UINT32_MAX);
    put_u32(&file_bytes, UINT32_MAX);
    put_u32(&file_bytes, 28);
}

static void put_interface(uint16_t link, uint8_t resolution)
{
    put_u32(&file_bytes, 1);
    put_u32(&file_bytes, 32);
    put_u16(&file_bytes, link);
    put_u16(&file_bytes, 0);
    put_u32(&file_bytes, 65535);
    put_u16(&file_bytes, 9); /* if_tsresol */
    put_u16(&file_bytes, 1);
    put(&file_bytes, (uint8_t[4]){resolution}, 4);
    put_u32(&file_bytes, 0); /* end of options */
    put_u32(&file_bytes, 32);
}

static void put_enhanced(uint32_t interface, uint64_t units, const char *text)
{
    uint32_t size = (uint32_t)strlen(text), padded = (size + 3) / 4 * 4;
    put_u32(&file_bytes, 6);
    put_u32(&file_bytes, 32 + padded);
    put_u32(&file_bytes, interface);
    put_u32(&file_bytes, (uint32_t)(units >> 32));
    put_u32(&file_bytes, (uint32_t)units);
    put_u32(&file_bytes, size);
    put_u32(&file_bytes, size + 7);
    put(&file_bytes, text, size);
    put(&file_bytes, "\0\0\0", padded - size);
    put_u32(&file_bytes, 32 + padded);
}

static struct diagnostics diagnostics;

static int open_bytes(struct capture_file **file_out, enum capture_file_mode mode)
{
    diagnostics_deinit(&diagnostics);
    diagnostics_init(&diagnostics);
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_int_equal(fwrite(file_bytes.data, 1, file_bytes.size, stream), file_bytes.size);
    rewind(stream);
    return capture_file_open_stream(file_out, stream, "test.pcap", mode, &diagnostics);
}

static void assert_said(const char *part)
{
    assert_int_equal(diagnostics.count, 1);
    if (!strstr(diagnostics.entries[0].message, part))
        print_message("%s\n", diagnostics.entries[0].message);
    assert_non_null(strstr(diagnostics.entries[0].message, part));
    assert_string_equal(diagnostics.entries[0].file, "test.pcap");
}

static void pcap_of_every_kind_gives_times_and_sizes(void **state)
{
    (void)state;
    struct packet packets[PACKET_BURST_MAX];
    for (int kind = 0; kind < 8; kind++) {
        bool nanoseconds = kind & 2;
        begin_pcap(kind & 1, nanoseconds, 1);
        put_packet(1700000000, nanoseconds ? 123456789 : 123456, 60, 60, 'a');
        put_packet(4000000000, 0, 10, 1500, 'b'); /* beyond 2038 */
        struct capture_file *file;
        assert_int_equal(open_bytes(&file, kind & 4 ? CAPTURE_FILE_PRELOAD : CAPTURE_FILE_STREAM), 0);
        assert_int_equal(capture_file_next_burst(file, packets), 2);
        assert_true(packets[0].time_ns == UINT64_C(1700000000123456000) + (nanoseconds ? 789 : 0));
        assert_int_equal(packets[0].size, 60);
        assert_int_equal(packets[0].wire_size, 60);
        assert_int_equal(packets[0].data[59], 'a');
        assert_int_equal(packets[0].link, PACKET_LINK_ETHERNET);
        assert_true(packets[1].time_ns == UINT64_C(4000000000000000000));
        assert_int_equal(packets[1].size, 10);
        assert_int_equal(packets[1].wire_size, 1500);
        assert_int_equal(packets[1].data[9], 'b');
        assert_int_equal(capture_file_next_burst(file, packets), 0);
        assert_int_equal(capture_file_next_burst(file, packets), 0);
        assert_int_equal(capture_file_packet_count(file), 2);
        assert_int_equal(diagnostics.count, 0);
        capture_file_close(file);
    }
}

static void pcapng_of_either_order_and_any_resolution_is_read(void **state)
{
    (void)state;
    static const struct {
        uint8_t resolution;
        uint64_t units, time_ns;
    } cases[] = {
        {6, UINT64_C(1700000000123456), UINT64_C(1700000000123456000)},
        {9, UINT64_C(1700000000123456789), UINT64_C(1700000000123456789)},
        {3, UINT64_C(1700000000123), UINT64_C(1700000000123000000)},
    };
    struct packet packets[PACKET_BURST_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (int swapped = 0; swapped < 2; swapped++) {
            begin_pcapng(swapped);
            put_interface(1, cases[i].resolution);
            put_interface(1, 6); /* a second interface with a resolution of its own */
            put_enhanced(0, cases[i].units, "first");
            put_enhanced(1, UINT64_C(1700000001000000), "second one");
            struct capture_file *file;
            assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), 0);
            assert_int_equal(capture_file_next_burst(file, packets), 2);
            assert_true(packets[0].time_ns == cases[i].time_ns);
            assert_true(packets[1].time_ns == UINT64_C(1700000001000000000));
            assert_memory_equal(packets[0].data, "first", 5);
            assert_memory_equal(packets[1].data, "second one", 10);
            assert_int_equal(packets[1].wire_size, 17);
            assert_int_equal(capture_file_next_burst(file, packets), 0);
            capture_file_close(file);
        }
    }
}

static void link_types_are_known_or_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        enum packet_link link;
    } known[] = {
        {1, PACKET_LINK_ETHERNET}, {101, PACKET_LINK_RAW_IP},       {228, PACKET_LINK_RAW_IP},
        {229, PACKET_LINK_RAW_IP}, {113, PACKET_LINK_LINUX_COOKED}, {276, PACKET_LINK_LINUX_COOKED2},
        {0, PACKET_LINK_NULL},     {108, PACKET_LINK_LOOP},
    };
    struct packet packets[PACKET_BURST_MAX];
    struct capture_file *file;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        begin_pcap(false, false, known[i].type);
        put_packet(1, 2, 20, 20, 'x');
        assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), 0);
        assert_int_equal(capture_file_next_burst(file, packets), 1);
        assert_int_equal(packets[0].link, known[i].link);
        capture_file_close(file);
    }
    begin_pcap(false, false, 105); /* IEEE 802.11 */
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), -EPROTONOSUPPORT);
    assert_said("802.11");
}

static void files_that_are_no_capture_are_refused(void **state)
{
    (void)state;
    struct capture_file *file;
    file_bytes.size = 0;
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), -ENODATA);
    assert_said("is empty");
    put(&file_bytes, "#!/bin/sh\necho this is no capture, but long enough for a header\n", 60);
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_PRELOAD), -EBADMSG);
    assert_said("no pcap or pcapng");
    begin_pcap(false, false, 1);
    file_bytes.size = 10;
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), -EBADMSG);
    assert_said("no pcap or pcapng");
    diagnostics_deinit(&diagnostics);
    diagnostics_init(&diagnostics);
    assert_int_equal(capture_file_open(&file, "/nonexistent/x.pcap", CAPTURE_FILE_STREAM, &diagnostics), -ENOENT);
    assert_string_equal(diagnostics.entries[0].file, "/nonexistent/x.pcap");
    assert_non_null(strstr(diagnostics.entries[0].message, "No such file"));
    diagnostics_deinit(&diagnostics);
    diagnostics_init(&diagnostics);
    assert_int_equal(capture_file_open(&file, "/", CAPTURE_FILE_STREAM, &diagnostics), -EISDIR);
    assert_int_equal(diagnostics.errors, 1);
}

static void a_file_that_breaks_off_gives_its_whole_packets(void **state)
{
    (void)state;
    struct packet packets[PACKET_BURST_MAX];
    for (int mode = CAPTURE_FILE_STREAM; mode <= CAPTURE_FILE_PRELOAD; mode++) {
        for (uint32_t cut = 1; cut < 76; cut++) { /* anywhere in the third packet, its header included */
            begin_pcap(false, false, 1);
            for (uint8_t i = 0; i < 3; i++)
                put_packet(i, 0, 60, 60, 'x');
            file_bytes.size -= cut;
            struct capture_file *file;
            assert_int_equal(open_bytes(&file, (enum capture_file_mode)mode), 0);
            assert_int_equal(capture_file_next_burst(file, packets), 2);
            assert_int_equal(capture_file_next_burst(file, packets), 0);
            assert_int_equal(diagnostics.warnings, 1);
            assert_int_equal(diagnostics.errors, 0);
            assert_said("the 2 whole packets before it were read");
            capture_file_close(file);
        }
    }
}

static void what_libpcap_cannot_read_ends_in_an_error(void **state)
{
    (void)state;
    struct packet packets[PACKET_BURST_MAX];
    begin_pcapng(false);
    put_interface(1, 6);
    put_enhanced(0, 1, "first");
    put_interface(101, 6); /* another link type */
    put_enhanced(1, 2, "second");
    struct capture_file *file;
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), 0);
    assert_int_equal(capture_file_next_burst(file, packets), 1);
    assert_int_equal(capture_file_next_burst(file, packets), -EBADMSG);
    assert_int_equal(capture_file_next_burst(file, packets), -EBADMSG);
    assert_said("cannot be read beyond packet 1");
    capture_file_close(file);
}

/* Packets so large that a burst's memory ends before its 64th packet: none is lost, none overwritten. */
static void bursts_of_large_packets_stay_whole(void **state)
{
    (void)state;
    struct packet packets[PACKET_BURST_MAX];
    begin_pcap(false, false, 1);
    for (uint32_t i = 0; i < 60; i++)
        put_packet(i, 0, 65535, 65535, (uint8_t)i);
    struct capture_file *file;
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_STREAM), 0);
    uint32_t seen = 0;
    for (int count = capture_file_next_burst(file, packets); count > 0;
         count = capture_file_next_burst(file, packets)) {
        for (int i = 0; i < count; i++, seen++) {
            assert_int_equal(packets[i].size, 65535);
            assert_int_equal(packets[i].data[0], seen);
            assert_int_equal(packets[i].data[65534], seen);
        }
    }
    assert_int_equal(seen, 60);
    capture_file_close(file);
}

static void preloaded_files_play_again(void **state)
{
    (void)state;
    struct packet packets[PACKET_BURST_MAX];
    begin_pcap(false, false, 1);
    for (uint32_t i = 0; i < 10000; i++)
        put_packet(i, 0, 4 + i % 7, 60, (uint8_t)i);
    struct capture_file *file;
    assert_int_equal(open_bytes(&file, CAPTURE_FILE_PRELOAD), 0);
    for (uint32_t round = 1; round <= 3; round++) {
        uint32_t seen = 0;
        for (int count = capture_file_next_burst(file, packets); count > 0;
             count = capture_file_next_burst(file, packets)) {
            for (int i = 0; i < count; i++, seen++) {
                assert_int_equal(packets[i].size, 4 + seen % 7);
                assert_int_equal(packets[i].data[3], (uint8_t)seen);
            }
        }
        assert_int_equal(seen, 10000);
        assert_int_equal(capture_file_packet_count(file), round * 10000);
        capture_file_rewind(file);
    }
    capture_file_close(file);
}

int main(void)
{
    diagnostics_init(&diagnostics);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcap_of_every_kind_gives_times_and_sizes),
        cmocka_unit_test(pcapng_of_either_order_and_any_resolution_is_read),
        cmocka_unit_test(link_types_are_known_or_refused_by_name),
        cmocka_unit_test(files_that_are_no_capture_are_refused),
        cmocka_unit_test(a_file_that_breaks_off_gives_its_whole_packets),
        cmocka_unit_test(what_libpcap_cannot_read_ends_in_an_error),
        cmocka_unit_test(bursts_of_large_packets_stay_whole),
        cmocka_unit_test(preloaded_files_play_again),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    diagnostics_deinit(&diagnostics);
    return failed;
}
