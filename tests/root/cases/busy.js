// SPDX-License-Identifier: GPL-2.0-or-later
// Compiled functions that call node's own: regular expressions, JSON, compression.
'use strict';
const zlib = require('zlib');

function descend(depth, end) {
	return depth ? descend(depth - 1, end) + 1 : end();
}

const data = Buffer.alloc(1 << 14, 'abcdefg');
let sum = 0;
for (;;) {
	sum += descend(20, () => zlib.deflateSync(data).length);
	sum += descend(20, () => JSON.stringify({ list: Array.from({ length: 200 }, (_, i) => i) }).length);
}
