#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document of a node and what the node really does: TAP.

The document validates; every operation in it is called, over control.sock and over TCP, and each answer, also of
requests that fail, is one that the document has. OCKAM is the program under test.
"""
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote

import jsonschema

from client import Client
from tap import ockam, run

HERE = Path(__file__).resolve().parent
NOBODY = 'I' + '0' * 64


class Nodes:
    """n1, which is asked, and n2, which it talks to."""

    def __init__(self, home):
        ockam('node', 'create', 'n1', '--http-server', '-q')
        ockam('node', 'create', 'n2', '--udp-listener-address', '127.0.0.1:0')
        shown = json.loads(ockam('node', 'show', 'n2', '--output', 'json'))
        at = {t['type']: t['socket_address'] for t in shown['transports']}
        self.tcp, self.udp = at['tcp'], at['udp']
        host, port = self.tcp.split(':')
        self.route = f'/ip4/{host}/tcp/{port}'
        self.local = Client(socket_path=f'{home}/run/n1/control.sock')
        address = self.local.load_document()['servers'][0]['url'].removeprefix('http://')
        token = Path(home, 'nodes/n1/http_token').read_text().strip()
        self.http = Client(address=address, token=token)
        self.stranger = Client(address=address)
        self.http.load_document()
        self.stranger.document = self.http.document


def document_validates(n):
    schema = json.loads((HERE / 'openapi.schema.json').read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = n.local.document
    jsonschema.Draft202012Validator(schema).validate(document)
    names = [o['operationId'] for item in document['paths'].values() for o in item.values()]
    assert len(names) == len(set(names)), 'an operationId stands twice'
    known = set(document['components']['schemas'])
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert used == known, used ^ known
    for path, item in document['paths'].items():
        for operation in item.values():
            named = [p['name'] for p in operation.get('parameters', []) if p['in'] == 'path']
            assert named == re.findall(r'\{(\w+)\}', path), path
    assert n.http.document == document, 'both doors have the same'


def document_is_described(n):
    text = (HERE.parent.parent / 'docs' / 'api.md').read_text()
    for path in n.local.document['paths']:
        where = path.replace('/{name}', '')
        assert f'`{where}' in text, f'docs/api.md has no {where}'


def a_collection(c, path, body, key):
    """Makes one, lists and shows it, is refused a second time, deletes it."""
    made = c.call('POST', path, body)
    one = f'{path}/{quote(made[key], safe="")}'
    listed = c.call('GET', path)
    assert made[key] in [o[key] for o in listed], listed
    shown = c.call('GET', one)
    assert shown[key] == made[key]
    c.call('DELETE', one)
    c.call('GET', one, expect=404)
    c.call('DELETE', one, expect=404)


def objects(n, c):
    a_collection(c, '/v1/secure-channels', {'to': n.route + '/service/api', 'timeout_ms': 20000}, 'address')
    a_collection(c, '/v1/secure-channel-listeners', {'name': 'guests', 'authorized': ['any', NOBODY]}, 'address')
    a_collection(c, '/v1/relays', {'at': n.route, 'name': 'blue', 'wait': True, 'listeners': ['api']}, 'name')
    a_collection(c, '/v1/tcp-listeners', {'address': '127.0.0.1:0'}, 'address')
    a_collection(c, '/v1/udp-listeners', {'address': '127.0.0.1:0'}, 'address')
    a_collection(c, '/v1/tcp-connections', {'to': n.tcp, 'timeout_ms': None}, 'address')
    a_collection(c, '/v1/udp-connections', {'to': n.udp}, 'address')
    a_collection(c, '/v1/tcp-outlets', {'to': '127.0.0.1:9', 'from': 'discard'}, 'worker_address')
    a_collection(c, '/v1/tcp-inlets', {'to': n.route + '/service/outlet', 'alias': 'db', 'parallel': 1}, 'alias')
    c.call('POST', '/v1/services', {'name': 'echo', 'addr': 'mirror'})
    assert 'mirror' in [s['addr'] for s in c.call('GET', '/v1/services')]
    c.call('DELETE', '/v1/services/mirror')
    c.call('DELETE', '/v1/services/mirror', expect=404)


def objects_by_the_socket(n):
    objects(n, n.local)


def objects_by_tcp(n):
    objects(n, n.http)


def the_node(n):
    for c in (n.local, n.http):
        c.call('HEAD', '/')
        assert c.call('GET', '/show') == c.call('GET', '/v1/node')
        c.call('POST', '/v1/secure-channels', {'to': n.route + '/service/api'})
        c.call('POST', '/v1/relays', {'at': n.route, 'name': 'green'})
        c.call('POST', '/v1/tcp-inlets', {'to': n.route + '/service/outlet', 'alias': 'web', 'wait': False})
        c.call('POST', '/v1/tcp-outlets', {'to': '127.0.0.1:9', 'from': 'web'})
        changed = c.call('POST', '/v1/node/settings', {'busy_poll_us': 40, 'max_rate': 1 << 30})
        shown = c.call('GET', '/v1/node')
        assert shown['settings'] == changed and changed['busy_poll_us'] == 40
        assert shown['secure_channels'] and shown['relays'] and shown['inlets'] and shown['outlets']
        assert {w['type'] for w in c.call('GET', '/v1/workers')} >= {'secure_channel', 'tcp_outlet', 'echo'}
        c.call('DELETE', '/v1/relays/green')
        c.call('DELETE', '/v1/tcp-inlets/web')
        c.call('DELETE', '/v1/tcp-outlets/web')
        c.call('GET', '/openapi.json')
        assert c.call('GET', '/metrics').startswith(b'# HELP')
        c.headers['Accept'] = 'application/openmetrics-text'
        assert c.call('GET', '/metrics').endswith(b'# EOF\n')
        del c.headers['Accept']


def messages(n):
    for c in (n.local, n.http):
        assert c.call('POST', '/v1/messages', b'hello', to='/service/uppercase') == b'HELLO'
        assert c.call('POST', '/v1/messages', b'', to=n.route + '/secure/api/service/echo', timeout_ms=20000) == b''
        c.call('POST', '/v1/messages', b'hello', to='/service/nobody', expect=404)
        c.call('POST', '/v1/messages', b'hello', to='', expect=400)
        c.call('POST', '/v1/messages', b'hello', expect=400)
        c.call('POST', '/v1/messages', b'hello', to='/service/echo', timeout_ms='soon', expect=400)
        c.call('POST', '/v1/messages', bytes((1 << 20) + 1), to='/service/echo', expect=400)


def failures(n):
    c = n.http
    for path, item in c.document['paths'].items():
        for method, operation in item.items():
            if 'requestBody' not in operation or path == '/v1/messages':
                continue
            c.call(method.upper(), path, {}, expect=400)
            c.call(method.upper(), path, {'nonsense': 1}, expect=400)
            c.call(method.upper(), path, b'{', expect=400)
            c.call(method.upper(), path, b'[' * 60000, expect=400)
            c.call(method.upper(), path, b'"' + b'x' * 70000, expect=400)
            fields = operation['requestBody']['content']['application/json']['schema']
            wrong = {name: {} for name in fields['required']}
            c.call(method.upper(), path, wrong, expect=400)
    c.call('POST', '/v1/tcp-listeners', {'address': n.tcp}, expect=409)
    c.call('POST', '/v1/services', {'name': 'echo'}, expect=409)
    c.call('POST', '/v1/services', {'name': 'nothing'}, expect=404)
    c.call('POST', '/v1/secure-channels', {'to': n.route + '/service/api', 'identity': 'nobody'}, expect=404)
    c.call('POST', '/v1/secure-channels', {'to': n.route + '/service/nobody'}, expect=404)
    c.call('POST', '/v1/tcp-connections', {'to': '127.0.0.1:1'}, expect=502)
    c.call('DELETE', '/v1/services/api', expect=400)


def strangers(n):
    for path, item in n.stranger.document['paths'].items():
        for method, operation in item.items():
            free = operation.get('security') == []
            n.stranger.call(method.upper(), path.replace('{name}', 'x'), expect=200 if free else 401)


def every_operation_was_called(n):
    """To the end: in order, and refused."""
    for item in n.local.document['paths'].values():
        for operation in item.values():
            assert (operation['operationId'], 200) in Client.seen, f'{operation["operationId"]} was not called'


TESTS = [document_validates, document_is_described, objects_by_the_socket, objects_by_tcp, the_node, messages,
         failures, strangers, every_operation_was_called]

if __name__ == '__main__':
    sys.exit(run(TESTS, lambda home: (Nodes(home),)))
