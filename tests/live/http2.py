#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
HTTP/2 audited live: curl and h2load call nginx, nghttp calls nghttpd, with many streams on a connection. Each call lacks
X-Request-ID, so each deserves one finding: those are the calls that the clients made, and no others. A replay of a
recording of the same tap shows the same calls.
"""

import collections

import tap as live

NGINX, NGHTTPD = 8443, 8444
LOAD = 200  # calls of h2load, over four connections with ten at a time
SERVERS = 'server { listen %d http2; location / { default_type application/json; return 200 \'{"ok":true}\'; } }' % NGINX


def url(port, path):
    return f'http://{live.SERVER4}:{port}{path}'


def lay(tap):
    files = tap.folder / 'www'
    files.mkdir()
    for name, size in (('small.json', 1), ('large.json', 40000)):
        (files / name).write_text('[' + ','.join(['"x"'] * size) + ']')
    tap.start_nginx(SERVERS)
    tap.start(tap.server, 'nghttpd', '--no-tls', '-d', files, NGHTTPD)
    for port, path in ((NGINX, '/'), (NGHTTPD, '/small.json')):
        ready = lambda: tap.curl('--http2-prior-knowledge', '-o', '/dev/null', url(port, path), check=False).returncode == 0
        live.wait_for(ready, f'port {port} answers')
    tap.configure()


def make_calls(tap):
    """Makes all of them; returns (method, path, status) of each."""
    made = collections.Counter()
    for number in range(5):
        tap.curl('--http2-prior-knowledge', '-o', '/dev/null', url(NGINX, f'/v1/orders/{number}'))
        made[('GET', f'/v1/orders/{number}', 200)] += 1
    tap.curl('--http2-prior-knowledge', '-I', '-o', '/dev/null', url(NGINX, '/v1/orders'))
    made[('HEAD', '/v1/orders', 200)] += 1
    live.run(*tap.inside(tap.client, 'h2load', '-n', LOAD, '-c', 4, '-m', 10, url(NGINX, '/v1/load')))
    made[('GET', '/v1/load', 200)] += LOAD
    paths = [('/small.json', 200), ('/large.json', 200), ('/none.json', 404)]
    live.run(*tap.inside(tap.client, 'nghttp', '-n', '-b', 8, *(url(NGHTTPD, path) for path, _ in paths)))
    made.update(('GET', path, status) for path, status in paths)
    return made


def test(tap):
    lay(tap)
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    made = make_calls(tap)
    status = tap.settle()
    tap.stop_recording()
    tap.stop_assay()
    assert status['healthy'] and status['dropped'] == 0, status
    assert status['ledger']['transactions']['seen'] == sum(made.values()), status['ledger']['transactions']
    findings = live.of_calls(line for line in tap.lines() if line['type'] == 'finding')
    told = collections.Counter((line['method'], line['path'], line['status']) for line in findings
                               if line['rule'] == 'HDR-001' and line['protocol'] == 'http2')
    assert told == made, f'missing {made - told}\nunexpected {told - made}'
    _, transactions, summary = tap.replay(capture)
    shown = collections.Counter((line['method'], line['path'], line['status']) for line in transactions)
    assert shown == made, f'missing {made - shown}\nunexpected {shown - made}'
    odd = [line for line in transactions if line['protocol'] != 'http2' or line['flags']]
    assert not odd, f'of another protocol, or flagged: {odd}'
    assert live.balanced(summary)
    print(f'{sum(made.values())} calls, {len(findings)} findings')


if __name__ == '__main__':
    live.main('http2', test, ['nginx', 'nghttpd', 'nghttp', 'h2load', 'curl', 'dumpcap'])
