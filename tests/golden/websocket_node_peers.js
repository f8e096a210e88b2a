// SPDX-License-Identifier: Apache-2.0
//
// Both ends of WebSockets by ws of npm, for the recording of the case websocket_fragments: messages that are compressed and
// in fragments, with pings between these, in both directions. Needs node, and ws where NODE_PATH says.
//
// usage: websocket_node_peers.js serve ADDRESS PORT
//        websocket_node_peers.js play ADDRESS PORT LOG
//
// LOG gets what the log of websocket_peers.py has: a line for each handshake, message and close.
'use strict';
const fs = require('fs');
const WebSocket = require('ws');

const CARD = '4539578763621486';  // made up
const TAKEOVERS = {
  '/v1/takeover': {},
  '/v1/none': {clientNoContextTakeover: true, serverNoContextTakeover: true},
  '/v1/plain': false,
};
const row = (at) => JSON.stringify({order: at, customer: {card: at === 2 ? CARD : 'none'}, note: 'a made-up line '.repeat(at * 9)});

// A message in fragments of about a third, and a ping behind each but the last.
function sendInFragments(socket, text) {
  const third = Math.ceil(text.length / 3);
  const parts = [text.slice(0, third), text.slice(third, 2 * third), text.slice(2 * third)];
  parts.forEach((part, at) => {
    socket.send(part, {fin: at === 2, compress: true});
    if (at < 2)
      socket.ping('between ' + at);
  });
}

function serve(address, port) {
  const options = {host: address, port, perMessageDeflate: {threshold: 0}};
  new WebSocket.WebSocketServer(options).on('connection', (socket) => {
    let at = 0;
    socket.on('message', () => sendInFragments(socket, row(++at)));
  }).on('headers', (headers, request) => headers.push('X-Request-ID: ' + request.headers['x-request-id']));
}

function playOne(address, port, path, log) {
  return new Promise((done) => {
    const socket = new WebSocket(`ws://${address}:${port}${path}`, {
      perMessageDeflate: TAKEOVERS[path] && {threshold: 0, ...TAKEOVERS[path]},
      headers: {Host: `api.example:${port}`, 'X-Request-ID': '6f9619ff-8b86-4011-b42d-00cf4fc964ff'},
    });
    const tell = (method, status, more) => fs.appendFileSync(log, JSON.stringify(
      {port: socket._socket.localPort, uri: path, method, status, ...more}) + '\n');
    let at = 0;
    const send = () => {
      const text = row(++at);
      sendInFragments(socket, text);
      tell('text', null, {from_server: false, bytes: Buffer.byteLength(text)});
    };
    socket.on('open', () => { tell('GET', 101); send(); });
    socket.on('message', (data) => {
      tell('text', null, {from_server: true, bytes: data.length});
      if (at < 4)
        return send();
      tell('close', null, {from_server: false, bytes: 3});
      tell('close', null, {from_server: true, bytes: 3});
      return socket.close(1000, 'bye');
    });
    socket.on('close', done);
  });
}

async function play(address, port, log) {
  for (const path of Object.keys(TAKEOVERS))
    await playOne(address, port, path, log);
}

const [command, address, port, log] = process.argv.slice(2);
if (command === 'serve')
  serve(address, Number(port));
else
  play(address, Number(port), log);
