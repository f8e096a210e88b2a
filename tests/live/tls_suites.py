#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every version and suite that openssl offers, TLS 1.0 to 1.3, between its s_client and s_server, opened live: with RSA, ECDSA
and DSA certificates, with pre-shared keys and anonymously. Each connection asks for a path of its own, without X-Request-ID,
so each deserves one finding: those are the connections that s_client says it made, with the version and suite it names.
"""

import re
import subprocess

import tap as live

# Two servers, because one takes two certificates.
SERVERS = {9443: ('rsa', 'ecdsa'), 9444: ('rsa', 'dsa')}
KEYS = {'rsa': ('rsa:2048',), 'ecdsa': ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256'), 'dsa': None}
ALL = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'  # without suites that encrypt nothing
TLS13 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256'
SECRET = '1a2b3c4d5e6f'
VERSIONS = {'-tls1': 'TLSv1', '-tls1_1': 'TLSv1.1', '-tls1_2': 'TLSv1.2', '-tls1_3': 'TLSv1.3'}
NAMES = {'TLSv1': 'TLSv1.0'}  # ours for openssl's
WAIT_MS = 30000  # a busy machine shall not decide this test


def make_certificates(folder):
    live.run('openssl', 'dsaparam', '-out', folder / 'dsa.param', '2048')
    for name, kind in KEYS.items():
        kind = kind or (f'dsa:{folder}/dsa.param',)
        live.run('openssl', 'req', '-x509', '-newkey', *kind, '-nodes', '-days', '30', '-subj', '/CN=shop.example', '-keyout',
                 folder / f'{name}.key', '-out', folder / f'{name}.pem')


def suites():
    """(option of the version, openssl's name, IANA's name, server), as openssl lists them."""
    found = []
    for option in VERSIONS:
        if option == '-tls1_3':
            found += [(option, name, name, 9443) for name in TLS13.split(':')]
            continue
        for line in live.run('openssl', 'ciphers', '-s', '-psk', '-V', '-stdname', option, ALL).stdout.splitlines():
            standard, name, more = re.search(r'- (\S+) +- (\S+) +(.*)', line).groups()
            if 'Enc=None' not in more and 'TLSv1.3' not in more:
                found.append((option, name, standard, 9444 if 'Au=DSS' in more else 9443))
    return found


def start_servers(tap):
    for port, (first, second) in SERVERS.items():
        tap.start(tap.server, 'openssl', 's_server', '-accept', port, '-cert', tap.folder / f'{first}.pem', '-key',
                  tap.folder / f'{first}.key', '-dcert', tap.folder / f'{second}.pem', '-dkey', tap.folder / f'{second}.key', '-psk',
                  SECRET, '-cipher', ALL, '-ciphersuites', TLS13, '-www', '-quiet', stdin=subprocess.DEVNULL,
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for port in SERVERS:
        live.wait_for(lambda: not live.run(*tap.inside(tap.client, 'openssl', 's_client', '-connect', f'{live.SERVER4}:{port}'),
                                           check=False, input='').returncode, f'the server at port {port} comes up')


def call(tap, path, option, name, port):
    """(version, suite) as s_client names them; None where both could not agree."""
    words = ['-connect', f'{live.SERVER4}:{port}', option, '-ciphersuites' if option == '-tls1_3' else '-cipher',
             name if option == '-tls1_3' else f'{name}:@SECLEVEL=0', '-psk', SECRET, '-keylogfile', tap.folder / 'keys' / 'client.log', '-brief',
             '-ign_eof', '-servername', 'shop.example']
    if option == '-tls1_3':
        words = [word for word in words if word not in ('-psk', SECRET)]  # with one openssl agrees on its hash
    done = live.run(*tap.inside(tap.client, 'openssl', 's_client', *words), check=False,
                    input=f'GET {path} HTTP/1.0\r\nHost: shop.example\r\n\r\n')
    version, suite = (re.search(pattern, done.stderr) for pattern in (r'Protocol version: (\S+)', r'Ciphersuite: (\S+)'))
    return (version[1], suite[1]) if version and suite else None


def told(tap):
    return {line['path']: (line['tls']['version'], line['tls']['cipher'], line['tls']['decrypted'], line['status'])
            for line in tap.lines('finding') if line['rule'] == 'HDR-001'}


def test(tap):
    make_certificates(tap.folder)
    (tap.folder / 'keys').mkdir()
    start_servers(tap)
    tap.configure(keys={'files': [str(tap.folder / 'keys')], 'wait_ms': WAIT_MS})
    tap.start_assay()
    made, refused = {}, []
    for number, (option, name, standard, port) in enumerate(suites()):
        path = f'/v1/suites/{number}'
        agreed = call(tap, path, option, name, port)
        if agreed is None:
            refused.append(f'{VERSIONS[option]} {name}')
            continue
        assert agreed == (VERSIONS[option], name), f'{agreed} instead of {name}'
        made[path] = (NAMES.get(VERSIONS[option], VERSIONS[option]), standard, True, 200)
    assert len(made) > 200 and len(refused) < len(made) / 10, f'{len(made)} connections; refused: {refused}'

    def difference():
        found = told(tap)
        return {path: (made.get(path), found.get(path)) for path in made | found if made.get(path) != found.get(path)}
    try:
        live.wait_for(lambda: not difference(), 'every connection is opened', 40, 0.5)
    except AssertionError as error:
        raise AssertionError(f'{error}\n(made, told): {difference()}\n{tap.status()["ledger"]}') from None
    tap.stop_assay()
    print(f'{len(made)} versions and suites opened; openssl refused {len(refused)}: {", ".join(refused)}')


if __name__ == '__main__':
    live.main('tls-suites', test, ['openssl'])
