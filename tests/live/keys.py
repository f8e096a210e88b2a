#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
HTTPS between curl and nginx, opened live: HTTP/1.1 and HTTP/2 over TLS 1.2 and 1.3, with key logs that curl writes while
it calls and with such that come seconds after the connections have ended; static RSA with the server's private key;
client certificates, whose owner becomes the caller. Each call lacks X-Request-ID, so each deserves one finding: those are
the calls of nginx's access log, and no others. When the connections have ended none of their secrets, nor a key made of
one, is left in the worker's memory, nor in anything that was written.
"""

import collections
import hashlib
import hmac
import json
import os
import pathlib
import time

import tap as live

TLS, MUTUAL, STATIC = 443, 8443, 9443
LATE_SECONDS = 3
WAIT_MS = 30000  # a busy machine shall not decide this test
SERVER = '''server {{
    listen {port} ssl http2; ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {ciphers}; {more}
    default_type application/json; location / {{ return 200 '{{"state":"paid"}}'; }}
}}
'''
VERSIONS = {'1.2': 'TLSv1.2', '1.3': 'TLSv1.3'}
KINDS = [(version, protocol) for version in VERSIONS for protocol in ('--http1.1', '--http2')]


def make_certificates(folder):
    for name, subject in (('server', 'shop.example'), ('client', 'orders')):
        live.run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', f'/CN={subject}', '-keyout',
                 folder / f'{name}.key', '-out', folder / f'{name}.pem')
        (folder / f'{name}.key').chmod(0o600)


def lay(tap):
    make_certificates(tap.folder)
    for name in ('keys', 'late'):
        (tap.folder / name).mkdir()
    client = f'ssl_verify_client on; ssl_client_certificate {tap.folder}/client.pem;'
    tap.start_nginx(SERVER.format(port=TLS, folder=tap.folder, ciphers='DEFAULT', more='') +
                    SERVER.format(port=MUTUAL, folder=tap.folder, ciphers='DEFAULT', more=client) +
                    SERVER.format(port=STATIC, folder=tap.folder, ciphers='AES256-GCM-SHA384:AES128-SHA', more='ssl_session_tickets off;'))
    tap.configure(keys={'files': [str(tap.folder / 'keys')], 'rsa_keys': [str(tap.folder / 'server.key')], 'wait_ms': WAIT_MS})


class Calls:
    """What was called, and how: path -> (version, protocol, who)."""

    def __init__(self, tap):
        self.tap, self.made = tap, {}

    def call(self, version, protocol, port=TLS, keylog=None, who=None, options=()):
        path = f'/v1/orders/{len(self.made)}'
        keys = [] if keylog is None else ['env', f'SSLKEYLOGFILE={keylog}']
        words = ['-sS', '-k', '-m', '20', '-o', os.devnull, f'--tlsv{version}', '--tls-max', version, protocol, *options,
                 '--resolve', f'shop.example:{port}:{live.SERVER4}', f'https://shop.example:{port}{path}']
        live.run(*self.tap.inside(self.tap.client, *keys, 'curl', *words))
        self.made[path] = (VERSIONS[version], 'http2' if protocol == '--http2' else 'http1', who)


def told(tap):
    """The calls that were read: path -> (version, protocol, who). Each once."""
    found = {}
    for line in tap.lines('finding'):
        if line['rule'] != 'HDR-001':
            continue
        assert line['tls']['decrypted'] and line['status'] == 200 and line['method'] == 'GET', line
        assert line['path'] not in found, f"told twice: {line['path']}"
        found[line['path']] = (line['tls']['version'], line['protocol'], line['tls']['client'])
    return found


def wait_for_calls(tap, calls):
    try:
        live.wait_for(lambda: told(tap) == calls.made, 'every call is told', 30, 0.3)
    except AssertionError as error:
        found = told(tap)
        difference = {path: (calls.made.get(path), found.get(path)) for path in calls.made | found
                      if calls.made.get(path) != found.get(path)}
        raise AssertionError(f'{error}\n(made, told): {difference}\n{tap.status()["ledger"]}') from None


def check_access(tap, calls):
    """nginx's own word."""
    shown = collections.Counter((line['method'], line['uri'], line['status']) for line in tap.access())
    assert shown == collections.Counter(('GET', path, 200) for path in calls.made), shown


def check_ledger(tap, count):
    """Worker and control thread tell their figures now and then, so it may take a moment."""
    ledger = {}
    def right():
        ledger.update(tap.status()['ledger'])
        closed = [name for name in ledger['excused'] if name.startswith('encrypted') and ledger['excused'][name]['packets']]
        return live.balanced(ledger) and ledger['transactions']['seen'] == count and ledger['pending']['packets'] == 0 and not closed
    try:
        live.wait_for(right, 'every call and every packet is accounted for', 10, 0.3)
    except AssertionError as error:
        raise AssertionError(f'{error}: {ledger}') from None


# ------------------------------------------------------------------------- secrets


def expand(digest, secret, label, size):
    """HKDF-Expand-Label without context (RFC 8446 7.1), one block."""
    label = b'tls13 ' + label
    info = size.to_bytes(2, 'big') + bytes([len(label)]) + label + b'\0\x01'
    return hmac.new(secret, info, digest).digest()[:size]


def secrets_of(lines):
    """The secrets of a key log that open records, and the record keys made of those of TLS 1.3."""
    found = set()
    for line in lines:
        label, _, value = line.split()
        secret = bytes.fromhex(value)
        if label == 'EXPORTER_SECRET':
            continue
        found.add(secret)
        if label != 'CLIENT_RANDOM':
            digest, size = (hashlib.sha384, 32) if len(secret) == 48 else (hashlib.sha256, 16)
            found |= {expand(digest, secret, b'key', size), expand(hashlib.sha256, secret, b'key', 32) if size == 16 else secret}
    return found


def writable_memory(pid):
    """Pieces of what the process may write and has touched, each with the end of the one before."""
    region, resident = None, {}
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        words = line.split()
        if '-' in words[0] and not words[0].endswith(':'):
            region = words
        elif words[0] == 'Rss:' and 'w' in region[1] and int(words[1]):
            resident[tuple(int(part, 16) for part in region[0].split('-'))] = int(words[1])
    with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for begin, end in resident:
            tail = b''
            for at in range(begin, end, 1 << 24):
                memory.seek(at)
                try:
                    piece = memory.read(min(1 << 24, end - at))
                except OSError:  # of a device
                    break
                yield tail + piece
                tail = piece[-64:]


def found_in_memory(pid, secrets):
    return {secret for piece in writable_memory(pid) for secret in secrets if secret in piece}


def found_in_outputs(tap, secrets):
    files = [path for folder in (tap.log, live.SHARED) for path in folder.glob('*') if folder != live.SHARED or path.name.startswith(tap.name)]
    texts = [path.read_bytes() for path in files] + [tap.assay_words().encode(), tap.command('status', check=False).stdout.encode()]
    assert len(texts) > 3
    return [secret for secret in secrets for text in texts if secret in text or secret.hex().encode() in text.lower()]


def check_canary(tap):
    """Everything has ended: nothing may be left. A secret that is still waited with proves that the search finds some."""
    pid = tap.status()['worker']['pid']
    decoy = os.urandom(48)
    (tap.folder / 'keys' / 'decoy.log').write_text(f'CLIENT_RANDOM {os.urandom(32).hex()} {decoy.hex()}\n')
    live.wait_for(lambda: found_in_memory(pid, {decoy}), 'the secret of a connection that never comes is kept', 10, 0.5)
    lines = [line for path in (tap.folder / 'keys').glob('curl-*.log') for line in path.read_text().splitlines()
             if line and line[0] != '#']
    secrets = secrets_of(lines)
    assert len(secrets) > 20, len(secrets)
    try:
        live.wait_for(lambda: not found_in_memory(pid, secrets), 'the secrets are wiped', 10, 0.5)
    except AssertionError as error:
        left = found_in_memory(pid, secrets)
        kinds = [line.split()[0] for line in lines if bytes.fromhex(line.split()[2]) in left]
        raise AssertionError(f'{error}: {len(left)} of {len(secrets)} are left, {kinds}') from None
    assert not found_in_outputs(tap, secrets | {decoy})
    return len(secrets)


def test(tap):
    lay(tap)
    tap.start_assay()
    tap.mark_packets()
    calls = Calls(tap)
    for number, (version, protocol) in enumerate(KINDS):
        calls.call(version, protocol, keylog=tap.folder / 'keys' / f'curl-{number}.log')
    for version in VERSIONS:
        identity = ('--cert', tap.folder / 'client.pem', '--key', tap.folder / 'client.key')
        calls.call(version, '--http1.1', port=MUTUAL, keylog=tap.folder / 'keys' / f'curl-mutual-{version}.log', who='CN=orders',
                   options=identity)
    for suite in ('AES256-GCM-SHA384', 'AES128-SHA'):
        calls.call('1.2', '--http1.1', port=STATIC, options=('--ciphers', suite))
    wait_for_calls(tap, calls)

    for number, (version, protocol) in enumerate(KINDS):
        calls.call(version, protocol, keylog=tap.folder / 'late' / f'curl-late-{number}.log')
    tap.settle()
    time.sleep(LATE_SECONDS)
    assert len(told(tap)) == len(calls.made) - len(KINDS), 'a call was told before its key had come'
    for path in (tap.folder / 'late').glob('*.log'):
        path.rename(tap.folder / 'keys' / path.name)
    wait_for_calls(tap, calls)

    check_access(tap, calls)
    uses = [line for line in tap.lines('finding') if line['rule'] == 'AUD-008' and line['evidence'].get('event') == 'key_used']
    assert len(uses) == len(calls.made), json.dumps(uses)
    tap.settle()
    check_ledger(tap, len(calls.made))
    keys = tap.status()['keys']
    assert keys['secrets'] >= len(calls.made) and keys['files'] >= len(KINDS) and keys['premasters_opened'] == 2, keys
    assert keys['lines_refused'] == keys['files_refused'] == keys['premasters_failed'] == 0, keys
    secrets = check_canary(tap)
    tap.stop_assay()
    print(f'{len(calls.made)} calls opened, {secrets} secrets gone')


if __name__ == '__main__':
    live.main('keys', test, ['nginx', 'curl', 'openssl'])
