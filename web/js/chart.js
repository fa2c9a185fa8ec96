// Zooming charts: each replaces the server's drawing by the same data on a
// canvas, with one cursor over all of them, drag to zoom and double click to go
// back. Where the data cannot be had the drawing stays.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const prefixes = ["", "k", "M", "G", "T", "P"];

function format(value, unit) {
  if (value === null || value === undefined) return "-";
  let v = value;
  let i = 0;
  while (v >= 999.5 && i < prefixes.length - 1) {
    v /= 1000;
    i++;
  }
  const decimals = v === Math.trunc(v) || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
  return `${v.toFixed(decimals)}\u202f${prefixes[i]}${unit}`;
}

const units = { bits: "b/s", packets: "p/s", errors: "/s" };

// Names and forms of the lines: what is received is an area, what is sent a
// line, so that they differ without their colours too. Discards are dashed.
function lineOf(metric, colours, unit) {
  const sent = metric.startsWith("out_");
  const second = metric.includes("discards");
  return {
    label: metric.replace(/_(bps|pps|ps)$/, "").replaceAll("_", " "),
    stroke: sent ? colours.out : colours.in,
    fill: sent || second ? undefined : colours.area,
    width: sent || second ? 1.5 : 1,
    dash: second ? [4, 4] : undefined,
    spanGaps: false,
    points: { show: false },
    value: (_, v) => format(v, unit),
  };
}

// The greatest sample of each value: not a line of its own, but the upper edge
// of the pale band above the mean.
function peakOf(metric) {
  return { label: metric, class: "peak", width: 0, stroke: "transparent", spanGaps: false, points: { show: false } };
}

const two = (n) => String(n).padStart(2, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Clock labels: the hour, and the date where a day begins.
function timeLabels(date) {
  return (_, ticks, __, ___, step) =>
    ticks.map((t) => {
      const d = date(t);
      if (step >= 86400 * 27) return `${months[d.getMonth()]} ${d.getFullYear()}`;
      if (step >= 86400 || (d.getHours() === 0 && d.getMinutes() === 0 && d.getSeconds() === 0)) return `${d.getDate()} ${months[d.getMonth()]}`;
      const clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
      return step < 60 ? `${clock}:${two(d.getSeconds())}` : clock;
    });
}

function colours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const named = {};
  for (const [name, variable] of Object.entries({ in: "--in", out: "--out", area: "--in-area", inPale: "--in-pale", outPale: "--out-pale", muted: "--muted", line: "--line", fg: "--fg", bad: "--bad", shade: "--shade", band: "--usual" })) {
    probe.style.color = `var(${variable})`;
    named[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return named;
}

async function load(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

// columns turns an answer into what uPlot draws: times, then the means, then the
// peaks, which make the pale envelope; then half and twice what is usual, and the
// time before, where they are wanted.
function columns({ frame, before }, metrics, extras) {
  const from = Date.parse(frame.from) / 1000;
  const n = frame.series[metrics[0]].avg.length;
  const times = Array.from({ length: n }, (_, i) => from + i * frame.step_s);
  const all = [times, ...metrics.map((m) => frame.series[m].avg), ...metrics.map((m) => frame.series[m].max)];
  if (extras.band) {
    const usual = busier(frame.usual || {}, metrics);
    for (const factor of [0.5, 2]) all.push(times.map((_, i) => (usual[i] == null ? null : usual[i] * factor)));
  }
  if (extras.previous) {
    for (const m of metrics.slice(0, 2)) {
      const past = before?.series[m]?.avg || [];
      all.push(times.map((_, i) => past[Math.floor((i * past.length) / n)] ?? null));
    }
  }
  return all;
}

// busier is what is usual of the direction that usually carries more.
function busier(usual, metrics) {
  const sum = (m) => (usual[m] || []).reduce((a, v) => a + (v || 0), 0);
  return usual[metrics.slice(0, 2).sort((a, b) => sum(b) - sum(a))[0]] || [];
}

// fetchAll loads a range with all that is shown of it.
async function fetchAll(c, from, to) {
  const url = withWidth(c.url, c.plot.clientWidth, from, to);
  if (c.extras.band) url.searchParams.set("usual", "1");
  const frame = await load(url);
  const [a, b] = [Date.parse(frame.from) / 1000, Date.parse(frame.to) / 1000];
  const [before, changes] = await Promise.all([
    c.extras.previous ? load(withWidth(c.url, c.plot.clientWidth, 2 * a - b, a)).catch(() => null) : null,
    c.extras.marks ? marksOf(c.url, frame) : [],
  ]);
  c.changes = changes;
  return { frame, before };
}

// marksOf are the changes in a range; the charts of a page ask for them once.
const asked = new Map();
function marksOf(url, frame) {
  const q = new URLSearchParams({ device: url.searchParams.get("device"), port: url.searchParams.get("port"), from: frame.from, to: frame.to });
  const path = `/api/v1/changes?${q}`;
  if (!asked.has(path)) {
    if (asked.size > 20) asked.clear();
    asked.set(path, load(path).then((a) => a.changes, () => []));
  }
  return asked.get(path);
}

// drawMarks points at incidents and at what happened: stretches below the data, lines
// with a word above it.
function drawMarks(u, c, paint, above) {
  const { ctx, bbox } = u;
  const x = (iso) => Math.round(u.valToPos(Date.parse(iso) / 1000, "x", true));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = font.replace("12px", `${Math.round(12 * devicePixelRatio)}px`);
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  let free = bbox.left;
  for (const m of c.changes || []) {
    const from = x(m.at);
    if (m.kind === "incident") {
      const to = m.until ? Math.max(x(m.until), from + 1) : bbox.left + bbox.width;
      ctx.fillStyle = paint.shade;
      if (!above) ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }
    if (!above) continue;
    ctx.fillStyle = paint.muted;
    if (m.kind !== "incident") ctx.fillRect(from, bbox.top, 1, bbox.height);
    if (from >= free) {
      ctx.fillStyle = m.kind === "incident" ? paint.bad : paint.muted;
      ctx.fillText(m.text, from + 4, bbox.top + 3);
      free = from + ctx.measureText(m.text).width + 12;
    }
  }
  ctx.restore();
}

// zoneDate reads a clock in the zone of the server, or in the browser's own
// where that zone is not known here.
function zoneDate(zone) {
  const own = (seconds) => new Date(seconds * 1000);
  if (!zone) return own;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch {
    return own;
  }
  return (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone);
}

const font = '12px Inter, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif';
const sync = uPlot.sync("port");
const charts = [];

async function enhance(section) {
  const url = new URL(section.dataset.series, location.href);
  const metrics = section.dataset.draw.split(",");
  const unit = units[section.dataset.chart];
  const plot = section.querySelector(".plot");
  const paint = colours();
  const date = zoneDate(section.dataset.zone);
  const wanted = (section.dataset.extras || "").split(" ");
  const extras = { band: wanted.includes("band") && unit !== units.errors, previous: wanted.includes("previous") && unit !== units.errors, marks: wanted.includes("marks") };
  const c = { url, metrics, plot, section, extras };
  const got = await fetchAll(c);
  const options = {
    width: plot.clientWidth,
    height: 300,
    tzDate: date,
    cursor: { sync: { key: sync.key, setSeries: false }, drag: { x: true, y: false }, points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.05, 1)] } },
    axes: [
      { stroke: paint.muted, font, grid: { stroke: paint.line, width: 1 }, ticks: { stroke: paint.line }, values: timeLabels(date) },
      { stroke: paint.muted, font, grid: { stroke: paint.line, width: 1 }, ticks: { stroke: paint.line }, size: 84, values: (_, ticks) => ticks.map((v) => format(v, unit)) },
    ],
    series: [
      { label: "at", value: (_, seconds) => moment(date, seconds) },
      ...metrics.map((m) => lineOf(m, paint, unit)),
      ...metrics.map(peakOf),
      ...(extras.band ? ["half of usual", "twice the usual"].map((label) => ({ ...peakOf(label) })) : []),
      ...(extras.previous ? metrics.slice(0, 2).map((m) => ({ ...lineOf(m, paint, unit), label: `${m.split("_")[0]} before`, fill: undefined, width: 1, alpha: 0.55 })) : []),
    ],
    bands: [
      ...metrics.map((m, i) => ({ series: [metrics.length + 1 + i, 1 + i], fill: m.startsWith("out_") ? paint.outPale : paint.inPale })),
      ...(extras.band ? [{ series: [2 * metrics.length + 2, 2 * metrics.length + 1], fill: paint.band }] : []),
    ],
    hooks: { setSelect: [(u) => zoomed(u)], drawAxes: [(u) => drawMarks(u, c, paint, false)], draw: [(u) => drawMarks(u, c, paint, true)] },
  };
  const canvas = document.createElement("div");
  c.chart = new uPlot(options, columns(got, metrics, extras), canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", plot.querySelector("img").alt);
  plot.replaceChildren(canvas);
  c.whole = [Date.parse(got.frame.from) / 1000, Date.parse(got.frame.to) / 1000];
  charts.push(c);
  c.chart.over.addEventListener("dblclick", () => showAll(null));
}

function withWidth(url, width, from, to) {
  const u = new URL(url);
  u.searchParams.set("width", Math.max(200, Math.min(Math.round(width), 4096)));
  if (from !== undefined) {
    u.searchParams.set("from", from.toFixed(0));
    u.searchParams.set("to", to.toFixed(0));
  }
  return u;
}

function moment(date, seconds) {
  if (seconds === null || seconds === undefined) return "-";
  const d = date(seconds);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// A stretch was dragged: all charts load it at their full resolution.
function zoomed(chart) {
  if (chart.select.width < 4) return;
  const from = chart.posToVal(chart.select.left, "x");
  const to = chart.posToVal(chart.select.left + chart.select.width, "x");
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  showAll([from, Math.max(to, from + 60)]);
}

async function showAll(range) {
  await Promise.allSettled(
    charts.map(async (c) => {
      const [from, to] = range || c.whole;
      const got = await fetchAll(c, from, to);
      c.chart.setData(columns(got, c.metrics, c.extras), true);
      tell(c.section, got.frame);
    }),
  );
}

// tell puts the figures of the range that is shown into the legend, and the
// range into the links beside the chart.
function tell(section, frame) {
  const unit = units[section.dataset.chart];
  const amount = { bits: "B", packets: "p", errors: "" }[section.dataset.chart];
  for (const row of section.querySelectorAll("tr[data-metric]")) {
    const s = frame.stats[row.dataset.metric];
    if (!s) continue;
    const words = [s.last, s.mean, s.max, s.p95].map((v) => format(v, unit));
    words.push(format(s.total, amount).trimEnd());
    words.forEach((text, i) => (row.cells[i + 1].textContent = text));
  }
  for (const link of section.querySelectorAll(".forms a")) {
    const url = new URL(link.href);
    url.searchParams.set("from", frame.from);
    url.searchParams.set("to", frame.to);
    link.href = url.pathname + url.search;
  }
}

addEventListener("resize", () => {
  for (const c of charts) c.chart.setSize({ width: c.plot.clientWidth, height: 300 });
});

for (const section of document.querySelectorAll(".chart[data-series]")) {
  enhance(section).catch(() => {}); // the drawing is there already
}
