# SPDX-License-Identifier: Apache-2.0
"""The disk fills up: the reporter stalls, says so once, and goes on without loss when there is space again."""

import os
import subprocess
import sys
import time

import fault

SKIPPED = 77


def stderr_lines(path):
    return path.read_text(encoding='utf-8').splitlines()


def fill_and_free(place, disk):
    talk = place.folder / 'talk'
    with open(talk, 'w', encoding='utf-8') as stream:
        reporter = place.reporter('--batch-ms', '5', folder=disk, stderr=stream)
    producer = place.producer(rate=4000, seconds=3)
    fault.wait_for(lambda: len(stderr_lines(talk)) == 1, 'the reporter to say that the disk is full')
    time.sleep(1)
    assert reporter.poll() is None, 'the reporter gave up'
    assert len(stderr_lines(talk)) == 1, 'said more than once'
    assert 'No space left' in stderr_lines(talk)[0]
    counts = fault.written(producer)
    subprocess.run(['mount', '-o', 'remount,size=64m', str(disk)], check=True)
    fault.wait_for(lambda: len(stderr_lines(talk)) == 2, 'the reporter to go on')
    fault.stop(reporter)
    found, _ = fault.check_exactly_once(disk)
    for (_, ring), last in found.items():
        assert counts[ring] == (last, 0)
    print(f'{sum(found.values())} records, none lost')


def killed_when_full(place, disk):
    """Stopped while the disk is full: status 1, the records stay in the queue, the next start has them."""
    for path in disk.iterdir():
        path.unlink()
    subprocess.run(['mount', '-o', 'remount,size=1m', str(disk)], check=True)
    place.remove_segments()
    reporter = place.reporter('--batch-ms', '5', folder=disk, stderr=subprocess.DEVNULL)
    counts = fault.written(place.producer(rate=4000, seconds=2))
    time.sleep(0.5)
    fault.stop(reporter, expected=1)
    subprocess.run(['mount', '-o', 'remount,size=64m', str(disk)], check=True)
    place.drain(folder=disk)
    found, _ = fault.check_exactly_once(disk)
    for (_, ring), last in found.items():
        assert counts[ring] == (last, 0)


def test(place):
    disk = place.folder / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'assay-test', str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        print('skipped: only root can mount a small file system')
        sys.exit(SKIPPED)
    try:
        fill_and_free(place, disk)
        killed_when_full(place, disk)
    finally:
        for child in place.children:
            child.kill()
            child.wait()
        subprocess.run(['umount', str(disk)], check=True)


fault.main(test)
