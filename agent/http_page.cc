#include "agent/http_page.h"

namespace tailrace {

// Everything that comes from the agent is set as text, never as markup: file names may be any bytes.
std::string_view status_page() {
  static constexpr std::string_view kPage = R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tailrace</title>
<style>
:root { color-scheme: light dark; --line: #8884; --read: #2a7de1; --acked: #e07a1f; --durable: #2e9e5b; --bad: #d0312d; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.path { overflow-wrap: anywhere; }
canvas { width: 100%; height: 120px; border: 1px solid var(--line); border-radius: 4px; }
.bad { color: var(--bad); } .quiet { opacity: .7; } .key::before { content: "\25A0 "; }
</style>
</head>
<body>
<h1>tailrace <span id="agent" class="quiet"></span></h1>
<p id="state" class="quiet" role="status">asking the agent ...</p>
<h2>Tailers</h2><table><thead id="th"></thead><tbody id="tailers"></tbody></table>
<h2>Lag in bytes, the last minutes: <span class="key" style="color:var(--read)">read</span> <span class="key" style="color:var(--acked)">acked</span> <span class="key" style="color:var(--durable)">durable</span></h2>
<div id="charts"></div>
<h2>Sinks</h2><table><thead id="sh"></thead><tbody id="sinks"></tbody></table>
<h2>Files that lag most</h2><table><thead id="fh"></thead><tbody id="files"></tbody></table>
<script>
"use strict";
const EVERY = 2000, KEEP = 300, STAGES = ["read", "acked", "durable"];
const byId = id => document.getElementById(id);
const history = new Map();
const units = ["B", "KiB", "MiB", "GiB", "TiB"];
function bytes(n) { let i = 0; while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; } return (i ? n.toFixed(1) : n) + " " + units[i]; }
function seconds(s) { return s < 60 ? s.toFixed(1) + " s" : s < 3600 ? (s / 60).toFixed(1) + " min" : (s / 3600).toFixed(1) + " h"; }
function row(cells, tag) {
  const tr = document.createElement("tr");
  for (const c of cells) {
    const td = document.createElement(tag || "td");
    const cell = typeof c === "object" ? c : { text: c };
    td.textContent = cell.text;
    if (cell.as) td.className = cell.as;
    tr.append(td);
  }
  return tr;
}
const n = text => ({ text, as: "n" });
byId("th").append(row(["tailer", "sink", n("open"), n("idle"), n("finished"), n("parked"), n("to read"), n("to ack"), n("to sync"), n("oldest")], "th"));
byId("sh").append(row(["sink", "type", "state", n("memory"), n("records in flight"), "stuck"], "th"));
byId("fh").append(row(["file", "tailer", n("size"), n("read"), n("acked"), n("durable"), "state"], "th"));
function keep(tailer) {
  if (!history.has(tailer.name)) {
    const box = document.createElement("div"), name = document.createElement("div"), canvas = document.createElement("canvas");
    name.textContent = tailer.name;
    canvas.setAttribute("aria-label", "lag of " + tailer.name);
    box.append(name, canvas);
    byId("charts").append(box);
    history.set(tailer.name, { points: [], canvas, name });
  }
  const h = history.get(tailer.name);
  h.points.push(STAGES.map(s => tailer.lag[s].bytes));
  if (h.points.length > KEEP) h.points.shift();
  return h;
}
function draw(h, title) {
  const c = h.canvas, ratio = window.devicePixelRatio || 1, w = c.clientWidth, t = c.clientHeight;
  c.width = w * ratio; c.height = t * ratio;
  const g = c.getContext("2d"), most = Math.max(1, ...h.points.flat()), style = getComputedStyle(document.documentElement);
  g.scale(ratio, ratio);
  g.lineWidth = 1.5;
  STAGES.forEach((stage, i) => {
    g.strokeStyle = style.getPropertyValue("--" + stage);
    g.beginPath();
    h.points.forEach((p, x) => { const at = [w - (h.points.length - 1 - x) * w / (KEEP - 1), t - 4 - p[i] / most * (t - 8)]; x ? g.lineTo(...at) : g.moveTo(...at); });
    g.stroke();
  });
  h.name.textContent = title + " (top: " + bytes(most) + ")";
}
function show(s) {
  const a = s.agent;
  byId("agent").textContent = a.name + ", version " + a.version + ", engine " + a.engine + ", pid " + a.pid + ", up " + seconds(a.uptime_seconds);
  byId("tailers").replaceChildren(...s.tailers.map(t => row([t.name, t.sink, n(t.files.open), n(t.files.idle), n(t.files.finished),
    { text: t.files.parked, as: t.files.parked ? "n bad" : "n" }, n(bytes(t.lag.read.bytes)), n(bytes(t.lag.acked.bytes)), n(bytes(t.lag.durable.bytes)), n(seconds(t.lag.acked.seconds))])));
  byId("sinks").replaceChildren(...s.sinks.map(k => row([k.name, k.type, { text: k.up ? "up" : "down: " + k.reason, as: k.up ? "" : "bad" },
    n(bytes(k.buffer_bytes) + " of " + bytes(k.buffer_limit_bytes)), n(k.inflight_records),
    k.stuck.map(l => l.topic + (l.partition < 0 ? "" : "/" + l.partition) + ": " + l.reason).join("; ")])));
  const files = s.tailers.flatMap(t => t.files_lagging.map(f => ({ ...f, tailer: t.name })));
  files.sort((x, y) => (y.size - y.acked) - (x.size - x.acked));
  byId("files").replaceChildren(...files.slice(0, 20).map(f => row([{ text: f.path, as: "path" }, f.tailer, n(bytes(f.size)), n(bytes(f.read)), n(bytes(f.acked)),
    n(bytes(f.durable)), f.state + (f.reason ? ": " + f.reason : "")])));
  for (const t of s.tailers) draw(keep(t), t.name);
  const c = s.checkpoint;
  byId("state").textContent = "checkpoints: fsync " + c.fsync + ", unsynced for " + seconds(c.unsynced_seconds) + ", " + c.errors + " errors";
  byId("state").className = c.errors ? "bad" : "quiet";
}
async function poll() {
  try {
    const answer = await fetch("status.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status === 401 ? "a bearer token is wanted; ask /status.json with one" : "HTTP " + answer.status);
    show(await answer.json());
  } catch (e) {
    byId("state").textContent = "no answer: " + e.message;
    byId("state").className = "bad";
  }
  setTimeout(poll, EVERY);
}
poll();
</script>
</body>
</html>
)page";
  return kPage;
}

}  // namespace tailrace
