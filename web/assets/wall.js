// The wall's own module: it puts the server's words into the cells that are
// there. It formats nothing and decides nothing.
import { listen } from "./events.js";

const at = (name) => document.querySelector(`[data-wall="${name}"]`);
const say = (node, text) => {
  if (node && node.textContent !== text) node.textContent = text;
};

function fillRow(tr, row) {
  const [who, input, output, bar, percent, factor, spark] = tr.cells;
  tr.className = `${row.level}${row.stale ? " stale" : ""}`.trim();
  const link = who.firstElementChild;
  if (link.getAttribute("href") !== row.href) link.setAttribute("href", row.href);
  const [glyph, name, where, note] = link.children;
  say(glyph, row.stale ? "◌" : row.level === "bad" ? "▲" : row.level === "warn" ? "◆" : "");
  say(name, row.name);
  say(where, row.where);
  say(note, row.note);
  say(input, row.in);
  say(output, row.out);
  say(percent, row.percent);
  say(factor, row.factor);
  const svg = bar.firstElementChild;
  svg.setAttribute("class", `bar ${row.band}`);
  svg.lastElementChild.setAttribute("width", row.fill);
  fillSpark(tr, spark.firstElementChild, row);
}

// A row's sparkline comes only while it is new: what came is kept by port, because
// rows change their places. One that never came is left empty.
const days = new Map();
const mostDays = 300;

function keepDay(href, paths) {
  days.delete(href);
  days.set(href, paths);
  if (days.size > mostDays) days.delete(days.keys().next().value);
}

function fillSpark(tr, svg, row) {
  if (row.paths) keepDay(row.href, row.paths);
  const [input, output, label] = days.get(row.href) || ["", "", "no history yet"];
  if (svg.children[0].getAttribute("d") === input && svg.children[1].getAttribute("d") === output) return;
  svg.children[0].setAttribute("d", input);
  svg.children[1].setAttribute("d", output);
  svg.setAttribute("aria-label", label);
}

// Those that stand in the page as the server made it are the first.
for (const tr of document.querySelectorAll('[data-wall="rows"] tr')) {
  const svg = tr.querySelector("svg.spark");
  const href = tr.querySelector("th a")?.getAttribute("href");
  if (svg && href && svg.children[0].getAttribute("d")) {
    keepDay(href, [svg.children[0].getAttribute("d"), svg.children[1].getAttribute("d"), svg.getAttribute("aria-label")]);
  }
}

const span = (className, ...children) => {
  const node = document.createElement("span");
  node.className = className;
  node.append(...children);
  return node;
};

// An incident's band is made anew only when its words have changed, so that a
// reader's focus stays where it is.
function fillBands(box, bands) {
  bands.forEach((b, i) => {
    const words = JSON.stringify(b);
    const old = box.children[i];
    if (old && old.dataset.words === words) return;
    const a = old && old.dataset.id === b.id ? old : document.createElement("a");
    a.className = `band ${b.level}`;
    a.href = b.href;
    a.dataset.id = b.id;
    a.dataset.words = words;
    const glyph = span("glyph", b.glyph);
    glyph.setAttribute("aria-hidden", "true");
    const rate = document.createElement("strong");
    rate.textContent = b.rate;
    const path = (b.path || []).flatMap((p) => [span(p.strong ? "box strong" : "box", p.name), ...(p.on ? [span("on", `${p.on} →`)] : [])]);
    a.replaceChildren(span("head", span("title", glyph, " ", span("", b.title)), rate), span("line", span("", b.line), span("", b.since)), span("path", ...path));
    if (old && old !== a) old.replaceWith(a);
    else if (!old) box.append(a);
  });
  while (box.children.length > bands.length) box.lastElementChild.remove();
}

// The icon and the title of the tab say that something is wrong.
function fillTab(count) {
  const icon = document.querySelector('link[rel="icon"]');
  const want = count ? icon.dataset.trouble : icon.dataset.calm;
  if (icon.getAttribute("href") !== want) icon.setAttribute("href", want);
  const title = `${count ? `▲${count} ` : ""}Wall · Spate`;
  if (document.title !== title) document.title = title;
}

function fill(wall) {
  fillTab(wall.trouble);
  for (const name of ["ports", "devices", "silent", "polled", "old", "store", "quiet", "more", "clock"]) say(at(name), wall[name]);
  at("clock").setAttribute("datetime", wall.clock_iso);
  at("top").classList.toggle("stale", wall.old !== "" || wall.store !== "");
  if (at("bands")) fillBands(at("bands"), wall.bands || []);
  const body = at("rows");
  const rows = wall.rows || [];
  if (!body || (body.rows.length === 0 && rows.length > 0)) {
    if (!wall.empty) location.reload(); // from nothing to something: another page
    return;
  }
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) body.append(body.rows[0].cloneNode(true));
  rows.forEach((row, i) => fillRow(body.rows[i], row));
}

listen("/api/v1/events?only=wall", { wall: fill }, (lost) => {
  say(at("lost"), lost > 5000 ? "reconnecting" : "");
  if (lost > 60000) location.reload();
});

setTimeout(() => location.reload(), 6 * 3600 * 1000); // against leaks of a browser that runs for months
