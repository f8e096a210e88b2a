# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ with AMQP 0-9-1 and 1.0 as the tests want it: made-up accounts, one exchange, one queue, all in one folder."""

import glob
import json
import os

PORT = "5672"
PLUGINS = "[rabbitmq_amqp1_0]."
DEFINITIONS = {
    "users": [{"name": "shop", "password": "made-up-secret-01", "tags": []},
              {"name": "guest", "password": "guest", "tags": ["administrator"]}],
    "vhosts": [{"name": "/"}, {"name": "/orders"}],
    "permissions": [{"user": user, "vhost": host, "configure": ".*", "write": ".*", "read": ".*"}
                    for user, host in (("shop", "/orders"), ("guest", "/"))],
    "exchanges": [{"name": "shop", "vhost": "/orders", "type": "topic", "durable": False, "auto_delete": False,
                   "internal": False, "arguments": {}}],
    "queues": [{"name": "work", "vhost": "/orders", "durable": False, "auto_delete": False, "arguments": {}}],
    "bindings": [{"source": "shop", "vhost": "/orders", "destination": "work", "destination_type": "queue",
                  "routing_key": "order.#", "arguments": {}}],
}


def find_program():
    """The server's own script, which runs as whoever calls it; None: not installed."""
    found = sorted(glob.glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found else None


def put(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def prepare(folder, address):
    """The environment of a broker that listens on the address and keeps everything in the folder."""
    os.makedirs(folder, exist_ok=True)
    definitions = put(folder, "definitions.json", json.dumps(DEFINITIONS))
    config = "listeners.tcp.1 = %s:%s\nloopback_users = none\nlog.console = false\nload_definitions = %s\n"
    return dict(os.environ, HOME=folder, RABBITMQ_NODENAME="rabbit@localhost", LANG="C.UTF-8",
                RABBITMQ_CONFIG_FILE=put(folder, "rabbitmq.conf", config % (address, PORT, definitions)),
                RABBITMQ_ENABLED_PLUGINS_FILE=put(folder, "plugins", PLUGINS), RABBITMQ_MNESIA_BASE=folder,
                RABBITMQ_LOG_BASE=folder, RABBITMQ_PID_FILE=os.path.join(folder, "pid"))
