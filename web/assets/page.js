// Keys, theme and filter: the same on every page. Everything here is a
// convenience; the pages work without it.
const places = { w: "/", d: "/devices", m: "/map", a: "/alerts", s: "/status", r: "/groups", h: "/docs/" };
const themes = ["auto", "light", "dark"];
let leader = 0;

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

function search() {
  const box = document.querySelector('.search input[type="search"]');
  if (!box) {
    location.href = "/search";
    return;
  }
  box.focus();
  box.select();
}

function nextTheme() {
  const root = document.documentElement;
  const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
  document.cookie = `spate_theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax`;
  if (document.querySelector(".chart")) {
    location.reload(); // its pictures are drawn for one ground
    return;
  }
  root.dataset.theme = next;
  const label = document.querySelector("[data-next-theme] span");
  if (label) label.textContent = next;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const led = event.timeStamp - leader < 1500;
  leader = 0;
  if (led && places[event.key]) {
    location.href = places[event.key];
  } else if (event.key === "g") {
    leader = event.timeStamp;
  } else if (event.key === "/") {
    event.preventDefault();
    search();
  } else if (event.key === "t") {
    nextTheme();
  } else if (event.key === "?") {
    document.querySelector("dialog.keys").showModal();
  }
});

const switcher = document.querySelector("[data-next-theme]");
if (switcher) {
  switcher.hidden = false;
  switcher.addEventListener("click", nextTheme);
}

// The filter hides rows at once; Enter asks the server, which knows them all.
const filter = document.querySelector("[data-filter-by]");
if (filter) {
  filter.addEventListener("input", () => {
    const text = filter.value.trim().toLowerCase();
    let shown = true;
    for (const row of document.querySelectorAll("table[data-filter] tbody tr")) {
      if (!row.classList.contains("why")) shown = row.textContent.toLowerCase().includes(text);
      row.hidden = !shown;
    }
  });
}
