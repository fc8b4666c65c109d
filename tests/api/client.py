# SPDX-License-Identifier: Apache-2.0
"""A client of a node's control API that believes nothing: each answer is held against the node's own document."""
import http.client
import json
import re
import socket
from urllib.parse import quote, urlsplit

import jsonschema

TIMEOUT_S = 60


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, content_type, body):
        self.status, self.type, self.body = status, content_type, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """By control.sock (`socket_path`), or by TCP (`address`) with a token."""

    seen = set()  # (operationId, status) of all clients

    def __init__(self, socket_path=None, address=None, token=None):
        self.socket_path, self.address = socket_path, address
        self.headers = {'Authorization': f'Bearer {token}'} if token else {}
        self.document = None

    def ask(self, method, path, body=None, content_type=None):
        host = UnixConnection(self.socket_path) if self.socket_path else \
            http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        headers = dict(self.headers, **({'Content-Type': content_type} if content_type else {}))
        try:
            host.request(method, path, body, headers)
            response = host.getresponse()
            return Answer(response.status, response.headers.get('Content-Type'), response.read())
        finally:
            host.close()

    def load_document(self):
        self.document = self.ask('GET', '/openapi.json').json
        return self.document

    def operation(self, method, path):
        """Of the document; NULL when it has none for that."""
        for template, item in self.document['paths'].items():
            pattern = re.sub(r'\\\{name\\\}', '[^/]+', re.escape(template))
            if method.lower() in item and re.fullmatch(pattern, path):
                return item[method.lower()]
        return None

    def check(self, operation, answer):
        """Raises unless the document has this answer."""
        responses = operation['responses']
        assert str(answer.status) in responses, \
            f'{operation["operationId"]} may not answer {answer.status}: {answer.body[:300]}'
        content = responses[str(answer.status)].get('content', {})
        if not content:
            assert not answer.body, answer.body[:300]
            return
        assert answer.type in content, f'{answer.type} is none of {list(content)}'
        schema = content[answer.type].get('schema')
        if schema is None:
            return
        value = answer.json if answer.type == 'application/json' else answer.body.decode()
        whole = dict(schema, components=self.document['components'])
        jsonschema.Draft202012Validator(whole).validate(value)

    def call(self, method, path, body=None, expect=200, **query):
        """body: an object for JSON, or bytes. The answer, which the document has and whose status is as expected."""
        target = path
        if query:
            target += '?' + '&'.join(f'{k}={quote(str(v), safe="")}' for k, v in query.items())
        content_type = None
        if isinstance(body, (dict, list)):
            body, content_type = json.dumps(body), 'application/json'
        answer = self.ask(method, target, body, content_type)
        operation = self.operation(method, urlsplit(path).path)
        assert operation, f'{method} {path} is not in the document'
        self.check(operation, answer)
        Client.seen.add((operation['operationId'], answer.status))
        assert answer.status == expect, f'{method} {path}: {answer.status} {answer.body[:300]}, expected {expect}'
        return answer.json if answer.type == 'application/json' else answer.body
