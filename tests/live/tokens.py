#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Tokens audited live: curl calls a service that checks its JWTs with PyJWT, and a careless one that serves all of them. Every
finding about a token is of a careless call, and of those exactly the ones whose token PyJWT refuses. Then the issuer's key
set loses a key: what that key signed is no good from the reload on.
"""

import collections
import json
import urllib.parse

import tap as live

PORT = 8443
PEER = live.SOURCE / 'tests' / 'golden' / 'token_peer.py'
PYTHON = '/usr/bin/python3'  # the one that Debian's packages are for
# What PyJWT says of a token, and the rule that tells of it once a service has taken it.
RULES = {'InvalidSignatureError': 'AUT-005', 'InvalidAlgorithmError': 'AUT-005', 'unknown kid': 'AUT-005',
         'ExpiredSignatureError': 'AUT-006', 'ImmatureSignatureError': 'AUT-006', 'InvalidAudienceError': 'AUT-006',
         'InvalidIssuerError': 'AUT-006'}


def prepare(tap):
    """Keys, key set and tokens; {name: token}."""
    path = tap.folder / 'tokens.json'
    live.run(PYTHON, PEER, 'prepare', tap.folder, path)
    return json.loads(path.read_text())


def lay(tap):
    tap.start(tap.server, PYTHON, PEER, 'serve', live.SERVER4, PORT, tap.folder, tap.folder / 'peer.jsonl')
    ready = lambda: tap.curl('-o', '/dev/null', f'http://{live.SERVER4}:{PORT}/authorize', check=False).returncode == 0
    live.wait_for(ready, 'the service answers')
    tap.configure(tokens={'issuers': [{'issuer': 'https://login.example', 'jwks': 'jwks.json',
                                       'audiences': ['https://api.example'], 'algorithms': ['RS256', 'ES256']}]})


def call(tap, name, token):
    for path in ('/v1/orders', '/careless/v1/orders'):
        tap.curl('-o', '/dev/null', '-H', f'Authorization: Bearer {token}', '-H', 'X-Request-ID: 6f9619ff-8b86-4011-b42d-00cf4fc964ff',
                 f'http://{live.SERVER4}:{PORT}{path}?with={name}')


def told(tap):
    """(rule, path) -> findings about tokens."""
    return collections.Counter((line['rule'], line['path']) for line in tap.lines('finding')
                               if line['rule'] in ('AUT-005', 'AUT-006'))


def expected(tap):
    """The same by the word of the service, which PyJWT gave it."""
    wanted = collections.Counter()
    for line in map(json.loads, (tap.folder / 'peer.jsonl').read_text().splitlines()):
        if line['uri'].startswith('/careless/') and line['token'] != 'good':
            wanted[(RULES[line['token']], line['uri'])] += 1
    return wanted


def test(tap):
    tokens = prepare(tap)
    lay(tap)
    tap.start_assay()
    tap.mark_packets()
    for name, token in tokens.items():
        call(tap, name, token)
    tap.settle()
    wanted = expected(tap)
    assert wanted and told(tap) == wanted, f'missing {wanted - told(tap)}\nunexpected {told(tap) - wanted}'
    values = [token.split('.')[part] for token in tokens.values() for part in (1, 2) if token.split('.')[part]]
    log = ''.join(path.read_text(encoding='utf-8') for path in tap.log.glob('*.jsonl'))
    assert not any(value in log for value in values), 'claims or a signature are in the log'

    keys = json.loads((tap.folder / 'jwks.json').read_text())
    live.replace_file(tap.folder / 'jwks.json', json.dumps({'keys': [key for key in keys['keys'] if key['kid'] != 'curve']}))
    tap.command('reload')
    call(tap, 'curve', tokens['curve'])
    tap.settle()
    path = '/careless/v1/orders?' + urllib.parse.urlencode({'with': 'curve'})
    fresh = told(tap) - wanted
    # The service itself has the key still: both of its answers took a token that the issuer does not vouch for any more.
    assert fresh == collections.Counter({('AUT-005', path): 1, ('AUT-005', path.removeprefix('/careless')): 1}), fresh
    assert live.balanced(tap.status()['ledger'])
    tap.stop_assay()
    print(f'{2 * len(tokens) + 2} calls, {sum(wanted.values()) + 2} findings about tokens')


if __name__ == '__main__':
    live.main('tokens', test, ['curl'])
