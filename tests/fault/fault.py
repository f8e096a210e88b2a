# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share: processes, segments, and the reading of the reporter's files."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

SHARED = pathlib.Path('/dev/shm')


class Place:
    """A queue name and a folder of their own, cleaned up afterwards."""

    def __init__(self, reporter, producer):
        self.reporter_path, self.producer_path = reporter, producer
        self.name = f'assay-fault-{os.getpid()}'
        self.temporary = tempfile.TemporaryDirectory(prefix='assay-fault-')
        self.folder = pathlib.Path(self.temporary.name)
        self.children = []

    def __enter__(self):
        self.remove_segments()
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        self.remove_segments()
        self.temporary.cleanup()

    def segments(self, suffix=''):
        return sorted(SHARED.glob(self.name + suffix + '*'))

    def remove_segments(self):
        for path in self.segments():
            path.unlink()

    def start(self, *command, **options):
        child = subprocess.Popen([str(part) for part in command], **options)
        self.children.append(child)
        return child

    def reporter(self, *arguments, folder=None, **options):
        return self.start(self.reporter_path, '--queue', self.name, '--folder', folder or self.folder, '--sensor', 'test',
                          *arguments, **options)

    def drain(self, *arguments, folder=None):
        child = self.reporter('--once', *arguments, folder=folder)
        assert child.wait(timeout=60) == 0, f'draining ended with {child.returncode}'

    def producer(self, rate, seconds, workers=2, ring_bytes=1 << 23, size=100):
        return self.start(self.producer_path, self.name, workers, ring_bytes, rate, seconds, size,
                          stdout=subprocess.PIPE, text=True)


def written(child):
    """{ring: (written, dropped)} as a producer that came to its end prints it."""
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, f'the producer ended with {child.returncode}'
    return {int(a): (int(b), int(c)) for a, b, c in (line.split() for line in output.splitlines())}


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'waited in vain: {what}'
        time.sleep(0.01)


def lines(folder):
    """All lines of all files, in order; a line that is no JSON fails the test."""
    def key(path):
        parts = path.name.split('.')
        return parts[0], int(parts[1]) if len(parts) == 3 else 0
    for path in sorted(pathlib.Path(folder).glob('findings-*.jsonl'), key=key):
        with open(path, encoding='utf-8') as file:
            for line in file:
                assert line.endswith('\n'), f'{path}: cut line'
                yield json.loads(line)


def sequences(folder):
    """{(queue, ring): [sequence ...]} in the order of the files, and the lines of the reporter's own."""
    found, own = {}, []
    for line in lines(folder):
        if 'sequence' in line:
            found.setdefault((line['queue'], line['ring']), []).append(line['sequence'])
        else:
            own.append(line)
    return found, own


def check_exactly_once(folder):
    """Every sequence from 1 up once and in order; returns {(queue, ring): last} and the other lines."""
    found, own = sequences(folder)
    for ring, numbers in found.items():
        assert numbers == list(range(1, len(numbers) + 1)), f'{ring}: lost, doubled or out of order'
    for line in own:
        assert line['type'] not in ('gap', 'corrupt', 'unreadable'), line
    return {ring: len(numbers) for ring, numbers in found.items()}, own


def stop(child, expected=0):
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == expected, f'ended with {child.returncode}'


def main(test):
    with Place(sys.argv[1], sys.argv[2]) as place:
        test(place)
    print('ok')
