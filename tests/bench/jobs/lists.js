// SPDX-License-Identifier: MIT
// lists.js - a map of lists that grow at random: lists.js LISTS TOUCHES
const [lists, touches] = process.argv.slice(2).map(Number);
let state = 1;

function below(n) {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return Math.floor(state / 4294967296 * n);
}

const map = new Map();
for (let i = 0; i < lists; i++) {
	const key = below(lists);
	const list = map.get(key);
	if (list)
		list.push(i);
	else
		map.set(key, [i]);
}
let sum = 0;
for (let i = 0; i < touches; i++) {
	const list = map.get(below(lists));
	if (list)
		sum += list[i % list.length];
}
console.log(map.size, sum);
