# SPDX-License-Identifier: Apache-2.0
"""Where tshark is wrong about the captures of others, found by reading their packets: capture -> what it says, what is so.

All four in DIFFERENCES are the same connection with different segments taken out of its answers. The heads of all the answers named here
are in the capture, each at the start of a segment. Where the body before it has lost bytes, or bytes in surplus, tshark
calls the segment a continuation and shows no status.
"""

# Ports on which tshark does not look for the protocol unless it is told.
DECODE_AS = {"suricata-verify/http2-keywords/input.pcap": ("tcp.port==3000,http2",)}

# Calls that it does not show: the header block of this one goes on in a CONTINUATION frame, which is not put together.
NOT_SHOWN = {"arkime/http2-nghttp2.pcap": [("GET", "/", 200)]}

DIFFERENCES = {
    "suricata-verify/http-gap-beyond-body/input.pcap": {("GET", "/3", None): ("GET", "/3", 200)},
    "suricata-verify/http-gap-double/input.pcap": {("GET", "/3", None): ("GET", "/3", 200)},
    "suricata-verify/http-gap-simple/input.pcap": {("GET", "/3", None): ("GET", "/3", 200)},
    "suricata-verify/http-gap-whole-body/input.pcap": {
        ("GET", "/2", None): ("GET", "/2", 200),
        ("GET", "/3", None): ("GET", "/3", 200),
    },
}
