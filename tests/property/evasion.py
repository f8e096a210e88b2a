#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tricks that make an observer read another stream than the server: each is told as the server read it, or marked.

usage: evasion.py    tries every trick and every benign twin; a failure names them

A trick is a connection in which the server's answers show what it read: they repeat the paths of the requests. It passes
when exactly those calls are told, or when FLW-001 says that the connection can be read in two ways. What good hosts and
networks do is told exactly and never marked. Receivers are taken to behave as RFC 9293, 5961 and 7323 have it, or, where
these leave it open, one way in one variant and the other way in the next.
"""

import os
import struct
import sys
import tempfile
from collections import defaultdict

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
from replay import check_ledger, replay  # noqa: E402
from talk import ACK, CLIENT, FIN, PUSH, RST, SERVER, SYN, URGENT, Capture, Talk, ipv4  # noqa: E402

REAL, FAKE = "/v1/real", "/x9/fake"  # other bytes wherever two versions meet
SIGNATURE = bytes((1, 1, 19, 18)) + bytes(16)  # RFC 2385, of a key nobody has
FAR = 1 << 30


def request(path):
    return b"GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n" % path.encode()


ASKED, FORGED = request(REAL), request(FAKE)
HALF = len(ASKED) // 2


def timestamp(value):
    return struct.pack("!BBBBII", 1, 1, 8, 10, value, 1)


def answer(talk, *paths):
    """The server tells what it has read."""
    for path in paths:
        body = path.encode()
        talk.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        talk.segment(CLIENT, ACK)
    return list(paths)


def ask(talk, path=REAL, **fields):
    talk.say(CLIENT, request(path), **fields)
    return answer(talk, path)


def finish(talk, paths):
    """Another call, so that the server is seen to go on, and the end."""
    read = paths + ask(talk, "/v1/last")
    talk.close()
    return read


def here(talk, side=CLIENT):
    return talk.sequence[side]


# --- segments that only one of the two takes ----------------------------------------------------------------------------

# A forged segment that the server drops (RFC 9293 3.10.7, RFC 7323 5, RFC 2385, RFC 791).
DROPPED = {
    "bad checksum": {"sum_error": 1},
    "time to live too short": {"ip": {"ttl": 2}},
    "no flags": {"flags": 0},
    "no ACK flag": {"flags": PUSH},
    "acknowledges the unsent": {"acknowledge": 0x60000000},
    "acknowledges what was long ago": {"acknowledge": -0x50000000},
    "signed": {"options": SIGNATURE},
    "header longer than the segment": {"words": 15, "data": b""},
    "header too short": {"words": 4},
    "IP version": {"ip": {"version": 5}},
    "IP header too short": {"ip": {"words": 4}},
    "IP header longer than the packet": {"ip": {"words": 15, "size": 40}},
    "IP packet longer than the frame": {"ip": {"size": 1400}},
    "IP packet shorter than the headers": {"ip": {"size": 30}},
    "IP checksum": {"ip": {"sum_error": 1}},
    "RST and data": {"flags": RST | ACK, "sum_error": 1},
    "SYN and data": {"flags": SYN},
    "SYN and RST": {"flags": SYN | RST, "sum_error": 1},
    "SYN and FIN": {"flags": SYN | FIN},
    "FIN and data": {"flags": FIN | PUSH | ACK, "ip": {"ttl": 2}},
    "FIN and data without ACK": {"flags": FIN},
    "urgent and too short a life": {"flags": URGENT | PUSH | ACK, "urgent": 3, "ip": {"ttl": 2}},
}


def forge(talk, trick, at, data=FORGED):
    fields = dict(DROPPED[trick])
    flags, data = fields.pop("flags", PUSH | ACK), fields.pop("data", data)
    talk.segment(CLIENT, flags, data, sequence=at, **fields)


def dropped_before(trick):
    def run(talk):
        forge(talk.open(), trick, here(talk))
        return finish(talk, ask(talk))
    return run


def dropped_after(trick):
    def run(talk):
        at = here(talk.open())
        talk.say(CLIENT, ASKED)
        forge(talk, trick, at)
        return finish(talk, answer(talk, REAL))
    return run


def dropped_tail(trick):
    """In the middle of a request, after one that was sound."""
    def run(talk):
        read = ask(talk.open(), "/v1/first")
        at = here(talk)
        talk.say(CLIENT, ASKED[:HALF])
        forge(talk, trick, at + HALF, FORGED[HALF:])
        talk.say(CLIENT, ASKED[HALF:])
        return finish(talk, read + answer(talk, REAL))
    return run


# --- segments over each other -------------------------------------------------------------------------------------------

# Where a forged piece lies and where the real one, as parts of a request: every way in which two ranges can meet.
RELATIONS = {
    "the same": ((4, 12), (4, 12)),
    "begins before": ((2, 10), (4, 12)),
    "begins behind": ((6, 12), (4, 12)),
    "ends behind": ((4, 14), (4, 12)),
    "ends before": ((4, 10), (4, 12)),
    "covers": ((2, 14), (4, 12)),
    "lies inside": ((6, 10), (4, 12)),
    "overlaps its front": ((2, 8), (4, 12)),
    "overlaps its tail": ((8, 14), (4, 12)),
}


class Receiver:
    """Takes bytes as they come, and where two are there at once the first or the last."""

    def __init__(self, last_wins):
        self.last_wins, self.bytes, self.next = last_wins, {}, 0

    def take(self, at, data):
        for place, byte in enumerate(data, at):
            if place >= self.next and (self.last_wins or place not in self.bytes):
                self.bytes[place] = byte
        while self.next in self.bytes:
            self.next += 1

    def path(self):
        return bytes(self.bytes[at] for at in range(self.next)).split()[1].decode()


def overlap(relation, last_wins, forged_first, waits):
    """Two versions of a piece, one behind the other. `waits`: both come before what lies in front of them."""
    (forged_begin, forged_end), (begin, end) = RELATIONS[relation]
    forged, real = (forged_begin, FORGED[forged_begin:forged_end]), (begin, ASKED[begin:end])
    front = (0, ASKED[:2])

    def run(talk):
        at, server = here(talk.open()), Receiver(last_wins)
        pieces = [forged, real] if forged_first else [real, forged]
        for begin, data in (pieces + [front] if waits else [front] + pieces) + [(2, ASKED[2:])]:
            talk.say(CLIENT, data, sequence=at + begin)
            server.take(begin, data)
        talk.sequence[CLIENT] = at + len(ASKED)
        return finish(talk, answer(talk, server.path()))
    return run


# --- ends that are none -------------------------------------------------------------------------------------------------

# A reset or an end that the server ignores; the connection goes on.
ENDS = {
    "RST with a bad checksum": (RST | ACK, {"sum_error": 1}),
    "RST with too short a life": (RST | ACK, {"ip": {"ttl": 2}}),
    "RST in the window": (RST, {"offset": 20}),
    "RST at the edge of the window": (RST, {"offset": 65000}),
    "RST behind the window": (RST, {"offset": 10_000_000}),
    "RST before the window": (RST, {"offset": -1000}),
    "RST that acknowledges the unsent": (RST | ACK, {"acknowledge": 0x60000000}),
    "RST signed": (RST | ACK, {"options": SIGNATURE}),
    "RST with an old timestamp": (RST | ACK, {"options": timestamp(1)}),
    "FIN with a bad checksum": (FIN | ACK, {"sum_error": 1}),
    "FIN with too short a life": (FIN | ACK, {"ip": {"ttl": 2}}),
    "FIN in the window": (FIN | ACK, {"offset": 20}),
    "FIN behind the window": (FIN | ACK, {"offset": 10_000_000}),
    "FIN before the window": (FIN | ACK, {"offset": -20}),
    "FIN without ACK": (FIN, {}),
    "FIN that acknowledges the unsent": (FIN | ACK, {"acknowledge": 0x60000000}),
    "FIN signed": (FIN | ACK, {"options": SIGNATURE}),
    "SYN in the window": (SYN, {"offset": 100}),
    "SYN at the next number": (SYN, {}),
    "SYN far away": (SYN, {"offset": FAR}),
    "SYN-ACK of the client": (SYN | ACK, {"offset": 5000}),
    "SYN far away of too short a life": (SYN, {"offset": 3 * FAR, "ip": {"ttl": 2}}),
}


PAUSE_SECONDS = 7  # longer than a connection is kept that has ended


def pause(talk):
    """Time passes, and the tap sees it by what others say."""
    for _ in range(PAUSE_SECONDS):
        talk.capture.time_ns += 10**9
        talk.capture.add(ipv4(talk.address[CLIENT], talk.address[SERVER], bytes(8), protocol=1))


def pretend(talk, trick, side=CLIENT):
    flags, fields = ENDS[trick][0], dict(ENDS[trick][1])
    offset = fields.pop("offset", 0)
    talk.segment(side, flags, sequence=here(talk, side) + offset, **fields)


def false_end_unopened(trick):
    """The capture begins with it."""
    def run(talk):
        pretend(talk, trick)
        return finish(talk, ask(talk))
    return run


def false_end_in_handshake(trick):
    def run(talk):
        talk.segment(CLIENT, SYN)
        pretend(talk, trick)
        talk.segment(SERVER, SYN | ACK)
        talk.segment(CLIENT, ACK)
        return finish(talk, ask(talk))
    return run


def false_end_early(trick):
    def run(talk):
        pretend(talk.open(), trick)
        return finish(talk, ask(talk))
    return run


def false_end_late(trick):
    def run(talk):
        read = ask(talk.open(), "/v1/first")
        pretend(talk, trick)
        return finish(talk, read + ask(talk))
    return run


def false_end_before_answer(trick):
    def run(talk):
        talk.open()
        talk.say(CLIENT, ASKED)
        pretend(talk, trick)
        return finish(talk, answer(talk, REAL))
    return run


def false_end_of_server(trick):
    def run(talk):
        talk.open()
        talk.say(CLIENT, ASKED)
        pretend(talk, trick, SERVER)
        return finish(talk, answer(talk, REAL))
    return run


def false_end_and_pause(trick):
    def run(talk):
        read = ask(talk.open(), "/v1/first")
        pretend(talk, trick)
        pause(talk)
        return finish(talk, read + ask(talk))
    return run


FALSE_ENDS = (false_end_unopened, false_end_in_handshake, false_end_early, false_end_late, false_end_before_answer,
              false_end_of_server, false_end_and_pause)


# --- single ones --------------------------------------------------------------------------------------------------------


def old_timestamp(talk):
    talk.options = [timestamp(5000), timestamp(9000)]
    read = ask(talk.open(), "/v1/first")
    talk.say(CLIENT, FORGED, sequence=here(talk), options=timestamp(100))
    return finish(talk, read + ask(talk))


def urgent_byte(talk):
    """The server reads the urgent byte beside the stream."""
    talk.open()
    spoiled = ASKED[:8] + b"X" + ASKED[8:]
    talk.segment(CLIENT, PUSH | ACK | URGENT, spoiled, urgent=9)
    return finish(talk, answer(talk, REAL))


def syn_data_ignored(talk):
    talk.segment(CLIENT, SYN, FORGED)
    talk.sequence[CLIENT] -= len(FORGED)
    talk.segment(SERVER, SYN | ACK)
    talk.segment(CLIENT, ACK)
    return finish(talk, ask(talk))


def second_syn_wins(talk):
    """The server answers the second of two SYNs."""
    talk.segment(CLIENT, SYN, sequence=here(talk) - 70000)
    talk.segment(CLIENT, SYN)
    talk.segment(SERVER, SYN | ACK)
    talk.segment(CLIENT, ACK)
    return finish(talk, ask(talk))


def second_syn_loses(talk):
    talk.segment(CLIENT, SYN)
    talk.segment(CLIENT, SYN, sequence=here(talk) + 70000, ip={"ttl": 2})
    talk.segment(SERVER, SYN | ACK)
    talk.segment(CLIENT, ACK)
    return finish(talk, ask(talk))


def desynchronized(talk):
    """A SYN and data of its own numbers, which the server is asked about and answers from where it is."""
    read = ask(talk.open(), "/v1/first")
    talk.segment(CLIENT, SYN, sequence=here(talk) + FAR)
    talk.say(CLIENT, FORGED, sequence=here(talk) + FAR + 1)
    talk.segment(SERVER, ACK)
    return finish(talk, read + ask(talk))


def out_of_window(talk):
    read = ask(talk.open(), "/v1/first")
    for offset in (-FAR - 5000, -5000, 10_000_000, FAR + 5000):
        talk.say(CLIENT, FORGED, sequence=here(talk) + offset)
    return finish(talk, read + ask(talk))


def begins_before_the_stream(talk):
    """The server cuts off what lies before its window (RFC 9293 3.10.7.4)."""
    talk.open()
    talk.say(CLIENT, b"GET /v1/junk" + ASKED, sequence=here(talk) - 12)
    talk.sequence[CLIENT] += len(ASKED)
    return finish(talk, answer(talk, REAL))


def data_behind_fin(talk):
    """The end of the stream lies before the last request."""
    read = ask(talk.open())
    talk.segment(CLIENT, FIN | ACK)
    talk.say(CLIENT, FORGED, sequence=here(talk) - 1)
    talk.segment(SERVER, FIN | ACK)
    return read


def probe_of_another_byte(talk):
    """A byte sent into a closed window is not taken; then another one is."""
    talk.open()
    talk.segment(SERVER, ACK, window=0)
    talk.say(CLIENT, b"P", sequence=here(talk))
    talk.segment(SERVER, ACK, window=0)
    talk.segment(SERVER, ACK)
    return finish(talk, ask(talk))


def beyond_a_small_window(talk):
    """The server has room for a hundred bytes, and drops what lies behind them."""
    talk.open()
    talk.segment(SERVER, ACK, window=100)
    talk.say(CLIENT, b"X" * 300, sequence=here(talk) + 10)
    return finish(talk, ask(talk))


def two_answers(first):
    """Two SYN-ACKs with other numbers; the client takes the first or the last."""
    def run(talk):
        talk.segment(CLIENT, SYN)
        other = here(talk, SERVER) + 40000
        if first:
            talk.segment(SERVER, SYN | ACK)
        talk.segment(SERVER, SYN | ACK, sequence=other, ip={"ttl": 2})
        if not first:
            talk.segment(SERVER, SYN | ACK)
        talk.segment(CLIENT, ACK)
        return finish(talk, ask(talk))
    return run


def server_forges(talk):
    """The answer comes twice; the client took the first."""
    talk.open()
    talk.say(CLIENT, ASKED)
    at = here(talk, SERVER)
    talk.say(SERVER, b"HTTP/1.1 404 No\r\nContent-Length: 8\r\n\r\n/v1/fake", sequence=at)
    return finish(talk, answer(talk, REAL))


def tricky_fragments(first, forged_first):
    def run(talk):
        talk.open()
        real, forged = talk.tcp(CLIENT, PUSH | ACK, ASKED), talk.tcp(CLIENT, PUSH | ACK, FORGED)
        cut = 24
        pieces = [(cut, (forged if forged_first else real)[cut:]), (cut, (real if forged_first else forged)[cut:])]
        # The sums of both must be good for whichever is taken: the bytes that differ are exchanged for their difference.
        talk.fragments(CLIENT, ASKED, [pieces[0], pieces[1], (0, real[:cut])])
        taken = forged_first if first else not forged_first
        return finish(talk, answer(talk, FAKE if taken else REAL))
    return run


def tricks():
    found = {}
    for trick in DROPPED:
        found["dropped before: " + trick] = dropped_before(trick)
        found["dropped behind: " + trick] = dropped_after(trick)
        found["dropped inside: " + trick] = dropped_tail(trick)
    for relation in RELATIONS:
        for number in range(8):
            last_wins, forged_first, waits = bool(number & 1), bool(number & 2), bool(number & 4)
            name = "overlap: forged %s, last wins %d, forged first %d, out of order %d" % (
                relation, last_wins, forged_first, waits)
            found[name] = overlap(relation, last_wins, forged_first, waits)
    for trick in ENDS:
        for function in FALSE_ENDS:
            found["%s: %s" % (function.__name__, trick)] = function(trick)
    for number in range(4):
        found["fragments %d" % number] = tricky_fragments(number & 1, bool(number & 2))
    for first in (False, True):
        found["two answers, first wins %d" % first] = two_answers(first)
    for function in (old_timestamp, urgent_byte, syn_data_ignored, second_syn_wins, second_syn_loses, desynchronized,
                     out_of_window, begins_before_the_stream, data_behind_fin, probe_of_another_byte, beyond_a_small_window,
                     server_forges):
        found[function.__name__] = function
    return found


# --- what good hosts and networks do ------------------------------------------------------------------------------------


def plain(talk):
    return finish(talk.open(), ask(talk))


def repeated(talk):
    at = here(talk.open())
    talk.say(CLIENT, ASKED)
    talk.say(CLIENT, ASKED, sequence=at)
    return finish(talk, answer(talk, REAL))


def repeated_in_other_cuts(talk):
    at = here(talk.open())
    for begin, end in ((0, 10), (10, 20), (5, 25), (0, 30), (20, len(ASKED)), (0, len(ASKED))):
        talk.say(CLIENT, ASKED[begin:end], sequence=at + begin)
    talk.sequence[CLIENT] = at + len(ASKED)
    return finish(talk, answer(talk, REAL))


def out_of_order(talk):
    at = here(talk.open())
    for begin in (20, 10, 30, 0):
        end = begin + 10 if begin < 30 else len(ASKED)
        talk.say(CLIENT, ASKED[begin:end], sequence=at + begin)
    talk.sequence[CLIENT] = at + len(ASKED)
    return finish(talk, answer(talk, REAL))


def keep_alive_probes(talk):
    """One byte before the window, of any value (RFC 9293 3.8.4)."""
    read = ask(talk.open())
    talk.say(CLIENT, b"\0", sequence=here(talk) - 1)
    talk.segment(SERVER, ACK)
    talk.say(SERVER, b"\0", sequence=here(talk, SERVER) - 1)
    talk.segment(CLIENT, ACK)
    return finish(talk, read)


def window_probes(talk):
    """The next byte is sent into a closed window, again and again, until it is taken."""
    talk.open()
    talk.segment(SERVER, ACK, window=0)
    for _ in range(3):
        talk.say(CLIENT, ASKED[:1], sequence=here(talk))
        talk.segment(SERVER, ACK, window=0)
    talk.segment(SERVER, ACK)
    return finish(talk, ask(talk))


def old_timestamps_of_copies(talk):
    talk.options = [timestamp(5000), timestamp(9000)]
    read = ask(talk.open(), "/v1/first")
    at = here(talk)
    talk.say(CLIENT, ASKED, options=timestamp(5010))
    talk.say(CLIENT, ASKED, sequence=at, options=timestamp(5000))
    talk.options[CLIENT] = timestamp(5010)
    return finish(talk, read + answer(talk, REAL))


def timestamps_that_wrap(talk):
    talk.options = [timestamp(0xFFFFFFF0), timestamp(9000)]
    read = ask(talk.open(), "/v1/first")
    talk.options[CLIENT] = timestamp(7)
    return finish(talk, read + ask(talk))


def handshake_repeated(talk):
    for side, flags, count in ((CLIENT, SYN, 3), (SERVER, SYN | ACK, 2)):
        for _ in range(count - 1):
            talk.segment(side, flags, sequence=here(talk, side))
        talk.segment(side, flags)
    talk.segment(CLIENT, ACK)
    return finish(talk, ask(talk))


def simultaneous_open(talk):
    """RFC 9293 3.5, figure 7."""
    start = list(talk.sequence)
    talk.segment(CLIENT, SYN)
    talk.segment(SERVER, SYN)
    talk.segment(CLIENT, SYN | ACK, sequence=start[CLIENT], acknowledge=start[SERVER] + 1)
    talk.segment(SERVER, SYN | ACK, sequence=start[SERVER], acknowledge=start[CLIENT] + 1)
    return finish(talk, ask(talk))


def split_handshake(talk):
    """The server acknowledges first and opens its own side behind."""
    start = here(talk, SERVER)
    talk.segment(CLIENT, SYN)
    talk.segment(SERVER, ACK, sequence=0)
    talk.segment(SERVER, SYN)
    talk.segment(CLIENT, SYN | ACK, sequence=here(talk) - 1, acknowledge=start + 1)
    talk.segment(SERVER, ACK)
    return finish(talk, ask(talk))


def syn_data_taken(talk):
    """RFC 7413: the request comes with the SYN and is acknowledged with it."""
    talk.segment(CLIENT, SYN, ASKED, options=bytes((34, 10)) + bytes(8) + bytes((1, 1)))
    talk.segment(SERVER, SYN | ACK)
    return finish(talk, answer(talk, REAL))


def ports_used_again(talk):
    read = finish(talk.open(), ask(talk))
    talk.sequence = [here(talk) + 300_000, here(talk, SERVER) + 400_000]
    return read + finish(talk.open(), ask(talk, "/v1/again"))


def ports_used_again_after_reset(talk):
    read = ask(talk.open())
    talk.segment(CLIENT, RST | ACK)
    talk.sequence = [here(talk) - 300_000_000, here(talk, SERVER) + 400_000_000]
    return read + finish(talk.open(), ask(talk, "/v1/again"))


def refused_and_tried_again(talk):
    talk.segment(CLIENT, SYN)
    talk.segment(SERVER, RST | ACK, sequence=0)
    talk.sequence[CLIENT] -= 1
    return finish(talk.open(), ask(talk))


def reset_at_the_end(talk):
    read = ask(talk.open())
    talk.segment(CLIENT, FIN | ACK)
    talk.segment(SERVER, RST | ACK)
    return read


def end_repeated(talk):
    read = ask(talk.open())
    for _ in range(2):
        talk.segment(CLIENT, FIN | ACK, sequence=here(talk))
    talk.segment(CLIENT, FIN | ACK)
    talk.segment(SERVER, FIN | ACK)
    talk.segment(CLIENT, ACK)
    return read


def half_closed(talk):
    talk.open()
    talk.segment(CLIENT, FIN | PUSH | ACK, ASKED)
    read = answer(talk, REAL)
    talk.segment(SERVER, FIN | ACK)
    talk.segment(CLIENT, ACK)
    return read


def signed(talk):
    talk.options = [SIGNATURE, SIGNATURE]
    return finish(talk.open(), ask(talk))


def urgent_pointer_without_flag(talk):
    talk.open()
    return finish(talk, ask(talk, urgent=7))


def sums_left_to_the_card(talk):
    talk.open()
    talk.say(CLIENT, ASKED, sum_error=0x1234)
    read = answer(talk, REAL)
    talk.say(CLIENT, request("/v1/last"), sum_error=0x4321)
    read += answer(talk, "/v1/last")
    talk.close()
    return read


def good_fragments(order):
    def run(talk):
        datagram = talk.open().tcp(CLIENT, PUSH | ACK, ASKED)
        pieces = [(at, datagram[at : at + 8]) for at in range(0, len(datagram), 8)]
        if order == "backward":
            pieces.reverse()
        if order == "twice":
            pieces = [piece for piece in pieces for _ in range(2)]
        if order == "overlapping":
            pieces = [(at, datagram[at : at + 24]) for at in range(0, len(datagram), 8)]
        talk.fragments(CLIENT, ASKED, pieces)
        return finish(talk, answer(talk, REAL))
    return run


def capture_begins_late(talk):
    talk.open()
    del talk.capture.frames[-3:]
    return finish(talk, ask(talk))


def server_side_is_late(talk):
    """The other tap port is behind: the client's half of the handshake and its request come before the server's."""
    start = here(talk, SERVER)
    talk.segment(CLIENT, SYN)
    talk.sequence[SERVER] += 1
    talk.segment(CLIENT, ACK)
    talk.say(CLIENT, ASKED)
    talk.segment(SERVER, SYN | ACK, sequence=start, acknowledge=here(talk) - len(ASKED))
    return finish(talk, answer(talk, REAL))


def client_side_is_late(talk):
    start = here(talk)
    talk.sequence[CLIENT] += 1
    talk.segment(SERVER, SYN | ACK)
    talk.segment(CLIENT, SYN, sequence=start)
    talk.segment(CLIENT, ACK)
    return finish(talk, ask(talk))


def tried_again_with_new_numbers(talk):
    """Nobody answered the first SYN."""
    talk.segment(CLIENT, SYN, sequence=here(talk) - 70000)
    talk.segment(CLIENT, SYN, sequence=here(talk) - 70000)
    pause(talk)
    return finish(talk.open(), ask(talk))


def stray_copies(talk):
    """Late copies out of an older connection of the same ports, far from every window."""
    read = ask(talk.open())
    talk.say(CLIENT, FORGED, sequence=here(talk) + 2 * FAR)
    talk.segment(CLIENT, RST, sequence=here(talk) + 2 * FAR)
    return finish(talk, read)


def twins():
    found = {"fragments " + order: good_fragments(order) for order in ("in order", "backward", "twice")}
    for function in (plain, repeated, repeated_in_other_cuts, out_of_order, keep_alive_probes, window_probes,
                     old_timestamps_of_copies, timestamps_that_wrap, handshake_repeated, simultaneous_open, split_handshake,
                     syn_data_taken, ports_used_again, ports_used_again_after_reset, refused_and_tried_again, reset_at_the_end,
                     end_repeated, half_closed, signed, urgent_pointer_without_flag, sums_left_to_the_card, stray_copies,
                     capture_begins_late, server_side_is_late, client_side_is_late, tried_again_with_new_numbers):
        found[function.__name__] = function
    return found


# --- all in one capture -------------------------------------------------------------------------------------------------


def told(result):
    """By the client's port: the calls that are told, and why the connection is marked."""
    calls, marks = defaultdict(list), defaultdict(set)
    for entry in result.transactions:
        port = entry["src_port"] if entry["dst_port"] == 80 else entry["dst_port"]
        calls[port].append((entry["method"], entry["path"], entry["status"], entry["response_bytes"]))
    for finding in result.findings:
        if finding["rule"] == "FLW-001":
            port = finding["src_port"] if finding["dst_port"] == 80 else finding["dst_port"]
            marks[port].update(finding["evidence"]["reasons"].split(","))
    return calls, marks


def check(result, ports, read, benign):
    calls, marks = told(result)
    faults = []
    for port, name in ports.items():
        expected = [("GET", path, 200, len(path)) for path in read[port]]
        if benign and marks[port]:
            faults.append("%s is marked: %s" % (name, " ".join(sorted(marks[port]))))
        if calls[port] != expected and (benign or not marks[port]):
            faults.append("%s: the server read %s, told are %s" % (name, read[port], calls[port]))
    return faults


def main():
    faults, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for group, benign in ((tricks(), False), (twins(), True)):
            capture, ports, read = Capture(), {}, {}
            for port, (name, run) in enumerate(group.items(), 2000):
                ports[port], read[port] = name, run(Talk(capture, port))
            result = replay(capture.write(os.path.join(folder, "traffic.pcap")))
            faults += check_ledger(result.summary) + check(result, ports, read, benign)
            count += len(group)
    print("%d connections, %d complaints" % (count, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
