// SPDX-License-Identifier: GPL-2.0-or-later
// The page of evp-flame. The profile comes as columns in preorder (lib/view/flame_pack.c has the
// layout); node 0 is everything. Nothing from the profile is ever put into markup.
'use strict';

const ROW = 20, TEXT = 12, CULL = 0.5, PAD = 5;
const KINDS = ['imported', 'native', 'kernel', 'kernel module', 'vdso', 'BPF', 'JIT', 'interpreted', 'cut',
	'unknown'];
const LABEL = 255;
const byId = (id) => document.getElementById(id);
const canvas = byId('canvas'), ctx = canvas.getContext('2d'), tip = byId('tip');
const calm = matchMedia('(prefers-reduced-motion: reduce)'), dark = matchMedia('(prefers-color-scheme: dark)');

let P;                                  // the profile, see parse()
const view = {
	zoom: 0, icicle: false, colour: 'module', query: '', group: -1, table: false,
	scroll: 0, deepest: 0, hover: -1, focus: -1,
	from: 0, to: 1,                 // what part of all samples the window shows, animated
};
let matched = null, matchedNodes = 0;   // by frame: matches the query
let matches = null, atMatch = -1;       // its nodes, by size, made when first asked for
let paint = [], legend = [];            // by frame: colour; the entries of the legend

// ---- the data ----

async function unpack(text)
{
	const raw = atob(text.trim()), bytes = new Uint8Array(raw.length);

	for (let i = 0; i < raw.length; i++)
		bytes[i] = raw.charCodeAt(i);
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

function parse(b)
{
	const utf8 = new TextDecoder();
	let at = 0;

	const varint = () => {
		let v = 0, scale = 1, c;

		do {
			c = b[at++];
			v += (c & 127) * scale;
			scale *= 128;
		} while (c & 128);
		return v;
	};
	const text = () => {
		const n = varint();

		at += n;
		return utf8.decode(b.subarray(at - n, at));
	};
	const column = (n, array) => {
		for (let i = 0; i < n; i++)
			array[i] = varint();
		return array;
	};

	const p = { unit: text(), value: text() };
	p.strings = Array.from({ length: varint() }, text);
	const nframes = p.nframes = varint();
	p.name = column(nframes, new Uint32Array(nframes));
	p.module = column(nframes, new Uint32Array(nframes));
	p.flags = column(nframes, new Uint16Array(nframes));
	const n = p.n = varint();
	const pop = column(n, new Uint32Array(n));
	p.frame = column(n, new Uint32Array(n));
	p.self = column(n, new Float64Array(n));
	p.level = new Uint32Array(n);
	p.end = new Uint32Array(n);
	p.start = new Float64Array(n);
	p.total = new Float64Array(n);
	p.parent = new Uint32Array(n);

	const open = [];
	let x = 0;
	const close = (down, i) => {
		while (open.length > down) {
			const v = open.pop();

			p.end[v] = i;
			p.total[v] = x - p.start[v];
		}
	};
	for (let i = 0; i < n; i++) {
		const level = i ? p.level[i - 1] + 1 - pop[i] : 0;

		close(level, i);
		p.level[i] = level;
		p.parent[i] = level ? open[level - 1] : 0;
		p.start[i] = x;
		x += p.self[i];
		open.push(i);
	}
	close(0, n);
	p.all = x || 1;
	return p;
}

const nameOf = (i) => P.strings[P.name[P.frame[i]]];
const moduleOf = (i) => P.strings[P.module[P.frame[i]]];
const kindOf = (f) => P.flags[f] & 255;

function amount(v)
{
	if (P.unit === 'nanoseconds')
		return v >= 1e9 ? (v / 1e9).toFixed(2) + ' s' : v >= 1e6 ? (v / 1e6).toFixed(1) + ' ms' :
			(v / 1e3).toFixed(1) + ' \u00b5s';
	if (P.unit === 'bytes') {
		const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
		let k = 0;

		for (; v >= 1024 && k < 4; k++)
			v /= 1024;
		return (k ? v.toFixed(2) : v) + ' ' + unit[k];
	}
	return v.toLocaleString('en');
}

const percent = (v, of) => (100 * v / (of || 1)).toFixed(2) + ' %';

// ---- colours ----

const HUES = [212, 145, 275, 48, 178, 335, 95, 240, 10, 195, 65, 305];
const KERNEL_HUE = 24;
const KIND_HUES = [212, 212, 24, 38, 178, 275, 145, 50, 0, 0];

function hash(s)
{
	let h = 2166136261;

	for (let i = 0; i < s.length; i++)
		h = Math.imul(h ^ s.charCodeAt(i), 16777619) >>> 0;
	return h;
}

// Three shades of a hue, so that neighbours of one colour can be told apart.
function shade(hue, seed, grey)
{
	const step = seed % 3;

	if (grey)
		return dark.matches ? `hsl(215 8% ${54 + 4 * step}%)` : `hsl(215 14% ${84 - 3 * step}%)`;
	return dark.matches ? `hsl(${hue} 42% ${56 + 4 * step}%)` : `hsl(${hue} 68% ${80 - 3.5 * step}%)`;
}

// What a frame is coloured by: its module; for text without modules what its name begins with.
function groupOf(f)
{
	const module = P.strings[P.module[f]], name = P.strings[P.name[f]];

	if (kindOf(f) === LABEL)
		return '';
	if (module)
		return module;
	if (/_\[k\]$/.test(name))
		return '[kernel]';
	if (/_\[j\]$/.test(name))
		return '[jit]';
	const m = /^<?&?([^!:\/.<>( ]+)(?:!|::|\/|\.)/.exec(name) || /^(\[[^\]]+\])/.exec(name);
	return m ? m[1] : '';
}

// Distinct hues for the groups with the most samples; the first choice depends on the name only.
function groupHues(groups)
{
	const taken = new Set(), hue = new Map();

	for (const g of groups) {
		let slot = hash(g) % HUES.length;

		if (/^\[?kernel\b/.test(g)) {
			hue.set(g, KERNEL_HUE);
			continue;
		}
		for (let k = 0; k < HUES.length && taken.has(slot); k++)
			slot = (slot + 5) % HUES.length;
		taken.add(slot);
		hue.set(g, HUES[slot]);
	}
	return hue;
}

function chooseColours()
{
	const weight = new Map(), own = new Float64Array(P.nframes), keys = [];
	const key = view.colour === 'kind' ? (f) => kindOf(f) === LABEL ? '' : KINDS[kindOf(f)] +
		(P.flags[f] & 256 ? ', inlined' : '') : groupOf;

	for (let i = 0; i < P.n; i++)
		own[P.frame[i]] += P.self[i];
	for (let f = 0; f < P.nframes; f++) {
		keys[f] = key(f);
		if (keys[f])
			weight.set(keys[f], (weight.get(keys[f]) || 0) + own[f]);
	}
	const ranked = [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
	const shown = ranked.slice(0, 12).map((e) => e[0]), hues = groupHues(shown);

	if (view.colour === 'kind')
		for (const g of shown)
			hues.set(g, KIND_HUES[KINDS.indexOf(g.split(',')[0])] + (g.includes(',') ? 14 : 0));
	legend = view.colour === 'name' ? [] : shown.map((g) =>
		({ name: g, value: weight.get(g), colour: shade(hues.get(g), 1, /^(cut|unknown)/.test(g)) }));
	const slot = new Map(shown.map((g, i) => [g, i]));
	for (let f = 0; f < P.nframes; f++) {
		const seed = hash(P.strings[P.name[f]]), label = kindOf(f) === LABEL;

		if (view.colour === 'name')
			paint[f] = shade(8 + seed % 50, seed >>> 8, label);
		else
			paint[f] = shade(hues.get(keys[f]), seed, label || !hues.has(keys[f]) ||
				(view.colour === 'kind' && /^(cut|unknown)/.test(keys[f])));
	}
	P.group = keys.map((k) => slot.has(k) ? slot.get(k) : -1);
	showLegend();
}

function showLegend()
{
	const list = byId('legend');

	list.replaceChildren(...legend.map((e, i) => {
		const item = document.createElement('li'), b = document.createElement('button');
		const chip = document.createElement('i'), share = document.createElement('span');

		chip.style.background = e.colour;
		share.textContent = (100 * e.value / P.all).toFixed(1) + ' %';
		b.append(chip, e.name, ' ', share);
		b.title = 'self of ' + e.name + ': ' + amount(e.value);
		b.setAttribute('aria-pressed', String(view.group === i));
		b.onclick = () => {
			view.group = view.group === i ? -1 : i;
			showLegend();
			draw();
		};
		item.append(b);
		return item;
	}));
}

// ---- drawing ----

let width = 0, height = 0;
const textWidth = new Map();            // by text, in the canvas font

const x = (v) => (v / P.all - view.from) / (view.to - view.from) * width;

function rowTop(level)
{
	return view.icicle ? level * ROW - view.scroll : height - (level + 1) * ROW + view.scroll;
}

function measure(s)
{
	let w = textWidth.get(s);

	if (w === undefined) {
		w = ctx.measureText(s).width;
		textWidth.set(s, w);
	}
	return w;
}

// A C++ or Rust name without arguments and template arguments.
function shortName(s)
{
	s = s.replace(/^[^!]*!/, '');
	if (!/[<(]/.test(s) || /operator/.test(s))
		return s;
	let out = '', depth = 0;

	for (const c of s.replace(/\((anonymous namespace)\)/g, '{anonymous}')) {
		if (c === '<' || c === '(')
			depth++;
		if (depth === 0)
			out += c;
		if ((c === '>' || c === ')') && depth)
			depth--;
	}
	return out.length > 3 && out[0] !== ':' ? out : s;
}

const shortNames = new Map();

function label(s, room)
{
	if (measure(s) <= room)
		return s;
	if (!shortNames.has(s))
		shortNames.set(s, shortName(s));
	const t = shortNames.get(s), w = measure(t);
	if (w <= room)
		return t;
	let chars = Math.floor(t.length * (room - 6) / w);
	while (chars > 1 && ctx.measureText(t.slice(0, chars) + '\u2026').width > room)
		chars--;
	return chars > 1 ? t.slice(0, chars) + '\u2026' : '';
}

function drawFrame(i, x0, w, faded)
{
	const y = rowTop(P.level[i]), f = P.frame[i];

	if (y < -ROW || y > height)
		return;
	const hit = matched && matched[f], dim = (matched && !hit) || (view.group >= 0 && P.group[f] !== view.group);
	ctx.globalAlpha = faded ? 0.55 : 1;
	ctx.fillStyle = hit ? (dark.matches ? '#ff7ac6' : '#f0419b') : dim ?
		(dark.matches ? '#2c333b' : '#eceff2') : i ? paint[f] : (dark.matches ? '#77818c' : '#d5dae0');
	ctx.fillRect(x0, y, Math.max(w - (w > 3 ? 1 : 0.2), 0.4), ROW - 1);
	ctx.globalAlpha = 1;
	if (w < 22)
		return;
	const left = Math.max(x0, 0) + PAD, room = Math.min(x0 + w, width) - left - PAD;
	const s = room > 12 ? label(i ? nameOf(i) : 'all', room) : '';
	if (!s)
		return;
	ctx.fillStyle = dim ? (dark.matches ? '#8b96a2' : '#8a949e') : hit && !dark.matches ? '#fff' : '#11161b';
	ctx.fillText(s, left, y + ROW / 2);
}

// Neighbours too narrow for a frame each become one faint bar: something is there; zoom to see.
const dust = { level: 0, from: 0, to: 0, hit: false };

function addDust(i, from, to)
{
	const hit = matched && matched[P.frame[i]];

	if (P.level[i] !== dust.level || from - dust.to > 0.01 || hit !== dust.hit) {
		drawDust();
		dust.level = P.level[i];
		dust.from = from;
		dust.hit = hit;
	}
	dust.to = to;
}

function drawDust()
{
	if (dust.to > dust.from) {
		ctx.fillStyle = dust.hit ? (dark.matches ? '#ff7ac6' : '#f0419b') : dark.matches ? '#39424c' : '#dfe3e8';
		ctx.fillRect(dust.from, rowTop(dust.level), dust.to - dust.from, ROW - 1);
	}
	dust.from = dust.to = 0;
}

function outline(i, colour, thick)
{
	const x0 = Math.max(x(P.start[i]), -2), x1 = Math.min(x(P.start[i] + P.total[i]), width + 2);

	ctx.strokeStyle = colour;
	ctx.lineWidth = thick;
	ctx.strokeRect(x0, rowTop(P.level[i]) - 0.5, Math.max(x1 - x0 - 1, 1), ROW);
}

let pending = 0;

function draw()
{
	if (!pending)
		pending = requestAnimationFrame(drawNow);
}

function drawNow()
{
	pending = 0;
	if (!P || view.table)
		return;
	ctx.clearRect(0, 0, width, height);
	ctx.font = TEXT + 'px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
	ctx.textBaseline = 'middle';
	view.deepest = 0;
	for (let i = 0; i < P.n;) {
		const x0 = x(P.start[i]), w = x(P.start[i] + P.total[i]) - x0;

		if (w < CULL || x0 > width || x0 + w < 0) {
			if (x0 <= width && x0 + w >= 0)
				addDust(i, x0, x0 + w);
			i = P.end[i];
			continue;
		}
		view.deepest = Math.max(view.deepest, P.level[i]);
		drawFrame(i, x0, w, i < view.zoom);
		i++;
	}
	drawDust();
	if (view.hover >= 0) {
		sameName(view.hover);
		outline(view.hover, getComputedStyle(document.body).color, 1.5);
	}
	if (view.focus >= 0)
		outline(view.focus, getComputedStyle(document.body).getPropertyValue('--ring'), 2);
	clampScroll();
}

// Marks the other places of the function under the pointer.
function sameName(at)
{
	const name = P.name[P.frame[at]];

	if (!at)
		return;
	ctx.fillStyle = dark.matches ? 'rgb(255 255 255 / .28)' : 'rgb(0 0 0 / .13)';
	for (let i = 1; i < P.n;) {
		const x0 = x(P.start[i]), w = x(P.start[i] + P.total[i]) - x0;

		if (w < 1 || x0 > width || x0 + w < 0) {
			i = P.end[i];
			continue;
		}
		if (P.name[P.frame[i]] === name)
			ctx.fillRect(x0, rowTop(P.level[i]), w - 1, ROW - 1);
		i++;
	}
}

function clampScroll()
{
	const most = Math.max(0, (view.deepest + 2) * ROW - height), s = Math.min(Math.max(view.scroll, 0), most);

	if (s !== view.scroll) {
		view.scroll = s;
		draw();
	}
}

function resize()
{
	const box = byId('graph').getBoundingClientRect(), scale = devicePixelRatio || 1;

	width = box.width;
	height = box.height;
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	ctx.setTransform(scale, 0, 0, scale, 0, 0);
	draw();
}

// ---- zoom ----

function zoomTo(i, still)
{
	const from = P.start[i] / P.all, to = (P.start[i] + P.total[i]) / P.all || 1;
	const a = view.from, b = view.to, began = performance.now();

	view.zoom = i;
	byId('reset').disabled = !i;
	remember();
	showPath(i);
	if (still || calm.matches) {
		view.from = from;
		view.to = to;
		draw();
		return;
	}
	const step = () => {
		const t = Math.min((performance.now() - began) / 180, 1), e = 1 - (1 - t) ** 3;

		if (view.zoom !== i)
			return;
		view.from = a + (from - a) * e;
		view.to = b + (to - b) * e;
		drawNow();
		if (t < 1)
			requestAnimationFrame(step);
	};
	step();
}

// ---- search ----

function compile(q)
{
	const flags = q === q.toLowerCase() ? 'iu' : 'u';

	try {
		return new RegExp(q, flags);
	} catch (e) {
		return new RegExp(q.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), flags);
	}
}

function search(q)
{
	const found = byId('found');

	view.query = q;
	matched = null;
	matchedNodes = 0;
	matches = null;
	atMatch = -1;
	found.replaceChildren();
	if (q) {
		const re = compile(q), byText = P.strings.map((s) => re.test(s));
		let sum = 0, functions = new Set();

		matched = new Uint8Array(P.nframes);
		for (let f = 0; f < P.nframes; f++) {
			matched[f] = byText[P.name[f]] ? 1 : 0;
			if (matched[f])
				functions.add(P.name[f]);
		}
		for (let i = 1, covered = 0; i < P.n; i++) {
			if (!matched[P.frame[i]])
				continue;
			matchedNodes++;
			if (i >= covered) {     // frames below a match are in its total already
				sum += P.total[i];
				covered = P.end[i];
			}
		}
		const share = document.createElement('b');
		share.textContent = percent(sum, P.all);
		found.append(share, ` in ${functions.size} function${functions.size === 1 ? '' : 's'}`);
		document.documentElement.dataset.matched = String(sum);
	}
	remember();
	draw();
}

// Matches from the widest on; one below another match counts as well.
function nextMatch(step)
{
	if (!matchedNodes)
		return;
	if (!matches) {
		matches = [];
		for (let i = 1; i < P.n; i++)
			if (matched[P.frame[i]])
				matches.push(i);
		matches.sort((a, b) => P.total[b] - P.total[a] || a - b);
	}
	atMatch = (atMatch + step + matches.length) % matches.length;
	focusOn(matches[atMatch], true);
}

// ---- words about a frame ----

function showTip(i, px, py)
{
	const line = (what, v) => {
		const tr = document.createElement('tr');

		for (const s of [what, amount(v), percent(v, P.all), view.zoom ? percent(v, P.total[view.zoom]) +
			' of zoom' : '']) {
			const td = document.createElement('td');

			td.textContent = s;
			tr.append(td);
		}
		return tr;
	};
	const name = document.createElement('b'), where = document.createElement('small');
	const figures = document.createElement('table'), f = P.frame[i];

	name.textContent = i ? nameOf(i) : 'all';
	where.textContent = !i ? '' : kindOf(f) === LABEL ? 'label' : [moduleOf(i),
		P.flags[f] & 255 ? KINDS[kindOf(f)] : '', P.flags[f] & 256 ? 'inlined' : '',
		P.flags[f] & 512 ? 'no symbol' : ''].filter(Boolean).join(' \u00b7 ');
	figures.append(line('total', P.total[i]), line('self', P.self[i]));
	tip.replaceChildren(name, where, figures);
	tip.hidden = false;
	const w = tip.offsetWidth, h = tip.offsetHeight;
	tip.style.left = Math.max(4, Math.min(px + 14, width - w - 6)) + 'px';
	tip.style.top = (py + 18 + h > height ? Math.max(4, py - h - 12) : py + 18) + 'px';
}

function showPath(i)
{
	const names = [];

	for (let v = i; v > 0; v = P.parent[v])
		names.unshift(shortName(nameOf(v)));
	byId('path').textContent = names.join(' \u203a ') || 'all: ' + amount(P.all === 1 ? P.total[0] : P.all) +
		(P.unit === 'count' ? ' ' + P.value : '');
}

function frameAt(px, py)
{
	const level = Math.floor(view.icicle ? (py + view.scroll) / ROW : (height - py + view.scroll) / ROW);
	const v = (view.from + px / width * (view.to - view.from)) * P.all;

	for (let i = 0; i < P.n;) {
		if (v < P.start[i] || v >= P.start[i] + P.total[i])
			i = P.end[i];
		else if (P.level[i] === level)
			return x(P.start[i] + P.total[i]) - x(P.start[i]) >= CULL ? i : -1;
		else
			i++;
	}
	return -1;
}

function focusOn(i, show)
{
	view.focus = i;
	if (show) {
		const w = x(P.start[i] + P.total[i]) - x(P.start[i]);

		if (w < 4 || x(P.start[i]) > width || x(P.start[i]) + w < 0) {
			let up = i;             // zoom in until the frame can be seen

			while (up && P.total[P.parent[up]] * 60 < P.total[i] * width)
				up = P.parent[up];
			zoomTo(up, true);
		}
		const y = rowTop(P.level[i]);
		if (y < 0 || y > height - ROW)
			view.scroll = Math.max(0, (P.level[i] + 1) * ROW - height / 2);
	}
	byId('said').textContent = `${nameOf(i) || 'all'}, total ${percent(P.total[i], P.all)}, self ` +
		percent(P.self[i], P.all);
	showPath(i);
	draw();
	drawNow();
	showTip(i, Math.max(x(P.start[i]), 0), rowTop(P.level[i]) + ROW);
}

// ---- input ----

const keep = () => ({ z: view.zoom || '', q: view.query, o: view.icicle ? 'icicle' : '',
	c: view.colour === P.colour ? '' : view.colour, t: view.table ? 1 : '' });

function remember()
{
	const s = new URLSearchParams(Object.entries(keep()).filter((e) => e[1] !== ''));

	history.replaceState(null, '', '#' + s);
}

function restore()
{
	const s = new URLSearchParams(location.hash.slice(1)), z = Number(s.get('z'));

	view.icicle = s.get('o') === 'icicle';
	if (['module', 'kind', 'name'].includes(s.get('c')))
		view.colour = s.get('c');
	byId('flip').setAttribute('aria-pressed', String(view.icicle));
	byId('colour').value = view.colour;
	byId('query').value = s.get('q') || '';
	return { zoom: Number.isInteger(z) && z > 0 && z < P.n ? z : 0, query: s.get('q') || '', table: !!s.get('t') };
}

function flip()
{
	view.icicle = !view.icicle;
	view.scroll = 0;
	byId('flip').setAttribute('aria-pressed', String(view.icicle));
	remember();
	draw();
}

function recolour(by)
{
	view.colour = by;
	view.group = -1;
	byId('colour').value = by;
	chooseColours();
	remember();
	resize();
}

function showTable(on)
{
	view.table = on;
	byId('table').hidden = !on;
	byId('graph').hidden = on;
	byId('list').setAttribute('aria-pressed', String(on));
	remember();
	if (!on)
		resize();
}

function escape()
{
	if (view.focus >= 0 || view.query || view.group >= 0) {
		view.focus = view.group = -1;
		byId('query').value = '';
		tip.hidden = true;
		showLegend();
		search('');
	} else {
		zoomTo(0);
	}
}

function widestChild(i)
{
	let best = -1;

	for (let v = i + 1; v < P.end[i]; v = P.end[v])
		if (best < 0 || P.total[v] > P.total[best])
			best = v;
	return best;
}

// The next sibling on a side that can be seen.
function sibling(i, right)
{
	const seen = (v) => x(P.start[v] + P.total[v]) - x(P.start[v]) >= 1;
	let last = -1;

	if (!i)
		return -1;
	for (let v = P.parent[i] + 1; v < P.end[P.parent[i]]; v = P.end[v]) {
		if (right && v > i && seen(v))
			return v;
		if (!right && v < i && seen(v))
			last = v;
	}
	return last;
}

function move(key)
{
	const i = view.focus >= 0 ? view.focus : view.zoom, toLeaf = view.icicle ? 'ArrowDown' : 'ArrowUp';
	let to = -1;

	if (view.focus < 0)
		to = i;
	else if (key === toLeaf)
		to = widestChild(i);
	else if (key === 'ArrowDown' || key === 'ArrowUp')
		to = i ? P.parent[i] : -1;
	else
		to = sibling(i, key === 'ArrowRight');
	if (to >= 0)
		focusOn(to, true);
}

function onKey(e)
{
	const typing = e.target === byId('query');

	if ((e.key === 'f' && (e.ctrlKey || e.metaKey)) || (e.key === '/' && !typing)) {
		if (e.target === byId('query') && e.ctrlKey)
			return;                 // a second time: the browser's own search
		byId('query').focus();
		byId('query').select();
	} else if (e.key === 'Escape' && !byId('help').open) {
		escape();
		canvas.focus();
	} else if (typing && e.key === 'Enter') {
		canvas.focus();
		nextMatch(1);
	} else if (typing || e.ctrlKey || e.metaKey || e.altKey || e.target === byId('colour')) {
		return;
	} else if (e.key.startsWith('Arrow') && !view.table) {
		move(e.key);
	} else if (e.key === 'Enter' && e.target === canvas && view.focus >= 0) {
		zoomTo(view.focus);
	} else if (e.key === 'n' || e.key === 'N') {
		nextMatch(e.key === 'n' ? 1 : -1);
	} else if (e.key === '0') {
		zoomTo(0);
	} else if (e.key === 'i') {
		flip();
	} else if (e.key === 't') {
		showTable(!view.table);
	} else if (e.key === 'c') {
		recolour({ module: 'kind', kind: 'name', name: 'module' }[view.colour]);
	} else if (e.key === '?') {
		byId('help').showModal();
	} else {
		return;
	}
	e.preventDefault();
}

function listen()
{
	addEventListener('resize', resize);
	addEventListener('keydown', onKey);
	addEventListener('hashchange', () => start());
	dark.addEventListener('change', () => recolour(view.colour));
	canvas.addEventListener('pointermove', (e) => {
		const i = frameAt(e.offsetX, e.offsetY);

		if (i !== view.hover) {
			view.hover = i;
			canvas.style.cursor = i >= 0 ? 'pointer' : '';
			showPath(i >= 0 ? i : view.zoom);
			draw();
		}
		if (i >= 0)
			showTip(i, e.offsetX, e.offsetY);
		else
			tip.hidden = true;
	});
	canvas.addEventListener('pointerleave', () => {
		view.hover = -1;
		tip.hidden = true;
		showPath(view.zoom);
		draw();
	});
	canvas.addEventListener('click', (e) => {
		const i = frameAt(e.offsetX, e.offsetY);

		view.focus = -1;
		if (i >= 0)
			zoomTo(i);
	});
	canvas.addEventListener('wheel', (e) => {
		view.scroll += view.icicle ? e.deltaY : -e.deltaY;
		tip.hidden = true;
		draw();
		e.preventDefault();
	}, { passive: false });
	byId('query').addEventListener('input', (e) => search(e.target.value));
	byId('reset').onclick = () => zoomTo(0);
	byId('flip').onclick = flip;
	byId('list').onclick = () => showTable(!view.table);
	byId('keys').onclick = () => byId('help').showModal();
	byId('colour').onchange = (e) => recolour(e.target.value);
}

// Text without modules is coloured by function unless the address says otherwise.
function colourOfChoice()
{
	let known = 0, all = 0;

	for (let i = 1; i < P.n; i++)
		if (kindOf(P.frame[i]) !== LABEL) {
			all += P.self[i];
			known += groupOf(P.frame[i]) ? P.self[i] : 0;
		}
	return known * 2 >= all ? 'module' : 'name';
}

function start()
{
	view.colour = P.colour;
	const s = restore();

	chooseColours();
	resize();
	zoomTo(s.zoom, true);
	search(s.query);
	showTable(s.table);
	drawNow();
}

async function main()
{
	const root = document.documentElement.dataset;

	try {
		P = parse(await unpack(byId('data').textContent));
		P.colour = colourOfChoice();
		listen();
		start();
		root.frames = String(P.n - 1);
		root.total = String(P.total[0]);
		root.ready = '1';
	} catch (e) {
		root.error = String(e);
		byId('path').textContent = 'This page cannot be shown: ' + e;
		showTable(true);
		throw e;
	}
}

main();
