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
  for (const [name, variable] of Object.entries({ in: "--in", out: "--out", area: "--in-area", inPale: "--in-pale", outPale: "--out-pale", muted: "--muted", line: "--line", fg: "--fg" })) {
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
// peaks of the two first lines, which make the pale envelope.
function columns(frame, metrics) {
  const from = Date.parse(frame.from) / 1000;
  const n = frame.series[metrics[0]].avg.length;
  const times = Array.from({ length: n }, (_, i) => from + i * frame.step_s);
  return [times, ...metrics.map((m) => frame.series[m].avg), ...metrics.map((m) => frame.series[m].max)];
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
  const frame = await load(withWidth(url, plot.clientWidth));
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
    ],
    bands: metrics.map((m, i) => ({ series: [metrics.length + 1 + i, 1 + i], fill: m.startsWith("out_") ? paint.outPale : paint.inPale })),
    hooks: { setSelect: [(u) => zoomed(u)] },
  };
  const canvas = document.createElement("div");
  const chart = new uPlot(options, columns(frame, metrics), canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", plot.querySelector("img").alt);
  plot.replaceChildren(canvas);
  charts.push({ chart, url, metrics, plot, section, whole: [Date.parse(frame.from) / 1000, Date.parse(frame.to) / 1000] });
  chart.over.addEventListener("dblclick", () => showAll(null));
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
      const frame = await load(withWidth(c.url, c.plot.clientWidth, from, to));
      c.chart.setData(columns(frame, c.metrics), true);
      tell(c.section, frame);
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
