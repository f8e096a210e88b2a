# SPDX-License-Identifier: Apache-2.0
"""
WebSockets of python3-websockets audited live, compressed and not, by themselves and through HAProxy over one HTTP/2
connection of h2 and wsproto (RFC 8441): a card number is found in the message and at the place
where it was sent, in no other, and in nothing that the auditor writes; a foreign origin is told; and a replay of the same
tap has exactly the messages that the client's library recorded, and the same findings.
"""

import collections
import json
import sys

import tap as live
from http_calls import comparable

GOLDEN = live.SOURCE / 'tests' / 'golden'
sys.path.insert(0, str(GOLDEN))
import websocket_proxy  # noqa: E402

PEERS, HTTP2_PEERS = GOLDEN / 'websocket_peers.py', GOLDEN / 'websocket_http2_peers.py'
PYTHON = '/usr/bin/python3'  # the one that Debian's packages are for
PAN = '4111111111111111'
PORT, HTTP2_PORT, INNER_PORT = 80, 8443, 9001
ROUNDS = 200
COMPRESSIONS = [None, {}, {'client_no_context_takeover': True, 'server_no_context_takeover': True}, {'server_max_window_bits': 9}]


def row(at, card):
    return json.dumps({'order': at, 'customer': {'card': card}, 'lines': [{'item': f'lamp {n}', 'count': n} for n in range(at % 9)]})


def plan():
    """path -> what the server answers; and the connections, those over HTTP/2 by themselves."""
    answers, connections = {}, {'v1': [], 'v2': []}
    for version, plans in connections.items():
        for at, compression in enumerate(COMPRESSIONS):
            path = f'/{version}/{at}'
            answers[path] = [row(n, PAN if n == 50 else 'none') for n in range(ROUNDS)]
            plans.append({'path': path, 'host': 'shop.example', 'compress': compression, 'cut': 100 * at,
                          'origin': 'https://evil.example' if at == 1 else None,
                          'send': [row(n, PAN if n == 70 else 'none') for n in range(ROUNDS)]})
    return answers, connections


def play(tap):
    answers, connections = plan()
    for name, content in (('answers', answers), *connections.items()):
        (tap.folder / f'{name}.json').write_text(json.dumps(content))
    tap.start(tap.server, PYTHON, PEERS, 'serve', live.SERVER4, PORT, tap.folder / 'answers.json')
    tap.start(tap.server, *websocket_proxy.command(tap.folder, live.SERVER4, HTTP2_PORT, f'127.0.0.1:{INNER_PORT}'))
    tap.start(tap.server, PYTHON, PEERS, 'serve', '127.0.0.1', INNER_PORT, tap.folder / 'answers.json')
    listening = lambda port: f':{port} ' in live.run(*tap.inside(tap.server, 'ss', '-Hltn')).stdout
    for port in (PORT, HTTP2_PORT, INNER_PORT):
        live.wait_for(lambda: listening(port), 'the servers listen')
    told = []
    for command, version in (([PEERS, 'play', live.SERVER4, PORT, tap.folder / 'answers.json', tap.folder / 'v1.json'], 'v1'),
                             ([HTTP2_PEERS, live.SERVER4, HTTP2_PORT, tap.folder / 'v2.json', tap.folder / 'answers.json'], 'v2')):
        log = tap.folder / f'{version}.jsonl'
        live.run(*tap.inside(tap.client, PYTHON, *command, log))
        told += [json.loads(line) for line in log.read_text().splitlines()]
    return told


def count_messages(entries):
    return collections.Counter((entry['src_port'], entry['method'], entry['path'], entry['request_bytes'], entry['response_bytes'])
                               for entry in entries)


def count_told(lines):
    return collections.Counter((line['port'], line['method'], line['uri'], 0 if line.get('from_server') else line.get('bytes', 0),
                                line['bytes'] if line.get('from_server') else 0) for line in lines)


def test(tap):
    if live.run(PYTHON, '-c', 'import h2, wsproto', check=False).returncode:
        raise live.Skip('needs python3-h2 and python3-wsproto: scripts/install test')
    tap.configure()
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    told = play(tap)
    assert len(told) == 2 * len(COMPRESSIONS) * (2 * ROUNDS + 3), len(told)
    tap.settle()
    tap.stop_recording()
    findings = live.of_calls(tap.lines('finding'))
    for path in (f'/{version}/{at}' for version in ('v1', 'v2') for at in range(len(COMPRESSIONS))):
        cards = [line for line in findings if line['rule'] == 'DAT-008' and line['path'] == path]
        assert sorted(line['evidence']['side'] for line in cards) == ['request', 'response'], cards
        assert all(line['protocol'] == 'websocket' and line['evidence']['name'] == '/customer/card' for line in cards), cards
        origins = [line for line in findings if line['rule'] == 'PRO-005' and line['path'] == path]
        assert len(origins) == path.endswith('/1'), origins
    assert not [line for line in findings if line['rule'] == 'PRO-007'], 'a WebSocket over HTTP/2 is no tunnel'
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
    live.main('websockets', test, ['dumpcap', 'ss', 'haproxy'])
