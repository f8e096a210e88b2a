#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Sends standard input as it is over one TCP connection and prints what comes back. The text may hold lines "@wait FILE":
what is behind one is sent when that file exists.

usage: raw.py ADDRESS PORT
"""

import os
import re
import socket
import sys
import time

ANSWER_SECONDS = 100  # a request that waits for its end keeps its connection
APART_SECONDS = 0.02  # so that pieces go out in segments of their own


def main():
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=ANSWER_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pieces = re.split(rb'@wait ([^\n]*)\n', sys.stdin.buffer.read())
    connection.sendall(pieces[0])
    for file, text in zip(pieces[1::2], pieces[2::2]):
        while not os.path.exists(file):
            time.sleep(0.005)
        time.sleep(APART_SECONDS)
        connection.sendall(text)
    while True:
        data = connection.recv(65536)
        if not data:
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


main()
