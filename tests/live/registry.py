# SPDX-License-Identifier: Apache-2.0
"""The registry of the live tests: two documents in a git work tree, each with a commit of its own."""

import os
import re

import tap as live

SHOP = '''openapi: 3.1.0
info: {title: Shop of the live tests, version: 1.0.0}
servers:
  - url: http://shop.example/v1
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
paths:
  /orders:
    get:
      operationId: listOrders
      parameters:
        - {name: page, in: query, schema: {type: integer}}
      responses:
        "200": {description: Orders., content: {application/json: {}}}
    post:
      operationId: createOrder
      requestBody: {content: {application/json: {}}}
      responses:
        "201": {description: Made., content: {application/json: {}}}
  /orders/{order}:
    get:
      operationId: getOrder
      parameters:
        - {name: order, in: path, required: true, schema: {type: string}}
      responses:
        "200": {description: The order., content: {application/json: {}}}
        "404": {description: None., content: {application/json: {}}}
  /uploads/{upload}:
    parameters: [{name: upload, in: path, required: true, schema: {type: string}}]
    put:
      operationId: putUpload
      responses: {"204": {description: Taken.}}
    delete:
      operationId: deleteUpload
      responses: {"204": {description: Gone.}}
  /files/{file}:
    parameters: [{name: file, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getFile
      responses:
        "200": {description: The file., content: {application/json: {}, application/octet-stream: {}}}
        "304": {description: As before.}
  /stream:
    get:
      operationId: getStream
      responses:
        "200": {description: Pieces., content: {application/json: {}}}
  /report:
    get:
      operationId: getReport
      deprecated: true
      responses: {"200": {description: Fine.}}
  /export:
    get:
      operationId: getExport
      x-sunset: "2020-01-01"
      responses: {"200": {description: Fine.}}
  /odd:
    get:
      operationId: getOdd
      responses: {"200": {description: Fine.}}
  /open:
    get:
      operationId: getOpen
      responses: {"200": {description: Fine.}}
  /account:
    get:
      operationId: getAccount
      security: [{bearer: []}]
      responses: {"200": {description: Fine.}}
'''

OLD = '''openapi: 3.0.3
info: {title: Shop of old, version: 0.1.0, x-lifecycle: retired}
servers: [{url: "http://shop.example/v0"}]
paths:
  /orders:
    get:
      operationId: listOrdersV0
      responses: {"200": {description: Orders.}}
'''


class Registry:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git('init', '-q')
        for name, text in (('shop.yaml', SHOP), ('old.yaml', OLD)):
            (folder / name).write_text(text)
            self.git('add', name)
            self.git('commit', '-q', '-m', f'Register {name}')

    def git(self, *arguments):
        author = ['-c', 'user.name=Owner', '-c', 'user.email=owner@shop.example', '-c', 'commit.gpgsign=false']
        environment = {**os.environ, 'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull}
        return live.run('git', '-C', self.folder, *author, *arguments, env=environment).stdout.strip()

    def source(self, operation):
        """(file, line of the method's key, commit) of an operation."""
        for name, text in (('shop.yaml', SHOP), ('old.yaml', OLD)):
            lines = text.split('\n')
            for number, line in enumerate(lines):
                if line.strip() == f'operationId: {operation}':
                    while not re.fullmatch('    (get|put|post|delete):', lines[number]):
                        number -= 1
                    return name, number + 1, self.git('log', '-1', '--format=%H', '--', name)
        raise KeyError(operation)
