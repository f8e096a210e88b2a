# SPDX-License-Identifier: Apache-2.0
"""
The supervised auditor under load while its processes are killed: the reporter twenty times, the worker three times. What
was published is in the log once and in order, a new life of the worker goes on with the numbers of the old one, and what
nobody audited can be read off the log. A child that keeps dying ends the supervisor with a reason.
"""

import collections
import os
import random
import re
import signal
import subprocess
import time

import tap as live

ROUNDS = 4             # runs of `assay run`: it gives a child up after five deaths within a minute
REPORTER_KILLS = 5     # in each
WORKER_KILLS = 3       # one in each round but the last
RESTART_SECONDS = 10
LOAD = '''
local counter = 0
function request()
    counter = counter + 1
    return wrk.format("GET", "/v1/orders/w-%d-" .. counter, {["Host"] = "shop.example"})
end
function delay() return 20 end
'''
SERVERS = "server { listen 80; default_type application/json; location / { return 200 '{\"state\":\"paid\"}'; } }"


def kill(tap, process):
    """Kills one of the two as the status names it, and waits until the supervisor has started it again."""
    find = lambda: tap.status(check=False)
    pid = find()[process]['pid']
    os.kill(pid, signal.SIGKILL)
    def back():
        assert tap.assay.poll() is None, f'assay run ended:\n{tap.assay_words()}'
        status = find()
        if not status or status[process]['pid'] == pid:
            return False
        return status['worker']['alive'] if process == 'worker' else status['reporter']['state'] == 'running'
    live.wait_for(back, f'the {process} is started again', RESTART_SECONDS)


def caught_up(tap):
    status = tap.status()
    return all(ring['published'] == ring['durable'] for ring in status['rings']) and status


def one_round(tap, number):
    """Returns the status at its end and what the supervisor has said."""
    (tap.folder / 'load.lua').write_text(LOAD % number)
    tap.start_assay()
    load = tap.start(tap.client, 'wrk', '-t1', '-c8', '-d300s', '-s', tap.folder / 'load.lua', f'http://{live.SERVER4}',
                     stdout=subprocess.DEVNULL)
    victims = ['reporter'] * REPORTER_KILLS + ['worker'] * (number < WORKER_KILLS)
    random.shuffle(victims)
    for victim in victims:
        time.sleep(random.uniform(0.05, 0.6))
        kill(tap, victim)
    time.sleep(0.5)
    load.send_signal(signal.SIGINT)
    load.wait(timeout=10)
    status = live.wait_for(lambda: caught_up(tap), 'the reporter has caught up')
    assert live.balanced(status['ledger']) and status['dropped'] == 0, status['ledger']
    words = tap.assay_words()
    tap.stop_assay()
    return status, words


def check_sequences(lines):
    """Each ring of the one queue from 1 up without a gap; returns its last numbers."""
    found = collections.defaultdict(list)
    for line in lines:
        if 'sequence' in line:
            found[(line['queue'], line['ring'])].append(line['sequence'])
        assert line['type'] not in ('gap', 'corrupt', 'unreadable', 'dropped'), line
    assert len({queue for queue, _ in found}) == 1, 'a restart made a new queue'
    for ring, numbers in found.items():
        assert numbers == list(range(1, len(numbers) + 1)), f'{ring}: lost, doubled or out of order'
    return {ring: numbers[-1] for (_, ring), numbers in found.items()}


def lives_of(lines):
    """[(start, last ledger or None, stop or None)] of the worker's lives, as the log tells them."""
    lives = []
    for line in lines:
        if line['type'] == 'lifecycle' and line['event'] == 'start':
            lives.append([line, None, None])
        elif line['type'] == 'ledger':
            assert live.balanced(line), line
            lives[-1][1] = line
        elif line['type'] == 'lifecycle' and line['event'] == 'stop':
            lives[-1][2] = line
    return lives


def check_lives(lines, arrived):
    """A life that was cut short has no stop; each life's last ledger balances, and what all of them do not tell of what
    arrived was not audited."""
    lives = lives_of(lines)
    assert len(lives) == ROUNDS + WORKER_KILLS, len(lives)
    assert sum(stop is None for _, _, stop in lives) == WORKER_KILLS, 'killed workers that say they stopped'
    assert len({start['pid'] for start, _, _ in lives}) == len(lives)
    told = sum(ledger['received']['packets'] for _, ledger, _ in lives if ledger)
    assert 0 < told <= arrived, f'{told} packets told of {arrived} that arrived'
    for start, ledger, stop in lives:
        if stop:
            assert ledger['pending']['packets'] == 0 and ledger['transactions']['pending'] == 0, ledger
    return told


def check_transactions(lines, logged):
    """No call has two findings of one rule; nearly all that nginx logged were judged."""
    shown = collections.Counter((line['path'], line['rule']) for line in lines if line['type'] == 'finding' and line['path'])
    twice = [key for key, count in shown.items() if count > 1]
    assert not twice, f'judged twice: {twice[:3]}'
    judged = {path for path, _ in shown}
    assert judged <= logged.keys(), sorted(judged - logged.keys())[:3]
    return len(judged)


def check_giving_up(tap):
    """A reporter that dies a sixth time within a minute: the supervisor says so, stops the worker, and ends."""
    tap.start_assay()
    for _ in range(REPORTER_KILLS):
        kill(tap, 'reporter')
    worker = tap.status()['worker']['pid']
    os.kill(tap.status()['reporter']['pid'], signal.SIGKILL)
    assert tap.assay.wait(timeout=30) == 2, tap.assay.returncode
    assert re.search(r'assay-reporter died 6 times within 60 seconds; giving up', tap.assay_words()), tap.assay_words()
    live.wait_for(lambda: not os.path.exists(f'/proc/{worker}'), 'the worker is stopped as well')
    # What was left is not lost: the next reporter takes it.
    tap.start_assay()
    tap.stop_assay()


def test(tap):
    random.seed(3)
    tap.start_nginx(SERVERS)
    (tap.folder / 'detectors.yaml').write_text(live.one_detector())
    tap.configure(detectors=['detectors.yaml'])
    before = tap.tap_counter('rx_packets')
    begin = time.monotonic()
    for number in range(ROUNDS):
        status, words = one_round(tap, number)
        assert status['worker']['starts'] == number + 1 + min(number + 1, WORKER_KILLS), status['worker']
    assert words.count('assay-reporter was ended by signal 9 (Killed)') == ROUNDS * REPORTER_KILLS
    assert words.count('assay-worker was ended by signal 9 (Killed)') == WORKER_KILLS
    assert words.count('starting assay-reporter again') == ROUNDS * REPORTER_KILLS
    seconds = time.monotonic() - begin
    lines = tap.lines()
    arrived = tap.tap_counter('rx_packets') - before
    last = check_sequences(lines)
    told = check_lives(lines, arrived)
    logged = collections.Counter(line['uri'] for line in tap.access())
    judged = check_transactions(lines, logged)
    check_giving_up(tap)
    check_sequences(tap.lines())
    print(f'{ROUNDS * REPORTER_KILLS} reporters and {WORKER_KILLS} workers killed in {seconds:.0f} s; {sum(last.values())} records, '
          f'each once; {told} of {arrived} packets in ledgers, {judged} of {len(logged)} calls judged')


if __name__ == '__main__':
    live.main('kill', test, ['nginx', 'wrk'])
