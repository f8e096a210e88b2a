# SPDX-License-Identifier: Apache-2.0
"""Segments that a dead worker left: of the same size, of another one, of another layout, garbage. And full rings."""

import os
import struct
import subprocess

import fault


def queues(own):
    return [line['queue'] for line in own if line['type'] == 'queue']


def reporter_starts_first_and_last(place):
    """With no reporter there for three segments, the next one drains all, oldest first."""
    first = fault.written(place.producer(rate=5000, seconds=0.3, ring_bytes=1 << 20))
    second = fault.written(place.producer(rate=5000, seconds=0.3, ring_bytes=1 << 21))
    third = fault.written(place.producer(rate=5000, seconds=0.3, ring_bytes=1 << 21, workers=3))
    assert len(place.segments()) == 3
    place.drain('--rotate-bytes', '200000')
    found, own = fault.check_exactly_once(place.folder)
    order = queues(own)
    assert len(order) == 3
    for queue, counts in zip(order, (first, second, third)):
        for ring, (count, dropped) in counts.items():
            assert dropped == 0 and found[(queue, ring)] == count
    assert len(place.segments()) == 1, 'drained segments stay'


def replaced_under_a_running_reporter(place):
    reporter = place.reporter('--batch-ms', '5')
    counts = [fault.written(place.producer(rate=5000, seconds=0.5, ring_bytes=1 << bits)) for bits in (20, 21, 22)]
    fault.wait_for(lambda: len(place.segments()) == 1, 'the segments set aside to be drained')
    fault.wait_for(lambda: len(set(queues(fault.sequences(place.folder)[1]))) >= 3, 'the last segment')
    fault.stop(reporter)
    found, _ = fault.check_exactly_once(place.folder)
    assert sum(found.values()) == sum(count for rings in counts for count, _ in rings.values())


def another_layout(place):
    """Records of a layout that this reporter does not know are kept as hex."""
    counts = fault.written(place.producer(rate=1000, seconds=0.1))
    with open(place.segments()[0], 'r+b') as segment:
        segment.seek(12)
        layout, = struct.unpack('=I', segment.read(4))
        segment.seek(12)
        segment.write(struct.pack('=I', layout + 1))
        segment.seek(72)
        data_offset, = struct.unpack('=Q', segment.read(8))
        segment.seek(data_offset + 6)  # layout of the first record of ring 0
        assert segment.read(2) == struct.pack('=H', layout)
        segment.seek(data_offset + 6)
        segment.write(struct.pack('=H', layout + 1))
    again = fault.written(place.producer(rate=1000, seconds=0.1))
    place.drain()
    found, own = fault.sequences(place.folder)
    assert len(set(queues(own))) == 2
    assert sum(map(len, found.values())) == sum(count for rings in (counts, again) for count, _ in rings.values())
    strange = [line for line in fault.lines(place.folder) if line['type'] == 'unreadable']
    assert len(strange) == 1 and strange[0]['sequence'] == 1 and strange[0]['ring'] == 0
    bytes_kept = bytes.fromhex(''.join(strange[0]['bytes']))
    assert len(bytes_kept) == strange[0]['size'] and b'api.example' in bytes_kept


def garbage(place):
    path = fault.SHARED / place.name
    path.write_bytes(os.urandom(1 << 20))
    reporter = place.reporter('--once', stderr=subprocess.PIPE, text=True)
    _, talk = reporter.communicate(timeout=20)
    assert reporter.returncode == 2 and 'cannot' in talk
    counts = fault.written(place.producer(rate=1000, seconds=0.1))
    place.drain()
    found, own = fault.check_exactly_once(place.folder)
    assert sum(found.values()) == sum(count for count, _ in counts.values())
    assert [line['type'] for line in own].count('unreadable_queue') == 1
    assert len(place.segments('.unreadable-')) == 1 and not place.segments('.aside-')


def full_rings(place):
    """Nobody drains: what is refused is counted, and the files say how much."""
    counts = fault.written(place.producer(rate=0, seconds=0.5, ring_bytes=1 << 20))
    place.drain()
    found, own = fault.check_exactly_once(place.folder)
    told = {line['ring']: line['findings']['high'] for line in own if line['type'] == 'dropped'}
    for (_, ring), last in found.items():
        assert counts[ring] == (last, told[ring]) and told[ring] > 0


def test(place):
    for case in (reporter_starts_first_and_last, replaced_under_a_running_reporter, another_layout, garbage, full_rings):
        print(case.__name__, flush=True)
        case(place)
        place.remove_segments()
        for path in place.folder.iterdir():
            path.unlink()


fault.main(test)
