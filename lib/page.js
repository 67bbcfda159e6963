"use strict";
// The page says it all without this: it adds what a hand on it can ask for.
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const { report, links } = JSON.parse($("#data").textContent);
const processes = [...report.nodes, ...(report.relays || [])];
const samples = report.timeline ? report.timeline.samples : [];
const graph = $("#graph"), picture = $("svg", graph);
const known = value => value !== null && value !== undefined;

// ---- figures as people read them

function size(bytes) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
	let unit = 0;
	for (; bytes >= 1023.95 && unit < units.length - 1; unit++)
		bytes /= 1024;
	return (unit ? +bytes.toFixed(1) : bytes) + " " + units[unit];
}

function time(s) {
	if (s <= 0) return "0 s";
	if (s < 0.00995) return (s * 1e3).toFixed(1) + " ms";
	if (s < 0.995) return (s * 1e3).toFixed(0) + " ms";
	if (s < 99.5) return s.toFixed(s < 9.95 ? 2 : 1) + " s";
	if (s < 7200) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
	return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}

function share(part, whole) {
	return time(part) + (whole > 0 ? ` (${Math.round(100 * Math.min(part / whole, 1))} %)` : "");
}

function rate(bytes, seconds) {
	return seconds > 0 ? size(bytes / seconds) + "/s" : "?";
}

// ---- details of one node or edge, by the id of its element

let moment = -1; // sample that is shown; -1: the whole run
let pinned = null, pointed = null; // ids: what was clicked, what is under the pointer

function element(tag, text, parent) {
	const made = document.createElement(tag);
	if (known(text))
		made.textContent = text;
	if (parent)
		parent.append(made);
	return made;
}

function processFacts(index) {
	const p = processes[index], facts = [];
	const add = (name, value, text) => known(value) && facts.push([name, text ? text(value) : value]);
	add("outcome", p.outcome);
	if (p.pid) {
		add("status", p.status);
		add("signal", p.signal);
		add("pid", p.pid);
		add("started at", p.start_s, time);
		add("took", p.wall_s, time);
		add("running", p.running_s, s => share(s, p.wall_s));
		add("waited for input", p.waiting_input_s, s => share(s, p.wall_s));
		add("waited for output", p.waiting_output_s, s => share(s, p.wall_s));
		if (known(p.user_s) && known(p.system_s))
			facts.push(["CPU, user + system", time(p.user_s) + " + " + time(p.system_s)]);
		add("memory at most", p.peak_memory_bytes, size);
	}
	add("file", p.file);
	add("line", p.line);
	const now = moment >= 0 && samples[moment].nodes[index];
	if (now) {
		const edge = known(now.edge) ? report.edges[now.edge] : null;
		const whom = !edge ? "" : now.state === "writing" ? " to " + edge.to : " from " + edge.from;
		facts.push(["at this moment", now.state + whom]);
		if (known(now.cpu)) facts.push(["CPU now", Math.round(now.cpu * 100) + " %"]);
		if (known(now.memory_bytes)) facts.push(["memory now", size(now.memory_bytes)]);
	}
	return { title: p.name, facts, text: p.command };
}

function edgeFacts(index) {
	const e = report.edges[index], [writer, reader] = links[index], facts = [];
	const add = (name, value, text) => known(value) && facts.push([name, text ? text(value) : value]);
	add("bytes", e.bytes, bytes => `${size(bytes)} (${bytes.toLocaleString("en")})`);
	if (known(e.bytes)) facts.push(["rate over the run", rate(e.bytes, report.wall_s)]);
	add("writer waited", e.writer_waited_s, s => share(s, writer === null ? 0 : processes[writer].wall_s));
	add("reader waited", e.reader_waited_s, s => share(s, reader === null ? 0 : processes[reader].wall_s));
	add("pipe holds", e.capacity_bytes, size);
	add("held back at most", e.spilled_most_bytes, size);
	add("whole", e.whole, whole => whole ? "yes" : "no");
	add("line", e.line || null);
	const now = moment >= 0 && samples[moment].edges[index];
	if (now) {
		const flow = flowed(index, moment);
		if (known(flow)) facts.push(["rate now", size(flow) + "/s"]);
		add("waits in the pipe", now.waiting_bytes, size);
	}
	return { title: `${e.from}:${e.out} \u2192 ${e.to}:${e.in}`, facts };
}

function factsOf(id) {
	const index = +id.slice(1);
	if (id[0] === "p") return processFacts(index);
	if (id[0] === "e") return edgeFacts(index);
	const title = $("title", document.getElementById(id));
	return { title: title ? title.textContent : id, facts: [] };
}

function tell() {
	const box = $("#details"), chosen = pinned || pointed;
	$$(".chosen").forEach(e => e.classList.remove("chosen"));
	box.hidden = !chosen;
	if (!chosen) return;
	$$(`[id="${chosen}"], [data-id="${chosen}"]`).forEach(e => e.classList.add("chosen"));
	const { title, facts, text } = factsOf(chosen);
	box.replaceChildren();
	element("h3", title, box);
	const list = element("dl", null, box);
	for (const [name, value] of facts) {
		element("dt", name, list);
		element("dd", value, list);
	}
	if (text) element("pre", text.trim(), box);
	if (!pinned) return;
	const close = element("button", "\u00d7", box);
	close.className = "close";
	close.setAttribute("aria-label", "Close");
	close.onclick = () => pin(null);
}

function point(id) {
	pointed = id;
	tell();
}

function pin(id) {
	pinned = pinned === id ? null : id;
	tell();
}

function listen(target, id) {
	target.addEventListener("pointerenter", () => point(id));
	target.addEventListener("pointerleave", () => point(null));
	target.addEventListener("click", event => {
		if (!event.target.closest("summary, details, button")) pin(id);
	});
}

function makeTouchable() {
	for (const part of $$(".process, .edge, .object", picture)) {
		listen(part, part.id);
		part.setAttribute("tabindex", "0");
		part.setAttribute("role", "button");
		const title = $("title", part);
		if (title)
			part.setAttribute("aria-label", title.textContent);
		if (title && !part.classList.contains("object"))
			title.remove(); // the box says more
		part.addEventListener("focus", () => point(part.id));
		part.addEventListener("blur", () => point(null));
		part.addEventListener("keydown", event => {
			if (event.key !== "Enter" && event.key !== " ") return;
			event.preventDefault();
			pin(part.id);
		});
	}
	$$("[data-id]").forEach(part => listen(part, part.dataset.id));
	addEventListener("keydown", event => {
		if (event.key !== "Escape") return;
		pointed = null;
		pin(null);
	});
}

// ---- the run again, sample by sample

function flowed(edge, sample) {
	const now = samples[sample], before = samples[sample - 1];
	const bytes = now.edges[edge].bytes, was = before ? before.edges[edge].bytes : 0;
	const span = now.t_s - (before ? before.t_s : 0);
	return known(bytes) && known(was) && span > 0 ? Math.max(bytes - was, 0) / span : null;
}

let fastest = 1; // bytes a second over one edge
const length = () => Math.max(report.wall_s || 0, samples[samples.length - 1].t_s);

function showEdge(index, sample) {
	const part = document.getElementById("e" + index), [writer, reader] = links[index];
	if (!part) return;
	const paths = $$("path", part), arrow = $("polygon", part);
	const waits = (who, state) => {
		const node = who !== null && who < report.nodes.length && sample >= 0 ? samples[sample].nodes[who] : null;
		return !!node && node.state === state && node.edge === index;
	};
	const full = waits(writer, "writing"), empty = waits(reader, "reading");
	const flow = sample >= 0 ? flowed(index, sample) : null;
	paths.forEach((path, i) => {
		path.classList.toggle("full", full && i === 0);
		path.classList.toggle("empty", empty && i > 0);
		path.style.strokeWidth = sample < 0 ? "" : 0.8 + 7.2 * Math.cbrt((flow || 0) / fastest);
	});
	if (arrow) arrow.classList.toggle("empty", empty);
}

function show(sample) {
	moment = sample;
	graph.classList.toggle("moment", sample >= 0);
	$$(".process", picture).forEach(part => {
		const node = sample >= 0 ? samples[sample].nodes[+part.id.slice(1)] : null;
		if (node) part.dataset.state = node.state;
		else delete part.dataset.state;
	});
	report.edges.forEach((edge, index) => showEdge(index, sample));
	const cursor = $("#cursor");
	cursor.hidden = sample < 0;
	$("#moment").textContent = sample < 0 ? "whole run" :
		`${time(samples[sample].t_s)} of ${time(length())}`;
	if (sample >= 0) {
		const bar = $("#rows svg").getBoundingClientRect(), box = $("#rows").getBoundingClientRect();
		cursor.style.left = bar.left - box.left + bar.width * Math.min(samples[sample].t_s / length(), 1) + "px";
	}
	tell();
}

function makePlayer() {
	const scrub = $("#scrub"), play = $("#play");
	let timer = null;
	const at = () => { // the first sample not before the slider
		const wanted = +scrub.value / 1000 * length();
		const index = samples.findIndex(sample => sample.t_s >= wanted);
		return index < 0 ? samples.length - 1 : index;
	};
	const set = index => {
		scrub.value = Math.round(1000 * samples[index].t_s / length());
		show(index);
	};
	const stop = () => {
		clearInterval(timer);
		timer = null;
		play.textContent = "Play";
		play.setAttribute("aria-pressed", "false");
	};
	report.edges.forEach((edge, e) => samples.forEach((sample, i) => {
		fastest = Math.max(fastest, flowed(e, i) || 0);
	}));
	$("#player").hidden = false;
	scrub.max = 1000;
	scrub.addEventListener("input", () => { stop(); show(at()); });
	scrub.addEventListener("keydown", event => { // a step is a sample
		const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
		if (!step) return;
		event.preventDefault();
		stop();
		set(Math.min(Math.max(moment + step, 0), samples.length - 1));
	});
	$("#whole").addEventListener("click", () => { stop(); scrub.value = 0; show(-1); });
	play.addEventListener("click", () => {
		if (timer) return stop();
		play.textContent = "Pause";
		play.setAttribute("aria-pressed", "true");
		// at most eight seconds, at least eight pictures a second
		const stride = Math.max(1, Math.ceil(samples.length / 64));
		let index = moment >= 0 && moment < samples.length - 1 ? moment : 0;
		set(index);
		timer = setInterval(() => {
			index += stride;
			if (index >= samples.length) {
				set(samples.length - 1);
				return stop();
			}
			set(index);
		}, Math.min(125, 1000 * (report.timeline.interval_s || 0.1)));
	});
	addEventListener("resize", () => moment >= 0 && show(moment));
}

// ---- the size of the picture, the order of the tables

function makeZoom() {
	const natural = picture.viewBox.baseVal.width * 4 / 3;
	let factor = 0; // 0: as wide as the page allows
	$("#zoom").hidden = false;
	$("#zoom").addEventListener("click", event => {
		const way = event.target.dataset.zoom;
		if (!way) return;
		const now = factor || picture.getBoundingClientRect().width / natural;
		factor = way === "fit" ? 0 : Math.min(Math.max(now * (way === "in" ? 1.25 : 0.8), 0.05), 8);
		graph.classList.toggle("zoomed", factor > 0);
		picture.style.width = factor ? natural * factor + "px" : "";
	});
}

function makeSortable(table) {
	$$("thead th", table).forEach((head, column) => {
		const button = element("button", head.textContent);
		button.type = "button";
		head.replaceChildren(button);
		button.addEventListener("click", () => {
			const up = head.getAttribute("aria-sort") !== "ascending";
			const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
			const body = table.tBodies[0];
			$$("thead th", table).forEach(h => h.removeAttribute("aria-sort"));
			head.setAttribute("aria-sort", up ? "ascending" : "descending");
			const order = (a, b) => a === "" || b === "" || isNaN(a - b) ? a.localeCompare(b, "en") : a - b;
			body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(key(a), key(b))));
		});
	});
}

makeTouchable();
makeZoom();
$$("table").forEach(makeSortable);
if (samples.length) makePlayer();
document.body.classList.add("ready");
document.body.dataset.ready = processes.length + " " + report.edges.length + " " + samples.length;
