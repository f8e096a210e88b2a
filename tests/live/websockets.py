# SPDX-License-Identifier: Apache-2.0
"""
WebSockets of python3-websockets audited live, compressed and not: a card number is found in the message and at the place
where it was sent, in no other, and in nothing that the auditor writes; a foreign origin is told; and a replay of the same
tap has exactly the messages that the client's library recorded, and the same findings.
"""

import collections
import json

import tap as live
from http_calls import comparable

PEERS = live.SOURCE / 'tests' / 'golden' / 'websocket_peers.py'
PYTHON = '/usr/bin/python3'  # the one that Debian's packages are for
PAN = '4111111111111111'
ROUNDS = 200
COMPRESSIONS = [None, {}, {'client_no_context_takeover': True, 'server_no_context_takeover': True}, {'server_max_window_bits': 9}]


def row(at, card):
    return json.dumps({'order': at, 'customer': {'card': card}, 'lines': [{'item': f'lamp {n}', 'count': n} for n in range(at % 9)]})


def plan():
    answers = {f'/v1/{at}': [row(n, PAN if n == 50 else 'none') for n in range(ROUNDS)] for at in range(len(COMPRESSIONS))}
    connections = [{'path': f'/v1/{at}', 'host': 'shop.example', 'compress': compression, 'origin': 'https://evil.example' if at == 1 else None,
                    'send': [row(n, PAN if n == 70 else 'none') for n in range(ROUNDS)]} for at, compression in enumerate(COMPRESSIONS)]
    return answers, connections


def play(tap):
    answers, connections = plan()
    for name, content in (('answers', answers), ('plan', connections)):
        (tap.folder / f'{name}.json').write_text(json.dumps(content))
    tap.start(tap.server, PYTHON, PEERS, 'serve', live.SERVER4, 80, tap.folder / 'answers.json')
    log = tap.folder / 'peer.jsonl'
    live.wait_for(lambda: ':80 ' in live.run(*tap.inside(tap.server, 'ss', '-Hltn')).stdout, 'the server listens')
    live.run(*tap.inside(tap.client, PYTHON, PEERS, 'play', live.SERVER4, 80, tap.folder / 'answers.json', tap.folder / 'plan.json', log))
    return [json.loads(line) for line in log.read_text().splitlines()]


def count_messages(entries):
    return collections.Counter((entry['src_port'], entry['method'], entry['path'], entry['request_bytes'], entry['response_bytes'])
                               for entry in entries)


def count_told(lines):
    return collections.Counter((line['port'], line['method'], line['uri'], 0 if line.get('from_server') else line.get('bytes', 0),
                                line['bytes'] if line.get('from_server') else 0) for line in lines)


def test(tap):
    tap.configure()
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    told = play(tap)
    assert len(told) == len(COMPRESSIONS) * (2 * ROUNDS + 3), len(told)
    tap.settle()
    tap.stop_recording()
    findings = live.of_calls(tap.lines('finding'))
    for at in range(len(COMPRESSIONS)):
        cards = [line for line in findings if line['rule'] == 'DAT-008' and line['path'] == f'/v1/{at}']
        assert sorted(line['evidence']['side'] for line in cards) == ['request', 'response'], cards
        assert all(line['protocol'] == 'websocket' and line['evidence']['name'] == '/customer/card' for line in cards), cards
        origins = [line for line in findings if line['rule'] == 'PRO-005' and line['path'] == f'/v1/{at}']
        assert len(origins) == (at == 1), origins
    for path in tap.log.iterdir():
        assert PAN.encode() not in path.read_bytes(), f'a card number stands in {path}'
    replayed, transactions, summary = tap.replay(capture)
    ours, theirs = count_messages(transactions), count_told(told)
    assert ours == theirs, f'not the messages that the client recorded: only ours {ours - theirs}, only theirs {theirs - ours}'
    assert summary['transactions']['seen'] == summary['transactions']['audited'] == len(told), summary['transactions']
    assert sorted(map(comparable, findings)) == sorted(map(comparable, live.of_calls(replayed))), 'live and replayed findings differ'
    tap.stop_assay()
    print(f'{len(told)} messages, {len(findings)} findings')


if __name__ == '__main__':
    live.main('websockets', test, ['dumpcap', 'ss'])
