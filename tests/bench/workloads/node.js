// SPDX-License-Identifier: GPL-2.0-or-later
// node.js MS: compiled code that calls into V8 and OpenSSL. Sleeps afterwards if MS ends in s.
const crypto = require('crypto');

function nest(depth, seed) {
	return depth > 0 ? nest(depth - 1, seed) + 1 : some(seed);
}

function some(seed) {
	const items = [];
	for (let i = 0; i < 500; i++)
		items.push((i ^ seed) * 2654435761 % 4096);
	items.sort((a, b) => a - b);
	const text = JSON.stringify(items);
	const digest = crypto.createHash('sha256').update(text).digest('hex');
	return JSON.parse(text).length + text.match(/[0-9]+/g).length + digest.charCodeAt(0);
}

const given = process.argv[2];
const until = Date.now() + parseFloat(given);
let n = 0;
while (Date.now() < until)
	n = nest(20, n);
if (given.endsWith('s'))
	setInterval(() => {}, 1000);
