#!/bin/bash
# SPDX-License-Identifier: MIT
# JavaScript's maps and objects, in a heap of several times the budget, and buffers outside it.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires node perl numfmt
cat >"$tmp/heap.js" <<'END'
const n = 700000;
const map = new Map();
for (let i = 0; i < n; i++)
	map.set("key " + i * 7, { id: i, name: "value " + i * 7919, list: [i, i + 1] });
let sum = 0;
for (const [k, v] of map)
	sum = (sum * 31 + k.length + v.id + v.list[1]) % 1000000007;
for (let i = 0; i < n; i += 3)
	map.delete("key " + i * 7);
const names = [...map.values()].map(v => v.name).sort();
const buffers = [];
for (let i = 0; i < 100; i++)
	buffers.push(Buffer.alloc(1 << 20, i));
for (const b of buffers)
	sum = (sum * 31 + b[77777] + b.length) % 1000000007;
console.log(map.size, sum, names[0], names[names.length - 1]);
END
compare_family 250M 70M node --max-old-space-size=1500 "$tmp/heap.js"
