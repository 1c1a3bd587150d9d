// Numbers, words and elements. The files of this folder are served as one script, this one first.
"use strict";

const $ = (id) => document.getElementById(id);
const RUNNING = ["waiting", "working", "responding"];
const DOORS = {
  "function-url": "Function URL",
  "api-gateway": "API Gateway",
  invoke: "Plain invoke",
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
  while (value >= 999.5 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
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
