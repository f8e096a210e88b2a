# SPDX-License-Identifier: Apache-2.0
"""
gRPC-Web seen live: methods are operations of the descriptors, statuses those of gRPC, and card numbers in messages are
found under the path of their field; a set of descriptors that is damaged is refused, and the one in force stays.
"""

import json
import shutil
import sys
from collections import Counter

import tap as live
from http_calls import comparable

PEERS = live.SOURCE / 'tests' / 'golden' / 'grpc_peers.py'
SET = live.SOURCE / 'tests' / 'data' / 'grpc' / 'cards.protoset'
# Debian's own: its packages python3-grpcio and python3-protobuf are no other's.
PYTHON = '/usr/bin/python3'
PAN, OTHER_PAN = '4539578763621486', '5425233430109903'
FOUND = {'/customer/cards/number', '/customer/cards/pan', '/customer/notes/value', '/card/number', '/card/pan', '/1/3/1'}


def lay(tap):
    log = tap.folder / 'peer.jsonl'
    tap.start(tap.server, PYTHON, PEERS, 'serve-web', live.SERVER4, 80, log)
    live.wait_for(lambda: tap.curl('-o', '/dev/null', f'http://{live.SERVER4}/', check=False).returncode in (0, 52), 'the peer answers')
    (tap.folder / 'registry').mkdir()
    shutil.copy(SET, tap.folder / 'registry')
    (tap.folder / 'house.yaml').write_text('pack: house\nversion: "1"\nrules:\n  - id: PRO-002\n    parameters: {allowed_ports: [80]}\n')
    tap.configure(registry={'folder': 'registry'}, rules=[str(live.SOURCE / 'rules'), 'house.yaml'])
    return log


def check_statuses(tap, log):
    """Every call that failed or has no operation is told as its server tells it."""
    told = [json.loads(line) for line in log.read_text().splitlines()]
    wrong = {line['path']: line['status'] for line in live.of_calls(tap.lines('finding'))
             if line['status'] not in {one['grpc_status'] for one in told if one['uri'] == line['path']}}
    assert not wrong, f'statuses that the server never gave: {wrong}'
    return told


def check_damaged(tap):
    before = tap.status()['epoch']['number']
    (tap.folder / 'registry' / 'damaged.protoset').write_bytes(SET.read_bytes()[:-7])
    done = tap.command('reload', check=False)
    assert done.returncode == 1 and 'damaged.protoset' in done.stderr and 'descriptor_set_out' in done.stderr, done.stderr
    assert tap.status()['epoch']['number'] == before
    (tap.folder / 'registry' / 'damaged.protoset').unlink()


def check_peer():
    if live.run(PYTHON, '-c', 'import google.protobuf', check=False).returncode:
        raise live.Skip('needs python3-protobuf: scripts/install test')


def test(tap):
    check_peer()
    log = lay(tap)
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    live.run(*tap.inside(tap.client, PYTHON, PEERS, 'call-web', live.SERVER4, 80))
    tap.settle()
    tap.stop_recording()
    findings = live.of_calls(tap.lines('finding'))
    told = check_statuses(tap, log)
    rules = Counter(line['rule'] for line in findings)
    for rule in ('REG-002', 'REG-008', 'SCH-005', 'PRO-006'):
        assert rules[rule] == 1, f'{rule} is found {rules[rule]} times: {rules}'
    places = {line['evidence']['name'] for line in findings if line['rule'] in ('DAT-003', 'DAT-005')}
    assert places == FOUND, f'found in {places}'
    assert {line['operation'] for line in findings} >= {'shop.v1.Cards/Charge', 'shop.v1.Cards/Watch', 'shop.v1.Cards/Old'}
    for path in [*tap.log.iterdir(), *tap.segments()]:
        for value in (PAN, OTHER_PAN):
            assert value.encode() not in path.read_bytes(), f'a value stands in {path}'
    replayed, _, _ = tap.replay(capture)
    assert sorted(map(comparable, findings)) == sorted(map(comparable, live.of_calls(replayed))), 'live and replayed findings differ'
    check_damaged(tap)
    tap.stop_assay()
    print(f'{len(told)} calls, {len(findings)} findings')


if __name__ == '__main__':
    live.main('grpc', test, ['curl', 'dumpcap'])
