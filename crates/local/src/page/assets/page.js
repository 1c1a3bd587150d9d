// The page of the local Lambda: what the feed /_lambda/events says, and what keys and buttons do.
// Served as the last part of the script.

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
    if (isRestart) {
      state.selected = null;
      state.detail = null;
    }
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
  following = setTimeout(
    () => {
      const newest = state.kept[0];
      if (newest !== undefined && newest !== state.selected) select(newest);
    },
    state.detail === null ? 0 : 120,
  );
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
  update.content = joined(
    known?.content,
    payload.from,
    Uint8Array.from(atob(payload.base64), (char) => char.charCodeAt(0)),
  );
  update.marks = [...(known?.marks.slice(0, timeline.from) ?? []), ...timeline.marks];
  // Lines at the beginning may have been dropped meanwhile.
  const kept =
    known?.lines.slice(log.dropped - known.log.dropped, log.from - known.log.dropped) ?? [];
  update.lines = [...kept, ...log.lines];
  state.detail = update;
  showDetail();
}

// Returns the first bytes of what is known, and what follows them.
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
    if (!state.invocations.has(number)) {
      row.remove();
      rows.delete(number);
    }
  }
  state.kept.forEach((number, at) => {
    const summary = state.invocations.get(number);
    if (!summary) return;
    let row = rows.get(number);
    if (!row) {
      row = node(
        "li",
        "",
        node(
          "a",
          "",
          node("span", "pill"),
          node("span", "what mono"),
          node("span", "when"),
          node("span", "how"),
        ),
      );
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
  how.textContent = it.error
    ? it.error.type
    : it.state === "left" || it.state === "stalled"
      ? `${counted}client left`
      : isRunning(it) && !it.chunks
        ? `${it.state} · ${duration(elapsed(it))}`
        : `${counted}${duration(elapsed(it))}`;
}

function showEmpty() {
  $("detail").hidden = true;
  $("empty").hidden = false;
  const base = location.origin;
  $("commands").textContent = `curl -N ${base}/\ncurl -N --data '{"name":"Ada"}' ${base}/invoke`;
  if (state.limits?.invocations === 0)
    $("empty-title").textContent = "Nothing is kept: recording is turned off";
}

/* ---- sending ---- */

let samples = null;

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errorMessage);
  if (answer.number !== undefined) {
    $("follow").checked = true;
    select(answer.number);
  }
}

async function resend() {
  if (!state.detail || $("resend").disabled) return;
  await post(`invocations/${state.detail.number}/resend`, "").catch((error) =>
    link("lost", error.message),
  );
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

// Shows an event in the form, or the sample of its door.
function fill(text) {
  $("text").value = text ?? JSON.stringify(samples[chosenDoor()], null, 2);
  $("text").dataset.sample = text === undefined ? "yes" : "no";
  $("door-note").textContent = {
    "function-url": "The function gets this event of payload format 2.0, as from a Function URL.",
    "api-gateway":
      "The function gets this event of payload format 1.0, as from a REST API that streams.",
    invoke: "The function gets this event as it is.",
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
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.matches("textarea, input[type=text]")
  )
    return;
  const action = KEYS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
}

function chartKey(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || !state.detail?.marks.length) return;
  event.preventDefault();
  state.cursor = Math.max(0, (state.cursor ?? (by > 0 ? -1 : state.detail.marks.length)) + by);
  showChart();
}

// Times go on while nothing comes.
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
  $("chart").addEventListener("pointerleave", () => {
    state.cursor = null;
    showChart();
  });
  $("chart").addEventListener("keydown", chartKey);
  $("follow").addEventListener("change", () => $("follow").checked && followNewest());
  $("new").addEventListener("click", () => openForm("function-url"));
  $("resend").addEventListener("click", resend);
  $("edit").addEventListener("click", edit);
  $("sample").addEventListener("click", () => fill());
  $("cancel").addEventListener("click", () => $("dialog").close());
  $("form").addEventListener("submit", submit);
  $("text").addEventListener("input", () => {
    $("text").dataset.sample = "no";
  });
  $("event-card").addEventListener("toggle", showEvent);
  document
    .querySelectorAll("[name=view]")
    .forEach((it) => it.addEventListener("change", () => view(it.value)));
  document
    .querySelectorAll("[name=door]")
    .forEach((it) =>
      it.addEventListener("change", () =>
        fill($("text").dataset.sample === "yes" ? undefined : $("text").value),
      ),
    );
  setInterval(tickTimes, 100);
}

$("address").textContent = location.host;
const pinned = Number(location.hash.slice(1));
if (pinned) {
  state.selected = pinned;
  $("follow").checked = false;
}
listen();
connect();
