/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoints: texts of addresses and tunnels. */

#include "transaction/endpoints.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

const char *tunnel_kind_name(enum tunnel_kind kind)
{
    static const char *const names[TUNNEL_KIND_COUNT] = {
        [TUNNEL_NONE] = "none",     [TUNNEL_VLAN] = "vlan",   [TUNNEL_MPLS] = "mpls",     [TUNNEL_PPPOE] = "pppoe",
        [TUNNEL_VXLAN] = "vxlan",   [TUNNEL_GENEVE] = "geneve", [TUNNEL_GRE] = "gre",     [TUNNEL_NVGRE] = "nvgre",
        [TUNNEL_ERSPAN] = "erspan", [TUNNEL_IP] = "ip",       [TUNNEL_GTPU] = "gtpu",
    };
    return names[kind < TUNNEL_KIND_COUNT ? kind : TUNNEL_NONE];
}

void address_print(const struct address *address, char text_out[ADDRESS_TEXT_SIZE])
{
    bool mapped = memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
    const char *text = mapped ? inet_ntop(AF_INET, address->bytes + 12, text_out, ADDRESS_TEXT_SIZE)
                              : inet_ntop(AF_INET6, address->bytes, text_out, ADDRESS_TEXT_SIZE);
    require(text != NULL);
}

int address_parse(const char *text, struct address *address_out, uint8_t *ip_version_out)
{
    if (inet_pton(AF_INET, text, address_out->bytes + 12) == 1) {
        memcpy(address_out->bytes, mapped_prefix, sizeof(mapped_prefix));
        *ip_version_out = 4;
        return 0;
    }
    if (inet_pton(AF_INET6, text, address_out->bytes) != 1)
        return -EINVAL;
    *ip_version_out = 6;
    return 0;
}
