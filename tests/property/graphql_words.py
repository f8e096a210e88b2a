#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GraphQL over HTTP in every dress: the operation that graphql-core would execute is told, introspection is found however
it is written, and the word alone, in a string, a comment or an alias, is not. `assay replay` reads one capture with a
connection for each.

usage: graphql_words.py ASSAY     (with the Python that Debian's graphql-core is for)
"""

import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

import graphql
from graphql.language import ast

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools'))
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402

FIRST_PORT = 2000
SEGMENT = 1400
CONFIG = '''
sensor: {name: graphql}
zones:
  - {name: everywhere, kind: internal, environment: production, cidrs: [0.0.0.0/0]}
'''
JSON = 'application/json'

Case = collections.namedtuple('Case', 'name request operations')

DOCUMENTS = (
    # (document, name of the operation that the request asks for)
    ('{ hero { name } }', None),
    ('query Hero($id: ID = 3) { hero(id: $id) { name } }', 'Hero'),
    ('mutation Rename { rename(name: "{ __schema") { name } }', None),
    ('subscription Seen { seen { name } }', None),
    ('query Typed { hero { __typename } }', None),
    ('query Word { search(text: "__schema") { name } } # __schema', None),
    ('query Block { search(text: """\n{ __type(name: "A") \\""" }\n""") { name } }', None),
    ('query Alias { __schema: hero { name } }', None),
    ('query Argument { hero(__schema: 1) { name } }', None),
    ('query Variable($__schema: Int) { hero(id: $__schema) { name } }', None),
    ('query A { hero { name } } query B { __schema { queryType { name } } }', 'A'),
    ('query A { hero { name } } query B { __schema { queryType { name } } }', 'B'),
    ('{ __schema { queryType { name } } }', None),
    ('query I { a: __schema { queryType { name } } }', None),
    ('query I { __type(name: "Hero") { name } }', None),
    ('fragment F on Query { __schema { queryType { name } } } query I { ...F }', None),
    ('query I { ...F } fragment F on Query { ...G } fragment G on Query { a: __type(name: "A") { name } }', None),
    ('query I { ... on Query { ... @include(if: true) { __schema { queryType { name } } } } }', None),
    ('query I{#\n__schema#\n{queryType{name}}}', None),
    ('\ufeffquery I\n,,\t{ hero { name }, __schema\r{ queryType { name } } }', None),
    ('query I($a: [Int!]! = [1, 2]) @live { hero(where: {a: {b: "}"}}) { name } __schema { queryType { name } } }', None),
    ('{ search(text: "\\"") { name } __schema { queryType { name } } }', None),
    ('{ search(text: """a\\"""b""") { name } __schema { queryType { name } } }', None),
)


# Debian's graphql-core is older than block strings: by the specification (October 2021, 2.9.4).
BLOCK_STRINGS = {'query Block': ('query', 'Block', False), '{ search(text: """': ('query', None, True)}


def read(document, name):
    """(type, name, introspection) of the operation that would be executed, by graphql-core's parser."""
    if '"""' in document:
        return next(answer for beginning, answer in BLOCK_STRINGS.items() if document.startswith(beginning))
    tree = graphql.parse(document)
    fragments = {node.name.value: node for node in tree.definitions if isinstance(node, ast.FragmentDefinition)}
    operations = [node for node in tree.definitions if isinstance(node, ast.OperationDefinition)]
    chosen = next(node for node in operations if name is None or (node.name and node.name.value == name))

    def asks(node, seen):
        found = False
        for selection in node.selection_set.selections if node.selection_set else ():
            if isinstance(selection, ast.Field):
                found = found or selection.name.value in ('__schema', '__type')
            elif isinstance(selection, ast.InlineFragment):
                found = found or asks(selection, seen)
            elif selection.name.value not in seen:
                found = found or asks(fragments[selection.name.value], seen | {selection.name.value})
        return found

    return chosen.operation, chosen.name.value if chosen.name else None, asks(chosen, frozenset())


def post(body, kind=JSON, target='/graphql', extra=''):
    body = body.encode() if isinstance(body, str) else body
    head = f'POST {target} HTTP/1.1\r\nHost: a.example\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n'
    return head.encode() + body


def get(**parameters):
    query = urllib.parse.urlencode({name: value for name, value in parameters.items() if value is not None})
    return f'GET /graphql?{query} HTTP/1.1\r\nHost: a.example\r\n\r\n'.encode()


def escaped(text):
    """JSON with every character written as an escape."""
    return '"' + ''.join(f'\\u{ord(character):04X}' for character in text) + '"'


def upload(operations):
    parts = (('operations', operations), ('map', '{"0": ["variables.file"]}'), ('0', 'the file'))
    body = ''.join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts) + '--b--\r\n'
    return post(body, 'multipart/form-data; boundary=b')


def cases():
    made = []
    for number, (document, name) in enumerate(DOCUMENTS):
        answer = read(document, name)
        body = json.dumps({'operationName': name, 'query': document, 'variables': {'__schema': 1}})
        made.append(Case(f'{number} json', post(body), answer))
        made.append(Case(f'{number} name behind', post(json.dumps({'query': document, 'operationName': name})), answer))
        made.append(Case(f'{number} escapes', post('{"\\u0071uery":' + escaped(document) + ',"operationName":' + json.dumps(name) + '}'), answer))
        made.append(Case(f'{number} gzip', post(gzip.compress(body.encode()), extra='Content-Encoding: gzip\r\n'), answer))
        made.append(Case(f'{number} response type', post(body, 'application/graphql+json'), answer))
        made.append(Case(f'{number} upload', upload(body), answer))
        made.append(Case(f'{number} batch', post(json.dumps([{'query': document, 'operationName': name}])), answer))
        made.append(Case(f'{number} events', post(body, extra='Accept: text/event-stream\r\n'), answer))
        if name is None:
            made.append(Case(f'{number} graphql', post(document, 'application/graphql; charset=utf-8'), answer))
        if answer[0] == 'query':
            made.append(Case(f'{number} get', get(query=document, operationName=name), answer))
            made.append(Case(f'{number} get, escapes', get(operationName=name, query=document).replace(b'__', b'%5F%5f'), answer))
    both = json.dumps([{'query': '{ hero { name } }'}, {'query': '{ a: __schema { queryType { name } } }'}])
    made.append(Case('introspection in a batch', post(both), ('query', None, True)))
    return made


def record(path, all_cases):
    capture = Capture()
    for number, case in enumerate(all_cases):
        answer = b'{"data":{"a":{"queryType":{"name":"Query"}}}}'
        kind = b'application/json'
        if b'text/event-stream' in case.request:
            kind, answer = b'text/event-stream', b'event: next\ndata: ' + answer + b'\n\nevent: complete\n\n'
        head = b'HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n' % (kind, len(answer))
        talk = Talk(capture, FIRST_PORT + number).open()
        for side, data in ((CLIENT, case.request), (SERVER, head + answer)):
            for at in range(0, len(data), SEGMENT):
                talk.say(side, data[at : at + SEGMENT])
        talk.close()
    return capture.write(path)


def replay(program, folder, capture):
    config, findings, calls = folder / 'assay.yaml', folder / 'findings', folder / 'calls'
    config.write_text(CONFIG, encoding='utf-8')
    done = subprocess.run([program, 'replay', '-c', config, '--findings', findings, '--transactions', calls, '--summary', '/dev/null',
                           capture], timeout=120, check=False)
    assert done.returncode in (0, 1), f'replay ended with {done.returncode}'
    told = {json.loads(line)['src_port'] for line in findings.read_text(encoding='utf-8').splitlines()
            if json.loads(line)['rule'] == 'PRO-006' and json.loads(line)['verdict'] == 'fail'}
    return told, {json.loads(line)['src_port']: json.loads(line)['graphql'] for line in calls.read_text(encoding='utf-8').splitlines()}


def main():
    all_cases = cases()
    with tempfile.TemporaryDirectory(prefix='assay-graphql-') as name:
        folder = pathlib.Path(name)
        told, calls = replay(sys.argv[1], folder, record(folder / 'traffic.pcap', all_cases))
    wrong = []
    for number, case in enumerate(all_cases):
        port, (kind, name, introspection) = FIRST_PORT + number, case.operations
        said = calls.get(port)
        if not said or (said['operation_type'], said['operation_name']) != (kind, name):
            wrong.append(f'{case.name}: {said}, graphql-core says {kind} {name}')
        if (port in told) != introspection:
            wrong.append(f'{case.name}: introspection is {introspection}, told {port in told}')
    print(f'{len(all_cases)} requests, {len(wrong)} complaints', *wrong, sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
