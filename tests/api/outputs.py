#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What commands print with --output json, against tools/ockam/output.schema.json: TAP.

Every command of the table has a schema and is run; what it prints is one document that fits. Objects that a node answers
are, to the letter, those of its OpenAPI document. OCKAM is the program under test.
"""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import jsonschema

import tap
from client import Client

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / 'tools/ockam/output.schema.json').read_text())
NO_RESULT = {'help', 'completion'}  # text, whatever is asked for
seen = set()


def run(*args):
    done = subprocess.run([tap.OCKAM, *args], input='', stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, f'{args}: {done.returncode} {done.stderr}'
    return done.stdout


def name_of(args):
    two = ' '.join(args[:2])
    return two if two in SCHEMA['$defs'] else args[0]


def check(command, text):
    jsonschema.Draft202012Validator({'$ref': f'#/$defs/{command.replace(" ", "%20")}', '$defs': SCHEMA['$defs']}) \
        .validate(json.loads(text))


def ockam(*args):
    """Runs it with --output json, checks what it prints, and gives it."""
    command = name_of(args)
    text = run(*args, '--output', 'json')
    check(command, text)
    seen.add(command)
    return json.loads(text)


def commands():
    """All, from the help."""
    for group in re.findall(r'^  ([a-z-]+)  +\S', run('help').split('Options of every')[0], re.M):
        help_text = run('help', group).split('Options')[0]
        names = re.findall(r'^  ([a-z]+)  +\S', help_text, re.M) if ' COMMAND ' in help_text else []
        yield from [f'{group} {name}' for name in names] or [group]


def the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    named = set(commands()) - NO_RESULT
    objects = {name for name in SCHEMA['$defs'] if '_' in name or ' ' not in name} - named
    assert len(named) > 50, named
    assert named <= set(SCHEMA['$defs']), f'no schema: {named - set(SCHEMA["$defs"])}'
    assert set(SCHEMA['$defs']) == named | objects
    used = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(SCHEMA)))
    assert objects <= used | {'address'}, f'of no command: {objects - used}'


def the_home():
    ockam('environment')
    ockam('status')
    assert ockam('node', 'list') == ockam('vault', 'list') == ockam('identity', 'list') == []
    ockam('vault', 'create', 'v1')
    ockam('vault', 'show', 'v1')
    ockam('vault', 'move', 'v1', '--path', os.environ['OCKAM_HOME'] + '/v1.vault')
    ockam('vault', 'list')
    ockam('identity', 'create', 'alice', '--vault', 'v1')
    for more in ([], ['--full'], ['--full', '--encoding', 'hex']):
        ockam('identity', 'show', 'alice', *more)
    ockam('identity', 'default', 'alice')
    ockam('identity', 'list')
    ockam('identity', 'delete', 'alice')
    ockam('vault', 'delete', '--all', '-y')


def nodes():
    ockam('node', 'create', 'n1', '--http-server')
    ockam('node', 'create', 'n2', '--udp-listener-address', '127.0.0.1:0')
    ockam('node', 'show', 'n1')
    ockam('node', 'set', 'n1')
    ockam('node', 'set', 'n1', '--busy-poll', '40')
    ockam('node', 'default', 'n1')
    ockam('node', 'logs', 'n1')
    ockam('node', 'stop', 'n1')
    assert ockam('node', 'show', 'n1')['status'] == 'stopped'
    ockam('node', 'list')
    ockam('status')
    ockam('node', 'start', 'n1')
    os.kill(ockam('node', 'show', 'n1')['pid'], 9)
    until = time.monotonic() + 30
    while ockam('node', 'list')[0]['status'] == 'running':  # one that is just dying does not answer
        assert time.monotonic() < until, 'a killed node goes on running'
    ockam('node', 'list')
    ockam('node', 'start', 'n1')


def objects_of_a_node():
    at = {t['type']: t['socket_address'] for t in ockam('node', 'show', 'n2')['transports']}
    n1 = ['--at', 'n1']
    made = ockam('secure-channel', 'create', '--from', 'n1', '--to', '/node/n2/service/api')
    for group, name, create in (
            ('secure-channel', made['address'], None),
            ('secure-channel-listener', 'guests', ['guests', '--authorized', 'any', *n1]),
            ('tcp-listener', None, ['127.0.0.1:0', *n1]),
            ('udp-listener', None, ['127.0.0.1:0', *n1]),
            ('tcp-connection', at['tcp'], ['--from', 'n1', '--to', at['tcp']]),
            ('udp-connection', at['udp'], ['--from', 'n1', '--to', at['udp']]),
            ('tcp-outlet', 'web', ['--to', '127.0.0.1:9', '--from', 'web', *n1]),
            ('tcp-inlet', 'db', ['--to', '/node/n2/secure/api/service/outlet', '--alias', 'db', *n1])):
        if create:
            made = ockam(group, 'create', *create)
            name = name or made['address']  # of a port that the kernel picked
        ockam(group, 'list', *n1)
        ockam(group, 'show', name, *n1)
        if group == 'tcp-connection':
            ockam('node', 'show', 'n1')
        ockam(group, 'delete', name, *n1)
        ockam(group, 'delete', '--all', '-y', *n1)
    ockam('relay', 'create', 'blue', '--at', 'n2', '--to', 'n1')
    ockam('relay', 'list', '--to', 'n1')
    ockam('relay', 'show', 'blue', '--to', 'n1')
    ockam('node', 'show', 'n1')
    ockam('worker', 'list', '--at', 'n2')
    ockam('relay', 'delete', 'blue', '--to', 'n1')
    ockam('service', 'start', 'echo', '--addr', 'mirror', *n1)
    ockam('service', 'list', *n1)
    ockam('service', 'stop', 'mirror', *n1)
    ockam('message', 'send', 'hello', '--from', 'n1', '--to', '/service/echo')
    ockam('message', 'send', '00ff', '--hex', '--from', 'n1', '--to', '/service/echo')


def of_a_file():
    path = Path(os.environ['OCKAM_HOME']).parent / 'machine.yaml'
    path.write_text('nodes: {n3: , n4: {http-server: true}}\n')
    assert ockam('run', str(path)) == [{'name': 'n3'}, {'name': 'n4'}]
    ockam('run', '--schema')


def same_as_the_api():
    document = Client(socket_path=os.environ['OCKAM_HOME'] + '/run/n1/control.sock').load_document()
    api = json.loads(json.dumps(document['components']['schemas']).replace('#/components/schemas/', '#/$defs/'))
    del api['error']
    for name, schema in api.items():
        assert SCHEMA['$defs'].get(name) == schema, f'{name} is not what the node says: {schema}'


def nothing_else_fits():
    """The schema refuses what no command prints."""
    shown = run('node', 'show', 'n1', '--output', 'json')
    for wrong in ({**json.loads(shown), 'more': 1}, {**json.loads(shown), 'pid': 'x'}, [json.loads(shown)], {}):
        try:
            check('node show', json.dumps(wrong))
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f'{wrong} fits')


def the_end():
    ockam('node', 'delete', 'n4')
    ockam('node', 'delete', '--all', '-y')
    ockam('reset', '-y')
    ockam('reset', '-y')
    missing = set(commands()) - NO_RESULT - seen
    assert not missing, f'not run: {missing}'


TESTS = [the_schema_is_one, the_home, nodes, objects_of_a_node, of_a_file, same_as_the_api, nothing_else_fits, the_end]

if __name__ == '__main__':
    sys.exit(tap.run(TESTS, lambda home: ()))
