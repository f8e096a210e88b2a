#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebSocket peers for the golden captures: python3-websockets at both ends, with made-up data.

usage: websocket_peers.py serve ADDRESS PORT ANSWERS
       websocket_peers.py play ADDRESS PORT ANSWERS PLAN LOG

A connection of the plan: {"path", "host", "origin", "compress": null | {parameters of RFC 7692}, "send": [...]}. What is
sent is a text, {"parts": [...]} for a fragmented text, {"hex": ...} for a binary message, {"ping": ...}, or a number of
seconds to wait. The server answers each message by the next of ANSWERS (JSON: path -> list) for its path, and refuses paths that begin with /refuse. LOG gets one line for the handshake, and one for each message and close as the client's library
knows it: its local port, who sent it, its opcode and its bytes before compression.
"""

import asyncio
import json
import sys
from http import HTTPStatus

from websockets.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.server import serve

ID = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"


def size_of(message):
    return len(message.encode() if isinstance(message, str) else message)


async def serve_forever(address, port, answers):
    def headers(_, request):
        return {"X-Request-ID": request.get("X-Request-ID", "")}

    async def answer(socket, path):
        rows = list(answers.get(path.split("?")[0], ()))
        async for _ in socket:
            if rows:
                row = rows.pop(0)
                await socket.send(bytes.fromhex(row["hex"]) if isinstance(row, dict) else row)

    async def refuse(path, _):
        return (HTTPStatus.FORBIDDEN, [], b"") if path.startswith("/refuse") else None

    async with serve(answer, address, port, extensions=[ServerPerMessageDeflateFactory()], compression=None,
                     process_request=refuse, extra_headers=headers, ping_interval=None, max_size=None, server_header=None):
        await asyncio.Future()


async def play_one(address, port, plan, answers, log):
    extensions = [ClientPerMessageDeflateFactory(**plan["compress"])] if plan.get("compress") is not None else None
    uri = "ws://%s:%s%s" % (plan.get("host", "api.example"), port, plan["path"])
    extra = {"X-Request-ID": ID, "Authorization": "Bearer made-up-token-0001"}
    async with connect(uri, host=address, port=port, extensions=extensions, compression=None, extra_headers=extra,
                       origin=plan.get("origin"), ping_interval=None, max_size=None, user_agent_header="client/1.0") as socket:
        note = {"port": socket.local_address[1], "uri": plan["path"]}
        log.write(json.dumps(dict(note, method="GET", status=101)) + "\n")

        def tell(method, size, from_server):
            line = dict(note, method=method, status=None, from_server=from_server, bytes=size)
            log.write(json.dumps(line) + "\n")

        left = len(answers.get(plan["path"].split("?")[0], ()))
        for item in plan["send"]:
            if isinstance(item, (int, float)):
                await asyncio.sleep(item)
                continue
            if isinstance(item, dict) and "ping" in item:
                await (await socket.ping(item["ping"]))
                continue
            message = item if isinstance(item, str) else item.get("parts") or bytes.fromhex(item["hex"])
            await socket.send(message)
            whole = "".join(message) if isinstance(message, list) else message
            tell("text" if isinstance(whole, str) else "binary", size_of(whole), False)
            if left:
                left -= 1
                reply = await socket.recv()
                tell("text" if isinstance(reply, str) else "binary", size_of(reply), True)
        await socket.close(1000, plan.get("reason", ""))
        tell("close", len(plan.get("reason", "")), False)
        tell("close", size_of(socket.close_reason or ""), True)


async def play(address, port, answers, connections, log_path):
    with open(log_path, "w", encoding="utf-8") as log:
        for plan in connections:
            await play_one(address, port, plan, answers, log)


def read(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "serve":
        asyncio.run(serve_forever(arguments[1], int(arguments[2]), read(arguments[3])))
    elif len(arguments) == 6 and arguments[0] == "play":
        asyncio.run(play(arguments[1], int(arguments[2]), read(arguments[3]), read(arguments[4]), arguments[5]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
