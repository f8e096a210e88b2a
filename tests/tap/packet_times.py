# SPDX-License-Identifier: Apache-2.0
"""Whatever the clock of a capture does, the transactions are the same, told with the times that the packets carry.

usage: packet_times.py ASSAY
"""

import datetime
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import traffic
from traffic import pcap_rewrite

ASSAY = sys.argv[1]
SECOND = 10**9
YEAR = 31_556_952
FACTS = ("src", "src_port", "dst", "method", "path", "status", "flags", "request_bytes", "response_bytes")


def replay(path, *options):
    """(transactions in order of completion, summary)"""
    lines, summary = path.with_suffix(".jsonl"), path.with_suffix(".json")
    result = subprocess.run([ASSAY, "replay", "--transactions", lines, "--summary", summary, *options, path],
                            capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    with open(lines, encoding="utf-8") as stream:
        told = [json.loads(line) for line in stream]
    with open(summary, encoding="utf-8") as stream:
        balance = json.load(stream)
    assert balance["balanced"] is True, balance
    assert balance["pending"] == {"packets": 0, "bytes": 0}, balance
    return told, balance


def facts(told):
    return sorted(json.dumps([entry[name] for name in FACTS]) for entry in told)


def nanoseconds(text):
    """RFC 3339 with nine digits; datetime knows only six."""
    whole, fraction = text.rstrip("Z").split(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(seconds.timestamp()) * SECOND + int(fraction)


def request_times(frames):
    """{(source port, path): time of the first frame with that request}"""
    times = {}
    for frame in frames:
        segment = pcap_rewrite.Segment.parse(frame)
        if segment is not None and segment.payload.startswith(b"GET "):
            key = int.from_bytes(segment.tcp[:2], "big"), segment.payload.split()[1].decode()
            times.setdefault(key, frame.time_ns)
    return times


class Place:
    def __init__(self, folder):
        self.folder, self.count, self.turn = pathlib.Path(folder), 0, False
        self.frames = traffic.capture()
        self.expected = facts(replay(self.write(self.frames))[0])
        assert len(self.expected) == 240

    def path(self):
        self.count += 1
        return self.folder / ("%d.pcap" % self.count)

    def write(self, frames):
        path = self.path()
        pcap_rewrite.write_capture(path, frames)
        return path

    def expect(self, frames, what, path=None, grain_ns=1):
        path = path or self.write(frames)
        first = None
        self.turn = not self.turn  # several workers every other time: the answer is the same, and it takes as long
        for options in ((), ("--workers", "3")) if self.turn else ((),):
            told, _ = replay(path, *options)
            assert facts(told) == self.expected, what
            times = sorted(entry["time"] for entry in told)
            assert first in (None, times), what
            first = times
            wanted = request_times(frames)
            for entry in told:
                stamp = wanted[(entry["src_port"], entry["path"])]
                assert nanoseconds(entry["time"]) == stamp // grain_ns * grain_ns, (what, entry, stamp)


def write_microseconds(path, frames, order):
    with open(path, "wb") as stream:
        stream.write(struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            stream.write(struct.pack(order + "IIII", frame.time_ns // SECOND, frame.time_ns % SECOND // 1000,
                                     len(frame.data), frame.wire_size) + frame.data)


def write_pcapng(path, frames, resolution, units):
    """`resolution` is the if_tsresol octet, `units` its units a second."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    with open(path, "wb") as stream:
        stream.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        options = struct.pack("<HHB3xHH", 9, 1, resolution, 0, 0)
        stream.write(block(1, struct.pack("<HHI", 1, 0, 262144) + options))
        for frame in frames:
            ticks = frame.time_ns * units // SECOND
            stream.write(block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data),
                                              frame.wire_size) + frame.data))


def shifted(frames, first, seconds):
    step_ns = int(seconds * SECOND)
    return frames[:first] + [pcap_rewrite.Frame(f.time_ns + step_ns, f.data, f.wire_size) for f in frames[first:]]


def test_formats(place):
    """Nanoseconds are kept where the file has them; either byte order."""
    place.expect(place.frames, "nanoseconds")
    for order in "<>":
        path = place.path()
        write_microseconds(path, place.frames, order)
        place.expect(place.frames, "microseconds " + order, path, 1000)
    for resolution, units in ((9, 10**9), (6, 10**6)):
        path = place.path()
        write_pcapng(path, place.frames, resolution, units)
        place.expect(place.frames, "pcapng", path, SECOND // units)


def test_far_times(place):
    """2038 and 2106 end signed and unsigned seconds of 32 bits: pcap goes up to the latter, pcapng far beyond."""
    start = place.frames[0].time_ns // SECOND
    for to in (2**31 - 1, 4_200_000_000, 1, 2**32 - 10):
        place.expect(shifted(place.frames, 0, to - start), "start %d" % to)
    for to in (2**31 - 1, 2**32 - 1, 2**32 + 5, 10**10, 18 * 10**9):
        frames = shifted(place.frames, 0, to - start)
        path = place.path()
        write_pcapng(path, frames, 9, 10**9)
        place.expect(frames, "pcapng start %d" % to, path)


def test_clock_is_set(place):
    """Once in the middle of everything: short timeouts pass, living connections go on."""
    middle = len(place.frames) // 2
    for seconds in (-0.2, -5, -70, -3600, -YEAR, -40 * YEAR, 5, 59, 61, 400, 3600, 7200, YEAR, 30 * YEAR):
        place.expect(shifted(place.frames, middle, seconds), "set by %s s" % seconds)
    # Set again and again, forward and backward.
    frames = place.frames
    for turn, seconds in enumerate((3600, -7200, YEAR, -YEAR, 600, -300, 10 * YEAR)):
        frames = shifted(frames, (turn + 1) * len(frames) // 9, seconds)
    place.expect(frames, "set seven times")


def test_wild_stamps(place):
    """Single packets with a wild time."""
    def wild(seconds):
        frames = list(place.frames)
        for index in range(50, len(frames), 400):
            frames[index] = pcap_rewrite.Frame(frames[index].time_ns + seconds * SECOND, frames[index].data,
                                               frames[index].wire_size)
        return frames

    for seconds in (-3600, -40 * YEAR, -30, 5, 30, 59, 61, 3600, 30 * YEAR):
        place.expect(wild(seconds), "wild by %d s" % seconds)
    # Two clocks a day apart, taking turns: each packet is a step.
    frames = [pcap_rewrite.Frame(frame.time_ns + index % 2 * 86400 * SECOND, frame.data, frame.wire_size)
              for index, frame in enumerate(place.frames)]
    place.expect(frames, "two clocks")


def test_timeouts_still_pass(place):
    """A request nobody answers is told when its connection has been silent too long, not at the end of the capture."""
    source = traffic.random.Random(9)
    lonely = traffic.Connection(source, 900, 1_700_000_000 * SECOND, 0)
    client, server = lonely.client, lonely.server
    lonely.send(client, server, traffic.SYN)
    lonely.send(server, client, traffic.SYN | traffic.ACK)
    lonely.send(client, server, traffic.ACK, b"GET /lonely HTTP/1.1\r\nHost: api.example\r\n\r\n")
    frames = list(lonely.frames)
    for turn in range(1, 201):
        frames += traffic.Connection(source, turn, (1_700_000_000 + turn * 2) * SECOND, 0).run()
    told, _ = replay(place.write(frames))
    places = [index for index, entry in enumerate(told) if entry["path"] == "/lonely"]
    assert len(places) == 1 and told[places[0]]["status"] is None and "no_response" in told[places[0]]["flags"], told
    # 300 seconds after its last packet: among two hundred connections of four requests, two seconds apart, the 150th.
    assert 4 * 148 <= places[0] <= 4 * 160, places


def main():
    with tempfile.TemporaryDirectory(prefix="assay-times-") as folder:
        place = Place(folder)
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(place)
                print("ok", name)


main()
