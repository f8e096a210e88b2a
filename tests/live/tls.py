# SPDX-License-Identifier: Apache-2.0
"""
HTTPS between curl and nginx, audited live without keys: good handshakes give no finding, one with static RSA gives the
one that it deserves, with the facts that both sides agreed on; a replay of a recording of the same tap finds the same.
"""

import os

import tap as live

SERVERS = '''server {{
    listen 443 ssl; ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ALL; default_type application/json; location / {{ return 200 '{{"state":"paid"}}'; }}
}}'''
GOOD = 12


def https(tap, *options):
    """One call on a connection of its own. What curl says of the handshake."""
    # Without a lowest version this curl offers TLS 1.0, which TLS-005 would tell rightly.
    done = tap.curl('-kv', '--tlsv1.2', '--http1.1', '-o', os.devnull, '--resolve', f'shop.example:443:{live.SERVER4}', *options,
                    'https://shop.example/v1/orders')
    return next(line for line in done.stderr.splitlines() if 'SSL connection using' in line)


def no_calls(lines):
    return [line for line in lines if line['protocol'] == 'tls']


def check_weak(findings):
    found = {(line['rule'], line['severity']) for line in findings}
    assert found == {('TLS-004', 'medium')}, found
    line = findings[0]
    assert line['tls'] == {'version': 'TLSv1.2', 'cipher': 'TLS_RSA_WITH_AES_128_GCM_SHA256', 'decrypted': False,
                           'resumed': False, 'sni': 'shop.example', 'alpn': 'http/1.1', 'client': None}, line['tls']
    assert line['host'] == 'shop.example' and line['dst'] == live.SERVER4 and line['dst_port'] == 443, line
    assert line['evidence']['fault'] == 'no forward secrecy', line['evidence']


def make_certificate(folder):
    """A leaf as it should be (TLS 1.2 shows it to everybody): `req -x509` of itself makes an authority without names."""
    extensions = folder / 'extensions'
    extensions.write_text('basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n'
                          'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:shop.example\n')
    live.run('openssl', 'req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=shop.example', '-keyout', folder / 'server.key',
             '-out', folder / 'request.pem')
    live.run('openssl', 'x509', '-req', '-in', folder / 'request.pem', '-signkey', folder / 'server.key', '-days', '60', '-extfile',
             extensions, '-out', folder / 'server.pem')


def test(tap):
    make_certificate(tap.folder)
    tap.configure(zones=[])
    tap.start_nginx(SERVERS.format(folder=tap.folder))
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    for _ in range(GOOD):
        assert 'TLSv1.3' in https(tap)
    tap.settle()
    assert no_calls(tap.lines('finding')) == [], no_calls(tap.lines('finding'))[0]
    words = https(tap, '--tls-max', '1.2', '--ciphers', 'AES128-GCM-SHA256')
    assert 'TLSv1.2' in words and 'AES128-GCM-SHA256' in words, words
    tap.settle()
    tap.stop_recording()
    findings = no_calls(tap.lines('finding'))
    check_weak(findings)
    assert len(tap.access()) == GOOD + 1
    ledger = tap.status()['ledger']
    assert live.balanced(ledger) and ledger['excused']['encrypted']['packets'] > 0, ledger
    replayed, transactions, _ = tap.replay(capture)
    same = lambda line: {key: line[key] for key in ('rule', 'src_port', 'evidence', 'tls', 'severity', 'verdict')}
    told = [same(line) for line in no_calls(replayed)], [same(line) for line in findings]
    assert told[0] == told[1], told
    assert transactions == [], transactions
    tap.stop_assay()
    print(f'{GOOD + 1} handshakes, {len(findings)} finding')


if __name__ == '__main__':
    live.main('tls', test, ['nginx', 'curl', 'dumpcap', 'openssl'])
