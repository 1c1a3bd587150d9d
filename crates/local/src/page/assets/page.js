// The page of the local Lambda. It shows what the feed /_lambda/events says, and keeps nothing else.
"use strict";

const $ = (id) => document.getElementById(id);
const RUNNING = ["waiting", "working", "responding"];
const DOORS = {
  "function-url": "Function URL",
  "api-gateway": "API Gateway",
  "invoke": "Plain invoke",
  "invoke-api": "Invoke API",
  "streaming-invoke-api": "InvokeWithResponseStream",
};
const STATES = {
  waiting: "waiting for a program",
  working: "the function works",
  responding: "responding",
  complete: "complete",
  failed: "failed",
  left: "the client left",
  stalled: "the client did not read on while others waited",
};

const state = {
  server: null,
  invocations: new Map(),
  kept: [],
  limits: null,
  // Whether the next update of an invocation has everything.
  fresh: true,
  // The number that is shown in full, and all that is known of it.
  selected: null,
  detail: null,
  view: null,
  source: null,
  cursor: null,
};

/* ---- words and numbers ---- */

function duration(ms) {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  while (value >= 999.5 && units.length > 1) { value /= 1000; units.shift(); }
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const clock = (epoch) => new Date(epoch).toLocaleTimeString([], { hourCycle: "h23" });
const isRunning = (it) => RUNNING.includes(it.state);
const elapsed = (it) => it.durationMs + (isRunning(it) ? performance.now() - it.seen : 0);

function node(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/* ---- the feed ---- */

// One connection for the whole page: a browser opens six to a host, and the app may need them.
function connect() {
  state.source?.close();
  state.source = null;
  if (document.hidden) return;
  const key = state.selected === null ? "" : `?invocation=${state.selected}`;
  const source = new EventSource(`events${key}`);
  state.source = source;
  source.onopen = () => {
    // The first update of a connection has everything.
    state.fresh = true;
    link("live", "live");
  };
  source.onerror = () => link("lost", "not connected, trying again");
  source.addEventListener("overview", (event) => overview(JSON.parse(event.data)));
  source.addEventListener("invocation", (event) => invocation(JSON.parse(event.data)));
}

function link(name, text) {
  $("link").dataset.state = name;
  $("link").textContent = text;
}

function overview(update) {
  if (state.server !== update.serverStarted) {
    const isRestart = state.server !== null;
    state.server = update.serverStarted;
    state.invocations.clear();
    if (isRestart) { state.selected = null; state.detail = null; }
  }
  state.limits = update.limits;
  state.kept = update.kept;
  for (const summary of update.invocations) {
    summary.seen = performance.now();
    state.invocations.set(summary.number, summary);
  }
  const kept = new Set(update.kept);
  for (const number of state.invocations.keys()) {
    if (!kept.has(number)) state.invocations.delete(number);
  }
  if (!state.detail && !kept.has(state.selected)) state.selected = null;
  showList();
  if ($("follow").checked || state.selected === null) followNewest();
  if (state.selected === null) showEmpty();
}

let following = 0;
// Not for each of a thousand invocations per second.
function followNewest() {
  clearTimeout(following);
  following = setTimeout(() => {
    const newest = state.kept[0];
    if (newest !== undefined && newest !== state.selected) select(newest);
  }, state.detail === null ? 0 : 120);
}

function select(number) {
  state.selected = number;
  state.detail = null;
  state.cursor = null;
  $("event-card").open = false;
  history.replaceState(null, "", `#${number}`);
  connect();
  showList();
}

function invocation(update) {
  if (update.number !== state.selected) return;
  const known = state.fresh ? null : state.detail;
  state.fresh = false;
  const { payload, timeline, log } = update;
  update.seen = performance.now();
  update.isNew = !known;
  update.content = joined(known?.content, payload.from, Uint8Array.from(atob(payload.base64), (char) => char.charCodeAt(0)));
  update.marks = [...(known?.marks.slice(0, timeline.from) ?? []), ...timeline.marks];
  // Lines at the beginning may have been dropped meanwhile.
  const kept = known?.lines.slice(log.dropped - known.log.dropped, log.from - known.log.dropped) ?? [];
  update.lines = [...kept, ...log.lines];
  state.detail = update;
  showDetail();
}

/// Returns the first bytes of what is known, and what follows them.
function joined(known, from, bytes) {
  const all = new Uint8Array(from + bytes.length);
  if (known) all.set(known.subarray(0, from));
  all.set(bytes, from);
  return all;
}

/* ---- the list ---- */

const rows = new Map();

function showList() {
  const list = $("list");
  for (const [number, row] of rows) {
    if (!state.invocations.has(number)) { row.remove(); rows.delete(number); }
  }
  state.kept.forEach((number, at) => {
    const summary = state.invocations.get(number);
    if (!summary) return;
    let row = rows.get(number);
    if (!row) {
      row = node("li", "", node("a", "", node("span", "pill"), node("span", "what mono"), node("span", "when"), node("span", "how")));
      row.firstChild.href = `#${number}`;
      rows.set(number, row);
    }
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
    fillRow(row, summary);
  });
  $("count").textContent = state.kept.length ? state.kept.length : "";
}

function fillRow(row, it) {
  const [pill, what, when, how] = row.firstChild.children;
  row.className = it.state;
  row.firstChild.setAttribute("aria-current", String(it.number === state.selected));
  pill.textContent = it.status ?? (it.state === "waiting" || it.state === "working" ? "···" : "–");
  what.textContent = it.request;
  what.title = it.request;
  when.textContent = clock(it.started);
  const counted = it.chunks ? `${count(it.chunks, "chunk")}, ${size(it.bytes)}, ` : "";
  how.textContent = it.error ? it.error.type
    : it.state === "left" || it.state === "stalled" ? `${counted}client left`
    : isRunning(it) && !it.chunks ? `${it.state} · ${duration(elapsed(it))}`
    : `${counted}${duration(elapsed(it))}`;
}

function showEmpty() {
  $("detail").hidden = true;
  $("empty").hidden = false;
  const base = location.origin;
  $("commands").textContent = `curl -N ${base}/\ncurl -N --data '{"name":"Ada"}' ${base}/invoke`;
  if (state.limits?.invocations === 0) $("empty-title").textContent = "Nothing is kept: recording is turned off";
}

/* ---- one invocation ---- */

function showDetail() {
  const it = state.detail;
  $("empty").hidden = true;
  $("detail").hidden = false;
  if (it.isNew) { $("main").scrollTop = 0; chooseView(it); }
  const pill = $("status");
  pill.className = `pill ${it.state}`;
  pill.textContent = it.head?.status ?? it.status ?? (isRunning(it) ? "···" : "–");
  pill.title = it.head?.reason ?? "";
  $("request").textContent = it.request;
  $("state").textContent = STATES[it.state];
  $("door").textContent = DOORS[it.door];
  $("started").textContent = `began ${clock(it.started)}`;
  $("id").textContent = it.requestId;
  $("repeats").textContent = it.repeats ? ` · again #${it.repeats}` : "";
  document.title = `${it.request} · Local Lambda`;
  const isWhole = it.event.kept === it.event.bytes;
  $("resend").disabled = $("edit").disabled = !isWhole;
  $("resend").title = isWhole ? "" : `Only ${size(it.event.kept)} of the event's ${size(it.event.bytes)} are kept`;
  showFailure(it);
  showFacts(it);
  showChart();
  showPhases(it);
  showPayload(it);
  showPayloadNote(it);
  showHead(it);
  showLog(it);
  $("event-note").textContent = isWhole ? size(it.event.bytes) : `the first ${size(it.event.kept)} of ${size(it.event.bytes)}`;
}

function showFailure(it) {
  const isLeft = it.state === "left" || it.state === "stalled";
  const box = $("failure");
  box.hidden = !it.error && !isLeft;
  box.classList.toggle("left", isLeft);
  if (box.hidden) return;
  const after = it.chunks ? `after ${count(it.chunks, "chunk")}` : "before the first chunk";
  $("failure-type").textContent = it.error ? it.error.type : "The client left";
  const why = it.state === "stalled" ? "It did not read on while others waited" : "It closed its connection";
  $("failure-message").textContent = it.error ? it.error.message : `${why}, ${after}.`;
  $("failure-more").hidden = !it.errorDocument;
  const how = it.trailers.length ? "in the trailers of the response" : "reported instead of a response";
  $("failure-how").textContent = it.head || it.trailers.length ? `${it.trailers.length ? how : "the response broke off"}, ${after}` : how;
  if (it.errorDocument) $("failure-document").textContent = pretty(it.errorDocument);
}

function pretty(json) {
  try { return JSON.stringify(JSON.parse(json), null, 2); } catch { return json; }
}

function showFacts(it) {
  const total = elapsed(it);
  const first = it.firstByteMs;
  const streamed = total - (first ?? total);
  const rate = it.chunks > 1 && streamed > 0 ? it.bytes / (streamed / 1000) : null;
  const gap = it.timeline.longestGap;
  const facts = [
    ["First byte", first === null ? "–" : duration(first)],
    ["Duration", duration(total)],
    ["Chunks", String(it.chunks)],
    ["Received", size(it.bytes)],
    ["Throughput", rate === null ? "–" : `${size(rate)}/s`],
    ["Longest gap", gap ? duration(gap.lengthMs) : "–"],
  ];
  $("facts").replaceChildren(...facts.map(([name, text]) => {
    const [, number, unit] = /^([\d.]+) (.*)$/.exec(text) ?? [null, text, ""];
    const value = unit ? node("dd", "", number, " ", node("small", "", unit)) : node("dd", "", text);
    return node("div", "", node("dt", "", name), value);
  }));
}

function showPhases(it) {
  const end = elapsed(it);
  const taken = it.takenMs ?? end;
  const begun = Math.max(taken, it.head?.atMs ?? it.firstByteMs ?? end);
  const parts = [["waiting", "waiting", taken], ["working", "working", begun - taken], ["responding", "responding", end - begun]];
  $("phases").replaceChildren(...parts.filter(([, , ms]) => ms > 0.0005).map(([name, text, ms]) => {
    // No room for its name.
    const part = node("div", name, ms > end / 8 ? `${text} ${duration(ms)}` : "\u00a0");
    part.title = `${text} ${duration(ms)}`;
    part.style.flex = `${ms} 1 0`;
    return part;
  }));
}

function showHead(it) {
  const parts = [];
  const add = (name, value) => parts.push(node("div", "row", node("span", "", name), node("span", "", value)));
  if (it.head) {
    add("status", `${it.head.status} ${it.head.reason ?? ""}`);
    it.head.headers.forEach(([name, value]) => add(name, value));
  } else {
    const text = it.error ? "The invocation failed before its head." : isRunning(it) ? "Not there yet." : "The payload has no head of its own.";
    parts.push(node("p", "quiet", text));
  }
  if (it.trailers.length) {
    parts.push(node("p", "part", "Trailers"));
    it.trailers.forEach(([name, value]) => add(name, decoded(name, value)));
  }
  $("head").replaceChildren(...parts);
}

/// The error document is base64 on the wire.
function decoded(name, value) {
  if (!name.endsWith("-error-body")) return value;
  try { return new TextDecoder().decode(Uint8Array.from(atob(value), (char) => char.charCodeAt(0))); } catch { return value; }
}

function showLog(it) {
  $("log-note").textContent = it.log.dropped ? `${count(it.log.dropped, "earlier line")} not kept` : "";
  const rows = it.lines.map(([at, text]) => node("div", "row", node("span", "", duration(at)), node("span", "", text)));
  const why = it.log.captured === null ? "No program has taken the invocation yet."
    : it.log.captured ? "The program has written nothing."
    : "This program was started elsewhere and writes to its own terminal. With `lambda-stream local -- PROGRAM` its lines are shown here.";
  replaceFollowing($("log"), rows.length ? rows : [node("p", "quiet", why)]);
}

/// Replaces what a box shows, and stays at its end if it was there.
function replaceFollowing(box, children) {
  delete box.dataset.rows;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  box.replaceChildren(...children);
  if (atEnd) box.scrollTop = box.scrollHeight;
}

/* ---- the payload ---- */

// The view that fits the content type; another one that was chosen stays.
function chooseView(it) {
  if (state.view?.number === it.number && state.view.chosen) return;
  const type = it.head?.headers.find(([name]) => name === "content-type")?.[1] ?? "";
  const name = /event-stream/.test(type) ? "events" : /ndjson|jsonl|json-seq|json-lines/.test(type) ? "lines" : "text";
  state.view = { number: it.number, name, chosen: false, forHead: it.head !== null };
  document.querySelector(`[name=view][value=${name}]`).checked = true;
}

function showPayloadNote(it) {
  const { bytes, kept } = it.payload;
  $("payload-note").textContent = kept < bytes ? `the first ${size(kept)} of ${size(bytes)} are kept` : size(bytes);
}

function showPayload(it) {
  if (!state.view.forHead && it.head) chooseView(it);
  const box = $("payload");
  const shown = `${it.number} ${state.view.name} ${it.content.length} ${isRunning(it)}`;
  if (box.dataset.shown === shown) return;
  box.dataset.shown = shown;
  if (!it.content.length) {
    replaceFollowing(box, [node("p", "quiet", isRunning(it) ? "Nothing has come yet." : "There is no payload.")]);
    return;
  }
  const text = new TextDecoder().decode(it.content, { stream: isRunning(it) });
  if (state.view.name === "lines") showRows(box, it, parts(text, it, /\r?\n/g), lineRow);
  else if (state.view.name === "events") showRows(box, it, parts(text, it, /\r\n\r\n|\n\n|\r\r/g), eventRow);
  else replaceFollowing(box, [node("pre", "", isBinary(text) ? hex(it.content) : text)]);
}

/// Adds the rows that are new; the last one may have grown.
function showRows(box, it, all, row) {
  const key = `${it.number} ${state.view.name}`;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  if (box.dataset.rows !== key) box.replaceChildren();
  box.dataset.rows = key;
  box.lastElementChild?.remove();
  box.append(...all.slice(box.childElementCount).map(row));
  if (atEnd) box.scrollTop = box.scrollHeight;
}

const isBinary = (text) => /[\0-\x08\x0e-\x1a]/.test(text) || text.split("\ufffd").length > 1 + text.length / 64;

function hex(bytes) {
  const out = [];
  for (let at = 0; at < Math.min(bytes.length, 4096); at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const chars = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    out.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${chars}`);
  }
  return out.join("\n") + (bytes.length > 4096 ? "\n…" : "");
}

/// Splits text, and finds out when the last byte of each part came.
function parts(text, it, separator) {
  const encoder = new TextEncoder();
  const arrived = arrivals(it);
  const all = [];
  let begin = 0, offset = 0;
  const push = (end, next) => {
    offset += encoder.encode(text.slice(begin, next)).length;
    if (text.slice(begin, end).trim()) all.push({ text: text.slice(begin, end), at: arrived(offset) });
    begin = next;
  };
  for (const found of text.matchAll(separator)) push(found.index, found.index + found[0].length);
  if (begin < text.length) push(text.length, text.length);
  return all;
}

/// Returns a function from a growing offset in the payload to the time at which its byte came.
function arrivals(it) {
  // The prelude is part of what an SDK receives.
  let passed = it.payload.bytes - it.bytes, mark = -1;
  return (offset) => {
    while (mark + 1 < it.marks.length && passed < offset) passed += it.marks[++mark][1];
    return it.marks[Math.max(mark, 0)]?.[0] ?? 0;
  };
}

function lineRow({ text, at }) {
  const row = node("div", "row", node("span", "", duration(at)), node("span", ""));
  try { row.lastChild.append(...colored(JSON.stringify(JSON.parse(text), null, 1).replace(/\n */g, " "))); }
  catch { row.lastChild.append(text); }
  return row;
}

function colored(json) {
  return json.split(/("(?:\\.|[^"\\])*"(?: *:)?)/).map((part) =>
    part.endsWith(":") ? node("span", "key", part) : part.startsWith('"') ? node("span", "string", part) : part);
}

function eventRow({ text, at }) {
  const fields = text.split(/\r\n|\n|\r/).map((line) => /^([^:]*):? ?(.*)$/s.exec(line).slice(1));
  const of = (wanted) => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const [name, id, data] = [of("event").at(-1), of("id").at(-1), of("data").join("\n")];
  const tags = [id === undefined ? "" : `#${id}`, name ?? ""].filter(Boolean).map((tag) => node("span", "tag", tag));
  const comment = !data && !tags.length ? node("span", "quiet", text) : data;
  return node("div", "row", node("span", "", duration(at)), node("span", "", ...tags, comment));
}

/* ---- the timeline ---- */

const SVG = "http://www.w3.org/2000/svg";
function shape(tag, className, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  if (className) made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/// A round step that gives about this many ticks.
function step(span, ticks, bases = [1, 2, 2.5, 5, 10]) {
  const raw = span / ticks, power = 10 ** Math.floor(Math.log10(raw));
  return power * bases.find((base) => base * power >= raw);
}

function scales(it) {
  const chart = $("chart");
  const width = chart.clientWidth || 800, height = chart.clientHeight || 190;
  const box = { left: 62, right: width - 14, top: 8, bottom: height - 22 };
  const end = Math.max(elapsed(it), 0.01), top = Math.max(it.bytes, 1) * 1.06;
  return {
    box, end, top,
    x: (ms) => box.left + ((box.right - box.left) * ms) / end,
    y: (bytes) => box.bottom - ((box.bottom - box.top) * bytes) / top,
  };
}

function showChart() {
  const it = state.detail;
  if (!it) return;
  const scale = scales(it), { box, x, y } = scale;
  const shapes = axes(scale);
  const gap = it.timeline.longestGap;
  if (gap && gap.lengthMs > scale.end * 0.08) {
    shapes.unshift(shape("rect", "gap", { x: x(gap.atMs), y: box.top, width: x(gap.atMs + gap.lengthMs) - x(gap.atMs), height: box.bottom - box.top }));
    shapes.push(shape("text", "", { x: x(gap.atMs + gap.lengthMs / 2), y: box.top + 14, "text-anchor": "middle" }, `gap ${duration(gap.lengthMs)}`));
  }
  if (it.marks.length) shapes.push(...curve(it, scale));
  if (!isRunning(it)) shapes.push(shape("line", `end ${it.state}`, { x1: x(scale.end), x2: x(scale.end), y1: box.top, y2: box.bottom }));
  if (state.cursor !== null && it.marks.length) shapes.push(...cursor(it, scale));
  else showReadout(it);
  $("chart").replaceChildren(...shapes);
}

function axes({ box, end, top, x, y }) {
  const shapes = [];
  const bytes = step(top, 4);
  for (let value = 0; value <= (top > 2 ? top : 0); value += Math.max(bytes, 1)) {
    shapes.push(shape("line", "grid", { x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    shapes.push(shape("text", "", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" }, value ? size(value).replace(/\.0+(?= )/, "") : "0"));
  }
  const ms = step(end, Math.max(2, (box.right - box.left) / 120));
  for (let value = 0; value <= end; value += ms) {
    shapes.push(shape("text", "", { x: x(value), y: box.bottom + 17, "text-anchor": value ? "middle" : "start" }, value ? tick(value, end) : "0"));
  }
  return shapes;
}

const tick = (ms, end) => (end < 1000 ? `${+ms.toFixed(3)} ms` : `${+(ms / 1000).toFixed(2)} s`);

function curve(it, { box, end, x, y }) {
  let path = "", sum = 0;
  const dots = [];
  for (const [at, bytes] of it.marks) {
    path += `${path ? "H" : `M${x(at)} ${y(0)}H`}${x(at)}`;
    sum += bytes;
    path += `V${y(sum)}`;
    if (it.marks.length <= 160) dots.push(shape("circle", "dot", { cx: x(at), cy: y(sum), r: it.marks.length > 60 ? 2 : 3 }));
  }
  path += `H${x(end)}`;
  return [shape("path", "area", { d: `${path}V${box.bottom}H${x(it.marks[0][0])}Z` }), shape("path", "line", { d: path }), ...dots];
}

function cursor(it, { box, x, y }) {
  state.cursor = Math.min(state.cursor, it.marks.length - 1);
  const sum = it.marks.slice(0, state.cursor + 1).reduce((total, mark) => total + mark[1], 0);
  const at = it.marks[state.cursor][0];
  showReadout(it, sum);
  return [
    shape("line", "cursor", { x1: x(at), x2: x(at), y1: box.top, y2: box.bottom }),
    shape("circle", "cursor-dot", { cx: x(at), cy: y(sum), r: 4 }),
  ];
}

function showReadout(it, sum) {
  if (sum === undefined) {
    const shared = it.timeline.burstsPerMark;
    $("readout").textContent = shared > 1 ? `each mark is ${shared} bursts of chunks` : "";
    return;
  }
  const [at, bytes, chunks] = it.marks[state.cursor];
  const before = state.cursor ? `${duration(at - it.marks[state.cursor - 1][0])} later, ` : "";
  $("readout").textContent = `${duration(at)}: ${before}${count(chunks, "chunk")}, ${size(bytes)}, ${size(sum)} in all`;
}

function pointAt(event) {
  const it = state.detail;
  if (!it?.marks.length) return;
  const { x } = scales(it);
  const px = event.clientX - $("chart").getBoundingClientRect().left;
  const nearest = it.marks.reduce((best, [at], index) =>
    Math.abs(x(at) - px) < Math.abs(x(it.marks[best][0]) - px) ? index : best, 0);
  state.cursor = nearest;
  showChart();
}

/* ---- sending ---- */

let samples = null;

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errorMessage);
  if (answer.number !== undefined) { $("follow").checked = true; select(answer.number); }
}

async function resend() {
  if (!state.detail || $("resend").disabled) return;
  await post(`invocations/${state.detail.number}/resend`, "").catch((error) => link("lost", error.message));
}

async function openForm(door, text) {
  samples ??= await (await fetch("samples")).json();
  document.querySelector(`[name=door][value=${door}]`).checked = true;
  $("problem").textContent = "";
  fill(text);
  $("dialog").showModal();
  $("text").focus();
  $("text").setSelectionRange(0, 0);
  $("text").scrollTop = 0;
}

const chosenDoor = () => document.querySelector("[name=door]:checked").value;

/// Shows an event in the form, or the sample of its door.
function fill(text) {
  $("text").value = text ?? JSON.stringify(samples[chosenDoor()], null, 2);
  $("text").dataset.sample = text === undefined ? "yes" : "no";
  $("door-note").textContent = {
    "function-url": "The function gets this event of payload format 2.0, as from a Function URL.",
    "api-gateway": "The function gets this event of payload format 1.0, as from a REST API that streams.",
    "invoke": "The function gets this event as it is.",
  }[chosenDoor()];
}

async function edit() {
  if (!state.detail || $("edit").disabled) return;
  const { number, door } = state.detail;
  const text = await (await fetch(`invocations/${number}/event`)).text();
  await openForm(["function-url", "api-gateway"].includes(door) ? door : "invoke", pretty(text));
}

async function submit(event) {
  event.preventDefault();
  try {
    await post(`invocations?door=${chosenDoor()}`, $("text").value);
    $("dialog").close();
  } catch (error) {
    $("problem").textContent = error.message;
  }
}

async function showEvent() {
  if (!$("event-card").open || !state.detail) return;
  const response = await fetch(`invocations/${state.detail.number}/event`);
  $("event").textContent = pretty(await response.text());
}

/* ---- keys and clicks ---- */

function move(by) {
  const at = state.kept.indexOf(state.selected) + by;
  if (at < 0 || at >= state.kept.length) return;
  $("follow").checked = false;
  select(state.kept[at]);
  rows.get(state.selected)?.scrollIntoView({ block: "nearest" });
}

function view(name) {
  if (!state.detail) return;
  state.view = { number: state.detail.number, name, chosen: true, forHead: true };
  document.querySelector(`[name=view][value=${name}]`).checked = true;
  showPayload(state.detail);
}

const KEYS = {
  n: () => openForm("function-url"),
  r: resend,
  e: edit,
  j: () => move(1),
  k: () => move(-1),
  f: () => $("follow").click(),
  1: () => view("text"),
  2: () => view("lines"),
  3: () => view("events"),
};

function key(event) {
  if ($("dialog").open) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text]")) return;
  const action = KEYS[event.key];
  if (action) { event.preventDefault(); action(); }
}

function chartKey(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || !state.detail?.marks.length) return;
  event.preventDefault();
  state.cursor = Math.max(0, (state.cursor ?? (by > 0 ? -1 : state.detail.marks.length)) + by);
  showChart();
}

/// Times go on while nothing comes.
function tickTimes() {
  for (const it of state.invocations.values()) {
    if (isRunning(it) && rows.has(it.number)) fillRow(rows.get(it.number), it);
  }
  if (state.detail && isRunning(state.detail)) {
    showFacts(state.detail);
    showPhases(state.detail);
    showChart();
  }
}

function listen() {
  document.addEventListener("keydown", key);
  document.addEventListener("visibilitychange", connect);
  addEventListener("hashchange", () => {
    const number = Number(location.hash.slice(1));
    if (!state.invocations.has(number) || number === state.selected) return;
    $("follow").checked = false;
    select(number);
  });
  new ResizeObserver(showChart).observe($("chart"));
  $("chart").addEventListener("pointermove", pointAt);
  $("chart").addEventListener("pointerleave", () => { state.cursor = null; showChart(); });
  $("chart").addEventListener("keydown", chartKey);
  $("follow").addEventListener("change", () => $("follow").checked && followNewest());
  $("new").addEventListener("click", () => openForm("function-url"));
  $("resend").addEventListener("click", resend);
  $("edit").addEventListener("click", edit);
  $("sample").addEventListener("click", () => fill());
  $("cancel").addEventListener("click", () => $("dialog").close());
  $("form").addEventListener("submit", submit);
  $("text").addEventListener("input", () => { $("text").dataset.sample = "no"; });
  $("event-card").addEventListener("toggle", showEvent);
  document.querySelectorAll("[name=view]").forEach((it) => it.addEventListener("change", () => view(it.value)));
  document.querySelectorAll("[name=door]").forEach((it) => it.addEventListener("change", () =>
    fill($("text").dataset.sample === "yes" ? undefined : $("text").value)));
  setInterval(tickTimes, 100);
}

$("address").textContent = location.host;
const pinned = Number(location.hash.slice(1));
if (pinned) { state.selected = pinned; $("follow").checked = false; }
listen();
connect();
