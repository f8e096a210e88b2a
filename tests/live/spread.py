# SPDX-License-Identifier: Apache-2.0
"""
Two tap ports, one for each direction as an optical tap has them, and more workers than queues: every call still has its
answer, because workers hand packets over. Where that is switched off, the torn connections are counted and told.
"""

import os

import tap as live

CONNECTIONS = 30
CALLS = 4

TWO_PORTS = [
    ('vdevs: ["net_af_packet0,iface=tap0,', 'vdevs: ["net_af_packet1,iface=tap1,qpairs=1,blocksz=4096,framesz=2048,framecnt=16384", '
     '"net_af_packet0,iface=tap0,'),
    ('ports:\n', 'ports:\n  - {device: net_af_packet1, rx_queues: 1, rx_descriptors: 512, mtu: 1500, promiscuous: true, rss_key: none}\n'),
]


def part_directions(tap):
    """A second mirror, for what the server sends."""
    live.run('ip', 'link', 'add', 'mirror1', 'netns', tap.server, 'type', 'veth', 'peer', 'name', 'tap1', 'netns', tap.tap)
    for space, interface in ((tap.server, 'mirror1'), (tap.tap, 'tap1')):
        live.run(*tap.inside(space, 'sh', '-c', f'echo 1 > /proc/sys/net/ipv6/conf/{interface}/disable_ipv6'))
        live.run('ip', '-n', space, 'link', 'set', interface, 'up')
    live.run(*tap.inside(tap.server, 'tc', 'filter', 'del', 'dev', 'server0', 'egress'))
    live.run(*tap.inside(tap.server, 'tc', 'filter', 'add', 'dev', 'server0', 'egress', 'protocol', 'all', 'u32', 'match', 'u32', '0', '0',
                         'action', 'mirred', 'egress', 'mirror', 'dev', 'mirror1'))


def call_all(tap, name):
    for connection in range(CONNECTIONS):
        urls = [f'http://{live.SERVER4}/{name}/{connection}/{call}' for call in range(CALLS)]
        tap.curl('-o', os.devnull, *[part for url in urls for part in ('-o', os.devnull, url)])


def start(tap, name, workers):
    """With a queue and a log of its own: what an earlier process left in them would count as its own."""
    tap.configure(driver=live.driver_text(*TWO_PORTS), workers=workers, log={'folder': f'log-{name}'},
                  queue={'name': f'{tap.name}-{name}', 'size_kib': 16384})
    tap.log = tap.folder / f'log-{name}'
    tap.start_assay()


def audited(tap, name, spread):
    """Status at rest, and the log's findings about missing request ids, of one run."""
    # Three workers on two processors get their turns late, and stamp packets late: far beyond the skew of real ports.
    start(tap, name, {'count': 3, 'spread': spread, 'skew_ms': 3000})
    call_all(tap, name)
    live.wait_for(lambda: (lambda ledger: ledger['transactions']['seen'] >= CONNECTIONS * CALLS and not ledger['pending']['packets'])(
        tap.status(check=False)['ledger']), 'everything is judged', 20)
    def port_counts_have_come():
        shown = tap.status(check=False)
        taken = sum(queue['packets'] for port in shown['ports'] for queue in port['queues'])
        return shown if taken == shown['ledger']['received']['packets'] == sum(port['packets'] for port in shown['ports']) else None
    status = live.wait_for(port_counts_have_come, 'ports and queues add up to what was received', 10)
    text = tap.command('status', check=False).stdout
    tap.stop_assay()
    return status, text, [line for line in tap.lines('finding') if line['rule'] == 'HDR-001']


def test(tap):
    part_directions(tap)
    tap.start_nginx('server { listen 80; location / { return 200 "fine"; } }')
    status, text, findings = audited(tap, 'handed', 'auto')
    workers = status['workers']
    expected = sorted((f'/handed/{connection}/{call}', 200) for connection in range(CONNECTIONS) for call in range(CALLS))
    assert sorted((line['path'], line['status']) for line in findings) == expected
    assert live.balanced(status['ledger']) and not any(status['ledger']['not_received'].values()), status['ledger']
    assert status['healthy'] and 'were handed to the worker' in text, text
    given, taken = (sum(worker[key] for worker in workers) for key in ('given', 'taken'))
    assert given == taken > 0 and not any(worker['split_connections'] for worker in workers), workers
    ports = {port['port']: port for port in status['ports']}
    assert set(ports) == {'net_af_packet0', 'net_af_packet1'} and not any(
        port[key] for port in ports.values() for key in ('missed_packets', 'error_packets', 'no_buffer_packets')), ports
    assert all(port['packets'] == port['queues'][0]['packets'] > 0 for port in ports.values()), ports
    assert workers[2]['packets'] == 0 < workers[2]['taken'], 'the worker without a queue has nothing to do'
    assert status['ledger']['received']['packets'] == sum(worker['packets'] for worker in workers)

    status, text, findings = audited(tap, 'torn', 'hand-over')
    assert len(findings) == CONNECTIONS * CALLS

    start(tap, 'nic', {'count': 2, 'spread': 'nic'})
    call_all(tap, 'nic')
    live.wait_for(lambda: sum(worker['split_connections'] for worker in tap.status(check=False)['workers']) == CONNECTIONS,
                  'the torn connections are counted', 20)
    status, text = tap.status(check=False), tap.command('status', check=False).stdout
    assert not status['healthy'] and 'set workers.spread to hand-over' in text, text
    tap.stop_assay()
    print(f'{given} packets handed over, {CONNECTIONS} torn connections told where they are not')


if __name__ == '__main__':
    live.main('spread', test, ['nginx', 'curl'])
