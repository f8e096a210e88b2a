#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of GraphQL over WebSocket, by graphql-transport-ws and by the older graphql-ws, for the recording of the case
graphql_websocket. Needs ariadne, uvicorn and gql[websockets], which the distribution has not: set
ASSAY_RECORD_PYTHON to a python that has them.

usage: graphql_websocket_peers.py serve ADDRESS PORT LOG   the server; LOG gets one JSON line for each operation executed
       graphql_websocket_peers.py play ADDRESS PORT        the client
"""

import asyncio
import json
import sys

PROTOCOLS = ("graphql-transport-ws", "graphql-ws")
ID = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"
CARD = "4539578763621486"  # made up

HERO = "query Hero($id: String) { hero(id: $id) { name } }"
PAY = "mutation Pay($card: String!) { pay(card: $card) { receipt } }"
COUNT = "subscription Count { count(target: 3) }"
CHOICE = "query A { hero { name } } query B { __schema { types { name } } }"
TYPES = "query Types { ...F } fragment F on Query { alias: __type(name: \"Hero\") { name } }"
WRONG = "query Wrong { __type(name: \"Hero\") { nothing } }"


SCHEMA = """
type Query { hero(id: String): Hero }
type Hero { name: String }
type Receipt { receipt: String }
type Mutation { pay(card: String!): Receipt }
type Subscription { count(target: Int!): String }
"""


def build(log):
    """The two protocols, each under its own name."""
    from ariadne import MutationType, QueryType, SubscriptionType, make_executable_schema
    from ariadne.asgi import GraphQL
    from ariadne.asgi.handlers import GraphQLTransportWSHandler, GraphQLWSHandler
    from graphql import get_operation_ast, parse
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async def count(_, info, target):
        for at in range(target):
            yield "card " + CARD if at == 1 else "at %d" % at

    query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()
    query.set_field("hero", lambda *_, **arguments: {"name": "R2"})
    mutation.set_field("pay", lambda *_, card: {"receipt": "r-1"})
    subscription.set_source("count", count)
    subscription.set_field("count", lambda value, *_, **arguments: value)
    schema = make_executable_schema(SCHEMA, query, mutation, subscription)

    last = [None]  # the older protocol's handler has everything parsed twice

    def tell(context, data):
        document = parse(data["query"])
        chosen = get_operation_ast(document, data.get("operationName"))
        told = {"operation_type": chosen.operation.value, "operation_name": chosen.name and chosen.name.value}
        line = {"method": "text", "uri": context["request"].url.path, "status": None, "graphql": told}
        if data is not last[0]:
            with open(log, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        last[0] = data
        return document

    handlers = dict(zip(PROTOCOLS, (GraphQLTransportWSHandler, GraphQLWSHandler)))
    return Starlette(routes=[Mount("/" + name, GraphQL(schema, query_parser=tell, websocket_handler=handler()))
                             for name, handler in handlers.items()])


async def play(address, port):
    from gql import Client, gql
    from gql.transport.exceptions import TransportQueryError
    from gql.transport.websockets import WebsocketsTransport
    from graphql import get_introspection_query

    for protocol in PROTOCOLS:
        transport = WebsocketsTransport("ws://%s:%s/%s/" % (address, port, protocol), subprotocols=[protocol],
                                        headers={"X-Request-ID": ID})
        async with Client(transport=transport, fetch_schema_from_transport=False) as session:
            await session.execute(gql(HERO), variable_values={"id": "1"})
            await session.execute(gql(PAY), variable_values={"card": CARD})
            async for _ in session.subscribe(gql(COUNT)):
                pass
            await session.execute(gql(CHOICE), operation_name="A")
            await session.execute(gql(TYPES))
            await session.execute(gql(get_introspection_query()))
            try:
                await session.execute(gql(WRONG))
            except TransportQueryError:
                pass


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "serve":
        import uvicorn

        uvicorn.run(build(arguments[3]), host=arguments[1], port=int(arguments[2]), log_level="error",
                    ws_per_message_deflate=False)
    elif len(arguments) == 3 and arguments[0] == "play":
        asyncio.run(play(arguments[1], arguments[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
