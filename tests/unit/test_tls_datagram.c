/* SPDX-License-Identifier: Apache-2.0 */

/* DTLS and QUIC by name. The bytes are put together as the RFCs say, or are their own examples. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tls/dtls.h"
#include "tls/handshake.h"
#include "tls/quic.h"
#include "unit/guarded.h"

enum { FROM_CLIENT, FROM_SERVER };

struct bytes {
    uint8_t data[2048];
    uint32_t size;
};

static void put(struct bytes *bytes, uint32_t value, uint32_t size)
{
    for (uint32_t i = size; i > 0; i--)
        bytes->data[bytes->size++] = (uint8_t)(value >> 8 * (i - 1));
}

static void put_bytes(struct bytes *bytes, const void *data, uint32_t size)
{
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_zeros(struct bytes *bytes, uint32_t size)
{
    memset(bytes->data + bytes->size, 0, size);
    bytes->size += size;
}

/* RFC 6347 4.1 */
static void put_record(struct bytes *bytes, uint8_t content, uint32_t version, uint32_t epoch, const struct bytes *body)
{
    put(bytes, content, 1);
    put(bytes, version, 2);
    put(bytes, epoch, 2);
    put_zeros(bytes, 6);
    put(bytes, body->size, 2);
    put_bytes(bytes, body->data, body->size);
}

/* A part of a message, RFC 6347 4.2.2. */
static void put_fragment(struct bytes *bytes, uint8_t type, const struct bytes *body, uint32_t offset, uint32_t size)
{
    put(bytes, type, 1);
    put(bytes, body->size, 3);
    put(bytes, 0, 2);
    put(bytes, offset, 3);
    put(bytes, size, 3);
    put_bytes(bytes, body->data + offset, size);
}

/* The first byte of the random is that of the name: other names, other associations. */
static struct bytes client_hello(const char *name)
{
    struct bytes body = {.size = 0};
    uint32_t size = (uint32_t)strlen(name);
    put(&body, 0xfefd, 2);
    put(&body, (uint8_t)name[0], 1);
    put_zeros(&body, 31 + 1); /* random, no session id */
    put(&body, 2, 1);
    put(&body, 0xc00c, 2); /* a cookie */
    put(&body, 2, 2);
    put(&body, 0x1301, 2);
    put(&body, 0x0100, 2);
    put(&body, size + 9, 2); /* server_name alone (RFC 6066 3) */
    put(&body, 0, 2);
    put(&body, size + 5, 2);
    put(&body, size + 3, 2);
    put(&body, 0, 1);
    put(&body, size, 2);
    put_bytes(&body, name, size);
    return body;
}

static struct bytes server_hello(uint32_t version, uint32_t suite, uint32_t selected)
{
    struct bytes body = {.size = 0};
    put(&body, version, 2);
    put_zeros(&body, 32 + 1);
    put(&body, suite, 2);
    put(&body, 0, 1);
    if (!selected)
        return body;
    put(&body, 6, 2);
    put(&body, 43, 2); /* supported_versions */
    put(&body, 2, 2);
    put(&body, selected, 2);
    return body;
}

static struct bytes handshake(uint8_t type, const struct bytes *body, uint32_t offset, uint32_t size)
{
    struct bytes fragment = {.size = 0}, datagram = {.size = 0};
    put_fragment(&fragment, type, body, offset, size);
    put_record(&datagram, TLS_HANDSHAKE, 0xfefd, 0, &fragment);
    return datagram;
}

static struct bytes application_data(uint32_t version)
{
    struct bytes body = {.size = 0}, datagram = {.size = 0};
    put_zeros(&body, 40);
    put_record(&datagram, TLS_APPLICATION_DATA, version, 1, &body);
    return datagram;
}

static bool take(struct dtls *dtls, uint32_t direction, const struct bytes *datagram)
{
    struct guarded guarded = guarded_new();
    bool known = dtls_datagram(dtls, direction,
                               span_of(guarded_put(&guarded, datagram->data, datagram->size), datagram->size), false);
    guarded_free(&guarded);
    return known;
}

static void take_message(struct dtls *dtls, uint32_t direction, uint8_t type, const struct bytes *body)
{
    struct bytes datagram = handshake(type, body, 0, body->size);
    assert_true(take(dtls, direction, &datagram));
}

static void hellos_name_an_association(void **state)
{
    (void)state;
    struct dtls dtls = {0};
    struct bytes hello = client_hello("api.example"), answer = server_hello(0xfefd, 0xc02f, 0);
    struct bytes data = application_data(0xfefd);
    take_message(&dtls, FROM_CLIENT, TLS_CLIENT_HELLO, &hello);
    assert_true(dtls.client_hello && !dtls.encrypted);
    assert_memory_equal(dtls.sni, "api.example", 11);
    take_message(&dtls, FROM_SERVER, TLS_SERVER_HELLO, &answer);
    assert_int_equal(dtls.version, 0xfefd);
    assert_int_equal(dtls.suite, 0xc02f);
    assert_int_equal(dtls.client, FROM_CLIENT);
    assert_true(take(&dtls, FROM_CLIENT, &data) && dtls.encrypted);
    assert_int_equal(dtls.handshakes, 0);
}

/* RFC 9147 5.3: the version is in an extension; 4: its protected records begin with 001. */
static void version_13_is_read_from_its_extension(void **state)
{
    (void)state;
    struct dtls dtls = {0};
    struct bytes answer = server_hello(0xfefd, 0x1301, 0xfefc), record = {.size = 0};
    put(&record, 0x2f, 1);
    put_zeros(&record, 40);
    assert_false(take(&dtls, FROM_SERVER, &record)); /* of whom nothing is known */
    take_message(&dtls, FROM_SERVER, TLS_SERVER_HELLO, &answer);
    assert_int_equal(dtls.version, 0xfefc);
    assert_int_equal(dtls.client, FROM_CLIENT);
    assert_true(take(&dtls, FROM_SERVER, &record) && dtls.encrypted);
}

static void a_hello_in_fragments_is_put_together(void **state)
{
    (void)state;
    static uint8_t buffer[TLS_MESSAGE_SIZE_MAX];
    struct bytes hello = client_hello("a-rather-long-name.example");
    for (uint32_t cut = 1; cut < hello.size; cut++) {
        struct dtls dtls = {.join.buffer = buffer};
        struct bytes first = handshake(TLS_CLIENT_HELLO, &hello, 0, cut);
        struct bytes second = handshake(TLS_CLIENT_HELLO, &hello, cut, hello.size - cut);
        assert_true(take(&dtls, FROM_CLIENT, &first));
        assert_true(dtls_joins(&dtls) && !dtls.client_hello);
        assert_true(take(&dtls, FROM_CLIENT, &first)); /* sent again */
        assert_true(take(&dtls, FROM_CLIENT, &second));
        assert_false(dtls_joins(&dtls));
        assert_int_equal(dtls.sni_size, 26);
        assert_memory_equal(dtls.sni, "a-rather-long-name.example", 26);
    }
    for (uint32_t cut = 1; cut < hello.size; cut++) { /* overtaken */
        struct dtls dtls = {.join.buffer = buffer};
        struct bytes first = handshake(TLS_CLIENT_HELLO, &hello, 0, cut);
        struct bytes second = handshake(TLS_CLIENT_HELLO, &hello, cut, hello.size - cut);
        memset(buffer, 0xa5, sizeof(buffer));
        assert_true(take(&dtls, FROM_CLIENT, &second) && take(&dtls, FROM_CLIENT, &second) && !dtls.client_hello);
        assert_true(take(&dtls, FROM_CLIENT, &first) && dtls.client_hello);
        assert_memory_equal(dtls.sni, "a-rather-long-name.example", 26);
    }
    /* The second one alone, and without a buffer: recognised, not read. */
    struct dtls dtls = {.join.buffer = buffer}, poor = {0};
    struct bytes second = handshake(TLS_CLIENT_HELLO, &hello, 10, hello.size - 10);
    struct bytes first = handshake(TLS_CLIENT_HELLO, &hello, 0, 10);
    assert_true(take(&dtls, FROM_CLIENT, &second) && !dtls.client_hello);
    assert_true(take(&poor, FROM_CLIENT, &first) && take(&poor, FROM_CLIENT, &second) && !poor.client_hello);
}

static void a_hello_behind_keys_is_another_association(void **state)
{
    (void)state;
    struct dtls dtls = {0};
    struct bytes first = client_hello("one.example"), second = client_hello("two.example");
    struct bytes answer = server_hello(0xfefd, 0xc02f, 0), data = application_data(0xfefd);
    take_message(&dtls, FROM_CLIENT, TLS_CLIENT_HELLO, &first);
    take_message(&dtls, FROM_SERVER, TLS_SERVER_HELLO, &answer);
    assert_true(take(&dtls, FROM_CLIENT, &data));
    take_message(&dtls, FROM_CLIENT, TLS_CLIENT_HELLO, &first); /* sent again */
    assert_true(dtls.handshakes == 0 && dtls.suite == 0xc02f);
    take_message(&dtls, FROM_SERVER, TLS_CLIENT_HELLO, &second);
    assert_int_equal(dtls.handshakes, 1);
    assert_int_equal(dtls.client, FROM_SERVER);
    assert_memory_equal(dtls.sni, "two.example", 11);
    assert_true(dtls.version == 0 && !dtls.server_hello && !dtls.encrypted);
}

/* Met in the middle: records before DTLS 1.3 name their version. */
static void protected_records_name_their_version(void **state)
{
    (void)state;
    static const uint16_t versions[] = {0xfeff, 0xfefd};
    for (uint32_t i = 0; i < ARRAY_COUNT(versions); i++) {
        struct dtls dtls = {0};
        struct bytes data = application_data(versions[i]);
        assert_true(take(&dtls, FROM_SERVER, &data) && dtls.encrypted);
        assert_int_equal(dtls.version, versions[i]);
    }
}

/* Every byte of the header, and every length but the right one. */
static void what_does_not_add_up_is_no_dtls(void **state)
{
    (void)state;
    struct bytes good = application_data(0xfefd);
    for (uint32_t size = 0; size < good.size; size++) {
        struct dtls dtls = {0};
        struct bytes cut = good;
        cut.size = size;
        assert_false(take(&dtls, FROM_CLIENT, &cut) || dtls.known);
    }
    static const struct {
        uint8_t at, value;
    } faults[] = {{0, 19}, {0, 27}, {1, 0x03}, {2, 0xfe}, {11, 1}, {12, 39}, {12, 0}};
    for (uint32_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct dtls dtls = {0};
        struct bytes bad = good;
        bad.data[faults[i].at] = faults[i].value;
        assert_false(take(&dtls, FROM_CLIENT, &bad) || dtls.known);
    }
    struct dtls dtls = {0};
    assert_true(dtls_datagram(&dtls, FROM_CLIENT, span_of(good.data, good.size - 7), true)); /* the capture's cut */
}

/* RFC 9001 A.2 and RFC 9369 A.2: the protected headers of a client's first packet; RFC 9000 17.2.4: type 2. */
static void quic_is_known_by_its_long_header(void **state)
{
    (void)state;
    static const uint8_t first[] = {0xc0, 0x00, 0x00, 0x00, 0x01, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e,
                                    0x51, 0x57, 0x08, 0x00, 0x00, 0x44, 0x9e, 0x7b, 0x9a, 0xec, 0x34};
    static const uint8_t second[] = {0xd7, 0x6b, 0x33, 0x43, 0xcf, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e,
                                     0x51, 0x57, 0x08, 0x00, 0x00, 0x44, 0x9e, 0xa0, 0xc9, 0x5e, 0x82};
    struct quic_header header;
    assert_true(quic_header_read(span_of(first, sizeof(first)), &header));
    assert_string_equal(quic_version_name(header.version), "QUICv1");
    assert_false(header.protected);
    assert_true(quic_header_read(span_of(second, sizeof(second)), &header));
    assert_string_equal(quic_version_name(header.version), "QUICv2");
    assert_false(header.protected);
    uint8_t changed[sizeof(first)];
    memcpy(changed, first, sizeof(first));
    changed[0] = 0xe0;
    assert_true(quic_header_read(span_of(changed, sizeof(changed)), &header) && header.protected);
    changed[0] = 0x40;
    assert_false(quic_header_read(span_of(changed, sizeof(changed)), &header));
    changed[0] = 0xc0;
    changed[5] = 21; /* longer than a connection id may be */
    assert_false(quic_header_read(span_of(changed, sizeof(changed)), &header));
    for (uint32_t size = 0; size <= 15; size++)
        assert_false(quic_header_read(span_of(first, size), &header));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_name_an_association),
        cmocka_unit_test(version_13_is_read_from_its_extension),
        cmocka_unit_test(a_hello_in_fragments_is_put_together),
        cmocka_unit_test(a_hello_behind_keys_is_another_association),
        cmocka_unit_test(protected_records_name_their_version),
        cmocka_unit_test(what_does_not_add_up_is_no_dtls),
        cmocka_unit_test(quic_is_known_by_its_long_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
