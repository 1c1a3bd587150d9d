// The timeline of an invocation: bytes over time, with the longest gap and a cursor.

const SVG = "http://www.w3.org/2000/svg";
function shape(tag, className, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  if (className) made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A round step that gives about this many ticks.
function step(span, ticks, bases = [1, 2, 2.5, 5, 10]) {
  const raw = span / ticks,
    power = 10 ** Math.floor(Math.log10(raw));
  return power * bases.find((base) => base * power >= raw);
}

function scales(it) {
  const chart = $("chart");
  const width = chart.clientWidth || 800,
    height = chart.clientHeight || 190;
  const box = { left: 62, right: width - 14, top: 8, bottom: height - 22 };
  const end = Math.max(elapsed(it), 0.01),
    top = Math.max(it.bytes, 1) * 1.06;
  return {
    box,
    end,
    top,
    x: (ms) => box.left + ((box.right - box.left) * ms) / end,
    y: (bytes) => box.bottom - ((box.bottom - box.top) * bytes) / top,
  };
}

function showChart() {
  const it = state.detail;
  if (!it) return;
  const scale = scales(it),
    { box, x, y } = scale;
  const shapes = axes(scale);
  const gap = it.timeline.longestGap;
  if (gap && gap.lengthMs > scale.end * 0.08) {
    shapes.unshift(
      shape("rect", "gap", {
        x: x(gap.atMs),
        y: box.top,
        width: x(gap.atMs + gap.lengthMs) - x(gap.atMs),
        height: box.bottom - box.top,
      }),
    );
    shapes.push(
      shape(
        "text",
        "",
        { x: x(gap.atMs + gap.lengthMs / 2), y: box.top + 14, "text-anchor": "middle" },
        `gap ${duration(gap.lengthMs)}`,
      ),
    );
  }
  if (it.marks.length) shapes.push(...curve(it, scale));
  if (!isRunning(it))
    shapes.push(
      shape("line", `end ${it.state}`, {
        x1: x(scale.end),
        x2: x(scale.end),
        y1: box.top,
        y2: box.bottom,
      }),
    );
  if (state.cursor !== null && it.marks.length) shapes.push(...cursor(it, scale));
  else showReadout(it);
  $("chart").replaceChildren(...shapes);
}

function axes({ box, end, top, x, y }) {
  const shapes = [];
  const bytes = step(top, 4);
  for (let value = 0; value <= (top > 2 ? top : 0); value += Math.max(bytes, 1)) {
    shapes.push(shape("line", "grid", { x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    shapes.push(
      shape(
        "text",
        "",
        { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" },
        value ? size(value).replace(/\.0+(?= )/, "") : "0",
      ),
    );
  }
  const ms = step(end, Math.max(2, (box.right - box.left) / 120));
  for (let value = 0; value <= end; value += ms) {
    shapes.push(
      shape(
        "text",
        "",
        { x: x(value), y: box.bottom + 17, "text-anchor": value ? "middle" : "start" },
        value ? tick(value, end) : "0",
      ),
    );
  }
  return shapes;
}

const tick = (ms, end) => (end < 1000 ? `${+ms.toFixed(3)} ms` : `${+(ms / 1000).toFixed(2)} s`);

function curve(it, { box, end, x, y }) {
  let path = "",
    sum = 0;
  const dots = [];
  for (const [at, bytes] of it.marks) {
    path += `${path ? "H" : `M${x(at)} ${y(0)}H`}${x(at)}`;
    sum += bytes;
    path += `V${y(sum)}`;
    if (it.marks.length <= 160)
      dots.push(shape("circle", "dot", { cx: x(at), cy: y(sum), r: it.marks.length > 60 ? 2 : 3 }));
  }
  path += `H${x(end)}`;
  return [
    shape("path", "area", { d: `${path}V${box.bottom}H${x(it.marks[0][0])}Z` }),
    shape("path", "line", { d: path }),
    ...dots,
  ];
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
  $("readout").textContent =
    `${duration(at)}: ${before}${count(chunks, "chunk")}, ${size(bytes)}, ${size(sum)} in all`;
}

function pointAt(event) {
  const it = state.detail;
  if (!it?.marks.length) return;
  const { x } = scales(it);
  const px = event.clientX - $("chart").getBoundingClientRect().left;
  const nearest = it.marks.reduce(
    (best, [at], index) =>
      Math.abs(x(at) - px) < Math.abs(x(it.marks[best][0]) - px) ? index : best,
    0,
  );
  state.cursor = nearest;
  showChart();
}
