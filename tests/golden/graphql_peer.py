#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A GraphQL server on graphql-core (python3-graphql-core), for the recording of the case graphql.

usage: graphql_peer.py ADDRESS PORT LOG

POST /graphql (application/json, application/graphql, batches) and GET /graphql?query=; /closed refuses introspection the
way GraphQL does it: 200 with errors and without data. LOG gets one JSON line for each request, with the type and name of
the operation that graphql-core executed: run.py compares them with what Assay says.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from graphql import build_ast_schema, graphql, parse

SCHEMA = build_ast_schema(parse("""
schema { query: Query mutation: Mutation }
type Query { hero(id: String): Hero  search(text: String): String }
type Hero { name: String friends: [Hero] }
type Mutation { rename(id: String, name: String): Hero }
"""))
SAVED = {"ab12": "query Saved { hero { name } }"}


class Root:
    def hero(self, info, id=None):
        return {"name": "R2", "friends": []}

    def search(self, info, text=None):
        return "nothing"

    def rename(self, info, id=None, name=None):
        return {"name": "C3", "friends": []}


def operation_of(document, name):
    operations = [part for part in document.definitions if type(part).__name__ == "OperationDefinition"]
    named = [part for part in operations if part.name and part.name.value == name]
    chosen = (named or operations)[0]
    return {"operation_type": chosen.operation, "operation_name": chosen.name.value if chosen.name else None}


def execute(request, closed):
    """The answer, and what was executed."""
    saved = request.get("extensions", {}).get("persistedQuery", {}).get("sha256Hash")
    text = request.get("query") or SAVED[saved]
    told = operation_of(parse(text), request.get("operationName"))
    if not request.get("query"):
        told["operation_type"] = None  # not on the wire
        told["operation_name"] = request.get("operationName")
    if closed and "__schema" in text:
        return {"errors": [{"message": "introspection is disabled"}], "data": None}, told
    result = graphql(SCHEMA, text, root=Root(), operation_name=request.get("operationName"),
                     variables=request.get("variables"))
    answer = {"data": result.data}
    if result.errors:
        answer["errors"] = [{"message": str(error)} for error in result.errors]
    return answer, told


def make_handler(log):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "peer", ""
        log_message = lambda self, *arguments: None

        def answer(self, answer, told):
            body = json.dumps(answer).encode()
            line = {"method": self.command, "uri": self.path, "host": self.headers.get("Host"), "status": 200,
                    "graphql": told}
            with lock, open(log, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Request-ID", self.headers.get("X-Request-ID", ""))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            parameters = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            if "query" not in parameters:
                self.answer({"ok": True}, None)
                return
            self.answer(*execute(parameters, False))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            closed = self.path.startswith("/closed")
            if self.headers["Content-Type"].startswith("application/graphql"):
                self.answer(*execute({"query": body}, closed))
                return
            request = json.loads(body)
            if isinstance(request, list):
                results = [execute(part, closed) for part in request]
                self.answer([answer for answer, _ in results], results[0][1])
            elif "query" in request and " " in str(request["query"]) or "extensions" in request:
                self.answer(*execute(request, closed))
            else:
                self.answer({"ok": True}, None)

    return Handler


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), make_handler(sys.argv[3])).serve_forever()
