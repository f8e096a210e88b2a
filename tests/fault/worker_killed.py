# SPDX-License-Identifier: Apache-2.0
"""The worker is killed in mid-stream and started again: its ring is drained and sequences go on."""

import random
import signal
import time

import fault


def test(place):
    random.seed(2)
    reporter = place.reporter('--batch-ms', '5')
    for number in range(40):
        producer = place.producer(rate=0 if number % 2 else 30000, seconds=60)
        time.sleep(random.uniform(0.02, 0.2))
        assert producer.poll() is None, 'the producer ended by itself'
        producer.send_signal(signal.SIGKILL)
        producer.wait()
        if number % 10 == 9:
            fault.stop(reporter)
            reporter = place.reporter('--batch-ms', '5')
    producer = place.producer(rate=1000, seconds=0.2)
    counts = fault.written(producer)
    fault.stop(reporter)
    place.drain()
    found, own = fault.check_exactly_once(place.folder)
    assert len({queue for queue, _ in found}) == 1, 'a new segment was made'
    for (_, ring), last in found.items():
        # Committed but not published when killed: at most a burst a life. Their numbers were given out again.
        lost = counts[ring][0] - last
        assert 0 <= lost <= 40 * 16, f'ring {ring}: {lost} lost'
    told = [line for line in own if line['type'] == 'dropped']
    for ring, (_, dropped) in counts.items():
        last = [line['total']['finding'] for line in told if line['ring'] == ring]
        assert (last[-1] if last else 0) == dropped, 'the losses told are not the losses counted'
    print(f'{sum(found.values())} records over 41 lives of the worker')


fault.main(test)
