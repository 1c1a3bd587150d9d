// One invocation in full.

function showDetail() {
  const it = state.detail;
  $("empty").hidden = true;
  $("detail").hidden = false;
  if (it.isNew) {
    $("main").scrollTop = 0;
    chooseView(it);
  }
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
  $("resend").title = isWhole
    ? ""
    : `Only ${size(it.event.kept)} of the event's ${size(it.event.bytes)} are kept`;
  showFailure(it);
  showFacts(it);
  showChart();
  showPhases(it);
  showPayload(it);
  showPayloadNote(it);
  showHead(it);
  showLog(it);
  $("event-note").textContent = isWhole
    ? size(it.event.bytes)
    : `the first ${size(it.event.kept)} of ${size(it.event.bytes)}`;
}

function showFailure(it) {
  const isLeft = it.state === "left" || it.state === "stalled";
  const box = $("failure");
  box.hidden = !it.error && !isLeft;
  box.classList.toggle("left", isLeft);
  if (box.hidden) return;
  const after = it.chunks ? `after ${count(it.chunks, "chunk")}` : "before the first chunk";
  $("failure-type").textContent = it.error ? it.error.type : "The client left";
  const why =
    it.state === "stalled" ? "It did not read on while others waited" : "It closed its connection";
  $("failure-message").textContent = it.error ? it.error.message : `${why}, ${after}.`;
  $("failure-more").hidden = !it.errorDocument;
  const how = it.trailers.length
    ? "in the trailers of the response"
    : "reported instead of a response";
  $("failure-how").textContent =
    it.head || it.trailers.length
      ? `${it.trailers.length ? how : "the response broke off"}, ${after}`
      : how;
  if (it.errorDocument) $("failure-document").textContent = pretty(it.errorDocument);
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
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
  $("facts").replaceChildren(
    ...facts.map(([name, text]) => {
      const [, number, unit] = /^([\d.]+) (.*)$/.exec(text) ?? [null, text, ""];
      const value = unit
        ? node("dd", "", number, " ", node("small", "", unit))
        : node("dd", "", text);
      return node("div", "", node("dt", "", name), value);
    }),
  );
}

function showPhases(it) {
  const end = elapsed(it);
  const taken = it.takenMs ?? end;
  const begun = Math.max(taken, it.head?.atMs ?? it.firstByteMs ?? end);
  const parts = [
    ["waiting", "waiting", taken],
    ["working", "working", begun - taken],
    ["responding", "responding", end - begun],
  ];
  $("phases").replaceChildren(
    ...parts
      .filter(([, , ms]) => ms > 0.0005)
      .map(([name, text, ms]) => {
        // No room for its name.
        const part = node("div", name, ms > end / 8 ? `${text} ${duration(ms)}` : "\u00a0");
        part.title = `${text} ${duration(ms)}`;
        part.style.flex = `${ms} 1 0`;
        return part;
      }),
  );
}

function showHead(it) {
  const parts = [];
  const add = (name, value) =>
    parts.push(node("div", "row", node("span", "", name), node("span", "", value)));
  if (it.head) {
    add("status", `${it.head.status} ${it.head.reason ?? ""}`);
    it.head.headers.forEach(([name, value]) => add(name, value));
  } else {
    const text = it.error
      ? "The invocation failed before its head."
      : isRunning(it)
        ? "Not there yet."
        : "The payload has no head of its own.";
    parts.push(node("p", "quiet", text));
  }
  if (it.trailers.length) {
    parts.push(node("p", "part", "Trailers"));
    it.trailers.forEach(([name, value]) => add(name, decoded(name, value)));
  }
  $("head").replaceChildren(...parts);
}

// The error document is base64 on the wire.
function decoded(name, value) {
  if (!name.endsWith("-error-body")) return value;
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)));
  } catch {
    return value;
  }
}

function showLog(it) {
  $("log-note").textContent = it.log.dropped
    ? `${count(it.log.dropped, "earlier line")} not kept`
    : "";
  const rows = it.lines.map(([at, text]) =>
    node("div", "row", node("span", "", duration(at)), node("span", "", text)),
  );
  const why =
    it.log.captured === null
      ? "No program has taken the invocation yet."
      : it.log.captured
        ? "The program has written nothing."
        : "This program was started elsewhere and writes to its own terminal. With `lambda-stream local -- PROGRAM` its lines are shown here.";
  replaceFollowing($("log"), rows.length ? rows : [node("p", "quiet", why)]);
}

// Replaces what a box shows, and stays at its end if it was there.
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
  const name = /event-stream/.test(type)
    ? "events"
    : /ndjson|jsonl|json-seq|json-lines/.test(type)
      ? "lines"
      : "text";
  state.view = { number: it.number, name, chosen: false, forHead: it.head !== null };
  document.querySelector(`[name=view][value=${name}]`).checked = true;
}

function showPayloadNote(it) {
  const { bytes, kept } = it.payload;
  $("payload-note").textContent =
    kept < bytes ? `the first ${size(kept)} of ${size(bytes)} are kept` : size(bytes);
}

function showPayload(it) {
  if (!state.view.forHead && it.head) chooseView(it);
  const box = $("payload");
  const shown = `${it.number} ${state.view.name} ${it.content.length} ${isRunning(it)}`;
  if (box.dataset.shown === shown) return;
  box.dataset.shown = shown;
  if (!it.content.length) {
    replaceFollowing(box, [
      node("p", "quiet", isRunning(it) ? "Nothing has come yet." : "There is no payload."),
    ]);
    return;
  }
  const text = new TextDecoder().decode(it.content, { stream: isRunning(it) });
  if (state.view.name === "lines") showRows(box, it, parts(text, it, /\r?\n/g), lineRow);
  else if (state.view.name === "events")
    showRows(box, it, parts(text, it, /\r\n\r\n|\n\n|\r\r/g), eventRow);
  else replaceFollowing(box, [node("pre", "", isBinary(text) ? hex(it.content) : text)]);
}

// Adds the rows that are new; the last one may have grown.
function showRows(box, it, all, row) {
  const key = `${it.number} ${state.view.name}`;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  if (box.dataset.rows !== key) box.replaceChildren();
  box.dataset.rows = key;
  box.lastElementChild?.remove();
  box.append(...all.slice(box.childElementCount).map(row));
  if (atEnd) box.scrollTop = box.scrollHeight;
}

const isBinary = (text) =>
  /[\0-\x08\x0e-\x1a]/.test(text) || text.split("\ufffd").length > 1 + text.length / 64;

function hex(bytes) {
  const out = [];
  for (let at = 0; at < Math.min(bytes.length, 4096); at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const chars = part
      .map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·"))
      .join("");
    out.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${chars}`);
  }
  return out.join("\n") + (bytes.length > 4096 ? "\n…" : "");
}

// Splits text, and finds out when the last byte of each part came.
function parts(text, it, separator) {
  const encoder = new TextEncoder();
  const arrived = arrivals(it);
  const all = [];
  let begin = 0,
    offset = 0;
  const push = (end, next) => {
    offset += encoder.encode(text.slice(begin, next)).length;
    if (text.slice(begin, end).trim())
      all.push({ text: text.slice(begin, end), at: arrived(offset) });
    begin = next;
  };
  for (const found of text.matchAll(separator)) push(found.index, found.index + found[0].length);
  if (begin < text.length) push(text.length, text.length);
  return all;
}

// Returns a function from a growing offset in the payload to the time at which its byte came.
function arrivals(it) {
  // The prelude is part of what an SDK receives.
  let passed = it.payload.bytes - it.bytes,
    mark = -1;
  return (offset) => {
    while (mark + 1 < it.marks.length && passed < offset) passed += it.marks[++mark][1];
    return it.marks[Math.max(mark, 0)]?.[0] ?? 0;
  };
}

function lineRow({ text, at }) {
  const row = node("div", "row", node("span", "", duration(at)), node("span", ""));
  try {
    row.lastChild.append(
      ...colored(JSON.stringify(JSON.parse(text), null, 1).replace(/\n */g, " ")),
    );
  } catch {
    row.lastChild.append(text);
  }
  return row;
}

function colored(json) {
  return json
    .split(/("(?:\\.|[^"\\])*"(?: *:)?)/)
    .map((part) =>
      part.endsWith(":")
        ? node("span", "key", part)
        : part.startsWith('"')
          ? node("span", "string", part)
          : part,
    );
}

function eventRow({ text, at }) {
  const fields = text.split(/\r\n|\n|\r/).map((line) => /^([^:]*):? ?(.*)$/s.exec(line).slice(1));
  const of = (wanted) => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const [name, id, data] = [of("event").at(-1), of("id").at(-1), of("data").join("\n")];
  const tags = [id === undefined ? "" : `#${id}`, name ?? ""]
    .filter(Boolean)
    .map((tag) => node("span", "tag", tag));
  const comment = !data && !tags.length ? node("span", "quiet", text) : data;
  return node("div", "row", node("span", "", duration(at)), node("span", "", ...tags, comment));
}
