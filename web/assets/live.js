// Keeps the figures of a device's or a port's page at their newest, from the
// events of that device.
import { listen } from "./events.js";

const prefixes = ["", "k", "M", "G", "T", "P"];

// The same as spate.FormatSI: three digits, "-" for what is unknown, a narrow
// no-break space before the unit.
export function format(value, unit) {
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

const largest = (...all) => {
  const known = all.filter((v) => v !== null && v !== undefined);
  return known.length ? Math.max(...known) : null;
};
const total = (...all) => {
  const known = all.filter((v) => v !== null && v !== undefined);
  return known.length ? known.reduce((a, b) => a + b) : null;
};

function show(root, rate) {
  const r = rate || {};
  const words = {
    in_bps: format(r.in_bps, "b/s"),
    out_bps: format(r.out_bps, "b/s"),
    pps: format(largest(r.in_pps, r.out_pps), "p/s"),
  };
  showErrors(root, total(r.in_errors_ps, r.out_errors_ps, r.in_discards_ps, r.out_discards_ps));
  for (const [name, text] of Object.entries(words)) {
    const cell = root.querySelector(`[data-rate="${name}"]`);
    if (cell && cell.textContent.trim() !== text) cell.textContent = text;
  }
  showShare(root, largest(r.in_bps, r.out_bps));
}

// Errors have a colour and a glyph, never the colour alone.
function showErrors(root, errors) {
  const cell = root.querySelector('[data-rate="errors"]');
  if (!cell) return;
  const bad = errors !== null && errors >= 1;
  const text = `${bad ? "◆ " : ""}${format(errors, "/s")}`;
  if (cell.textContent.trim() !== text) cell.textContent = text;
  cell.classList.toggle("warn", bad);
}

function showShare(root, bits) {
  const cell = root.querySelector('[data-rate="percent"]');
  const speed = Number(root.dataset.speed);
  if (!cell || !speed || bits === null) {
    if (cell) cell.textContent = "-";
    return;
  }
  const share = (bits / speed) * 100;
  cell.textContent = `${share > 0 && share < 1 ? "<1" : Math.round(share)}\u202f%`;
  const bar = root.querySelector("svg.bar");
  if (!bar) return;
  bar.setAttribute("class", `bar ${share > 95 ? "full" : share > 80 ? "high" : share > 50 ? "half" : "low"}`);
  bar.lastElementChild.setAttribute("width", Math.round(Math.min(share, 100)));
}

const head = document.querySelector("[data-live-device]");
if (head) {
  const rows = new Map();
  for (const row of document.querySelectorAll("[data-live-port]")) rows.set(row.dataset.livePort, row);
  const one = document.querySelector(".now");
  if (one && head.dataset.liveOne) rows.set(head.dataset.liveOne, one);
  const url = `/api/v1/events?only=rates,device&device=${encodeURIComponent(head.dataset.liveDevice)}`;
  let state = head.dataset.liveState;
  listen(
    url,
    {
      rates(event) {
        for (const port of event.ports) {
          const row = rows.get(port.port);
          if (row) show(row, port.rate);
        }
      },
      device(event) {
        if (state && event.state !== state) location.reload();
        state = event.state;
      },
    },
    () => {},
  );
}
