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

// A row's sparkline comes only while it is new; one that was missed is left
// empty until the next, rather than showing another port's day.
function fillSpark(tr, svg, row) {
  const same = tr.dataset.v === String(row.v);
  if (same && !row.paths) return;
  if (!row.paths && tr.dataset.href === row.href) return;
  const [input, output, label] = row.paths || ["", "", "no history yet"];
  svg.children[0].setAttribute("d", input);
  svg.children[1].setAttribute("d", output);
  svg.setAttribute("aria-label", label);
  tr.dataset.v = row.v;
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

function fill(wall) {
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
  rows.forEach((row, i) => {
    fillRow(body.rows[i], row);
    body.rows[i].dataset.href = row.href;
  });
}

for (const tr of at("rows")?.rows || []) tr.dataset.href = tr.querySelector("a").getAttribute("href");

listen("/api/v1/events?only=wall", { wall: fill }, (lost) => {
  say(at("lost"), lost > 5000 ? "reconnecting" : "");
  if (lost > 60000) location.reload();
});

setTimeout(() => location.reload(), 6 * 3600 * 1000); // against leaks of a browser that runs for months
