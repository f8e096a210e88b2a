# SPDX-License-Identifier: Apache-2.0
"""
gRPC over HTTP/2 between Debian's grpcio on both ends, seen live: unary and streams of all kinds, gzip and deflate, a message
over many frames, trailers alone, a deadline, a cancellation. Each call is held against what the client says of it: path,
status, and the sizes of what was sent and received; a replay of the same tap has the same calls.
"""

import json

import tap as live

PEERS = live.SOURCE / 'tests' / 'golden' / 'grpc_peers.py'
PYTHON = '/usr/bin/python3'  # Debian's own: its packages python3-grpcio and python3-protobuf are no other's
PORT = 8443
PREFIX = 5  # bytes before each message
UNIMPLEMENTED = 12


def check_side(line, told, call, side):
    """Messages and their bytes, prefixes and all; compressed ones are smaller on the wire."""
    size, seen = sum(told) + PREFIX * len(told), call[f'{side}_bytes']
    count, least = call[f'{side}_messages'], size
    if side == 'request' and line['compressed']:
        least = PREFIX * len(told) + 1
    if side == 'response' and line['gave_up']:  # more may have been on its way
        assert count >= len(told) and seen >= size, (line, call)
    elif side == 'request' and line['grpc_status'] == UNIMPLEMENTED and not count:
        assert seen == 0, (line, call)  # refused by its head alone, before any of it was sent
    else:
        assert count == len(told) and least <= seen <= size, (line, call)


def check_calls(told, calls):
    """One at a time, so they are in the order of the client's account by the time they began."""
    calls = sorted(calls, key=lambda call: call['time'])
    assert len(told) == len(calls), (len(told), len(calls))
    for line, call in zip(told, calls):
        assert (call['protocol'], call['method'], call['path']) == ('grpc', 'POST', line['uri']), (line, call)
        # Of what the client gave up the server may have said the same, or not come to it.
        assert call['status'] in ([None] * line['gave_up'] + [line['grpc_status']]), (line, call)
        check_side(line, line['requests'], call, 'request')
        check_side(line, line['replies'], call, 'response')
        cut = line['gave_up'] or not call['request_messages']
        assert set(call['flags']) <= ({'incomplete', 'no_response'} if cut else set()), (line, call)


def test(tap):
    if live.run(PYTHON, '-c', 'import google.protobuf, grpc', check=False).returncode:
        raise live.Skip('needs python3-grpcio and python3-protobuf: scripts/install test')
    tap.start(tap.server, PYTHON, PEERS, 'serve', live.SERVER4, PORT, tap.folder / 'server.jsonl')
    live.wait_for(lambda: f':{PORT} ' in live.run(*tap.inside(tap.server, 'ss', '-Hltn')).stdout, 'the server listens')
    tap.configure()
    capture, log = tap.folder / 'tap.pcap', tap.folder / 'client.jsonl'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    live.run(*tap.inside(tap.client, PYTHON, PEERS, 'call-hard', live.SERVER4, PORT, log))
    told = [json.loads(line) for line in log.read_text().splitlines()]
    status = tap.settle()
    tap.stop_recording()
    tap.stop_assay()
    assert live.balanced(status['ledger']), status['ledger']
    assert status['ledger']['transactions']['seen'] == len(told), (status['ledger']['transactions'], len(told))
    _, transactions, summary = tap.replay(capture)
    assert live.balanced(summary)
    check_calls(told, transactions)
    print(f'{len(told)} calls')


if __name__ == '__main__':
    live.main('grpc_calls', test, ['dumpcap', 'ss'])
