#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What takes several calls to see, live: two clients take turns with one token, at two workers and with a reload between their
calls. It is told once, by the epoch of the last call, with both clients and no token. Then the worker process is killed:
what it remembered is in the ledger that the next one tells.
"""

import os
import signal

import tap as live

OTHER = '10.77.0.7'
TOKEN = 'made-up-token-0001'
SERVERS = "server { listen 80; default_type application/json; location / { return 200 '{\"state\":\"paid\"}'; } }"


def call(tap, client, number):
    tap.curl('-o', '/dev/null', '--interface', client, '-H', f'Authorization: Bearer {TOKEN}', '-H',
             f'X-Request-ID: 6f9619ff-8b86-4011-b42d-{number:012}', f'http://{live.SERVER4}/v1/orders/{number}')


def told(tap):
    return [line for line in tap.lines('finding') if line['rule'] in ('AUT-009', 'AUT-010', 'HDR-002.reuse')]


def check_finding(finding):
    evidence = finding['evidence']
    assert (finding['rule'], finding['path'], finding['src'], finding['epoch']) == ('AUT-009', '/v1/orders/3', live.CLIENT4, 2), finding
    assert (evidence['client'], evidence['other_client']) == (live.CLIENT4, OTHER), evidence
    assert evidence['client_first'] < evidence['other_first'] == evidence['other_last'] < evidence['client_last'], evidence


def check_death(tap):
    """One token and four request ids were remembered."""
    pid = tap.status()['worker']['pid']
    os.kill(pid, signal.SIGKILL)
    def back():
        status = tap.status(check=False)
        return status and status['worker']['pid'] != pid and status['worker']['alive']
    live.wait_for(back, 'the worker is started again')
    def of_the_dead():
        lines = tap.lines()
        died = [at for at, line in enumerate(lines) if line['type'] == 'lifecycle' and line['event'] == 'died']
        return died and [line for line in lines[: died[0]] if line['type'] == 'ledger'][-1]
    ledger = live.wait_for(of_the_dead, 'the death is told')
    assert ledger['not_received']['forgotten_sightings'] == 5, ledger['not_received']


def test(tap):
    live.run('ip', '-n', tap.client, 'addr', 'add', f'{OTHER}/24', 'dev', 'client0')
    tap.start_nginx(SERVERS)
    tap.configure(workers={'count': 2, 'spread': 'hand-over', 'memory_mib': 256, 'flows': 4096}, detectors=[])
    tap.start_assay()
    tap.mark_packets()
    call(tap, live.CLIENT4, 1)
    call(tap, OTHER, 2)
    tap.settle()
    assert not told(tap), 'one change of address is a walker'
    tap.command('reload')
    call(tap, live.CLIENT4, 3)
    call(tap, OTHER, 4)
    live.wait_for(lambda: told(tap), 'two clients in turns are told')
    status = tap.settle()
    found = told(tap)
    assert len(found) == 1, found
    check_finding(found[0])
    assert live.balanced(status['ledger']) and not status['ledger']['not_received']['forgotten_sightings'], status['ledger']
    assert not any(TOKEN in path.read_text(encoding='utf-8') for path in tap.log.glob('*.jsonl')), 'the token is in the log'
    check_death(tap)
    tap.stop_assay()
    print('one finding over two workers and two epochs, five things forgotten by a death')


if __name__ == '__main__':
    live.main('sightings', test, ['nginx', 'curl'])
