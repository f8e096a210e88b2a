# SPDX-License-Identifier: Apache-2.0
"""The reporter is killed 200 times at random moments; the union of its files holds every record exactly once."""

import random
import signal
import time

import fault

KILLS = 200


def test(place):
    random.seed(1)
    producer = place.producer(rate=20000, seconds=60)
    cut = 0
    for number in range(KILLS):
        # A small rotation size: deaths around the change of files are among them.
        reporter = place.reporter('--batch-ms', '2', '--rotate-bytes', '3000000')
        time.sleep(random.uniform(0.0, 0.12))
        assert reporter.poll() is None, f'the reporter ended by itself with {reporter.returncode}'
        reporter.send_signal(signal.SIGKILL)
        reporter.wait()
    producer.send_signal(signal.SIGTERM)
    counts = fault.written(producer)
    place.drain()
    found, own = fault.check_exactly_once(place.folder)
    assert len({queue for queue, _ in found}) == 1
    for (_, ring), last in found.items():
        assert last == counts[ring][0], f'ring {ring}: {last} in the files, {counts[ring]} written and dropped'
        assert counts[ring][1] == 0, 'the ring was too small for this test'
    cut = sum(line['type'] == 'recovery' and line['cut_bytes'] > 0 for line in own)
    files = len(list(place.folder.iterdir()))
    print(f'{sum(found.values())} records in {files} files, {KILLS} kills, {cut} of them inside a batch')
    assert files > 3


fault.main(test)
