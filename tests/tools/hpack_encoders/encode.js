// SPDX-License-Identifier: Apache-2.0
//
// The HPACK encoder of hpack.js (npm) for generate_hpack_vectors.py, whose protocol it speaks. Its table stays at 4,096.
'use strict';
const hpack = require('hpack.js');
const compressor = hpack.compressor.create({table: {maxSize: 4096}});
let fields = [], block = [];
compressor.on('data', (piece) => block.push(piece));
require('readline').createInterface({input: process.stdin}).on('line', (line) => {
  const words = line.split(' ');
  const text = (digits) => Buffer.from(digits, 'hex').toString('latin1');
  if (words[0] === 'field')
    fields.push({name: text(words[1]), value: text(words[2]), neverIndex: words[3] === '1', huffman: fields.length % 2 === 0});
  if (words[0] !== 'end')
    return;
  compressor.write(fields);
  fields = [];
  setImmediate(() => { console.log(Buffer.concat(block).toString('hex')); block = []; });
});
