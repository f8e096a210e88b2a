# SPDX-License-Identifier: Apache-2.0
"""
AMQP 0-9-1 and 1.0 between a real broker and real clients, audited live: as many calls as the clients say they made, the
findings that these deserve, every packet accounted for, no password or card number in what the auditor wrote, and a
replay of a recording of the same tap that finds the same.
"""

import collections
import json
import subprocess
import sys

import tap as live

GOLDEN = live.SOURCE / 'tests' / 'golden'
sys.path.insert(0, str(GOLDEN))
import amqp_broker as broker  # noqa: E402

SECRETS = ('made-up-secret-01', 'made-up-wrong-02', 'made-up-token-0001', '4532015112830366')
# The zone declares its plaintext hop. (rule, method) -> how often
EXPECTED = collections.Counter({
    ('DAT-005', 'basic.publish'): 2, ('DAT-005', 'basic.deliver'): 1, ('DAT-005', 'basic.get-ok'): 1,
    ('DAT-005', 'transfer'): 4,
    ('AUT-011', 'connection.start-ok'): 1,  # guest
    ('AUT-011', 'sasl-init'): 1,  # ANONYMOUS
})


def start_broker(tap):
    folder = tap.folder / 'broker'
    tap.start(tap.server, broker.find_program(), env=broker.prepare(str(folder), live.SERVER4),
              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening = lambda: f':{broker.PORT} ' in live.run(*tap.inside(tap.server, 'ss', '-Hltn')).stdout
    live.wait_for(listening, 'the broker comes up', 120, 0.2)


def play(tap, case):
    """What the client says it did."""
    record = tap.folder / f'{case}.jsonl'
    live.run(*tap.inside(tap.client, GOLDEN / 'amqp_peers.py', case, live.SERVER4, broker.PORT, record))
    return [json.loads(line) for line in record.read_text(encoding='utf-8').splitlines()]


def count(findings):
    return collections.Counter((line['rule'], line['method']) for line in live.of_calls(findings))


def test(tap):
    if not broker.find_program():
        raise live.Skip('needs rabbitmq-server: scripts/install test')
    start_broker(tap)
    tap.configure()
    tap.start_assay()
    tap.mark_packets()
    recording = tap.folder / 'tap.pcapng'
    tap.start_recording(recording)
    told = play(tap, 'amqp10') + play(tap, 'amqp091')  # the second one deletes the queue
    # What the counters of the tap and the worker agree on has arrived; the recorder may be behind.
    status = tap.settle()
    tap.stop_recording()
    assert live.balanced(status['ledger']), status['ledger']
    assert status['ledger']['transactions']['seen'] == len(told), (status['ledger'], len(told))
    found = count(tap.lines('finding'))
    assert found == EXPECTED, (found - EXPECTED, EXPECTED - found)
    tap.stop_assay()
    findings, transactions, summary = tap.replay(recording)
    assert summary['balanced'] and count(findings) == EXPECTED, count(findings)
    key = lambda line: (line['method'], line['path'], line['status'], line['request_bytes'], line['response_bytes'])
    assert collections.Counter(map(key, transactions)) == collections.Counter(map(key, told))
    for path in tap.log.rglob('*'):
        words = path.read_bytes() if path.is_file() else b''
        assert not any(secret.encode() in words for secret in SECRETS), path


if __name__ == '__main__':
    live.main('amqp', test, programs=('dumpcap', 'ss'))
