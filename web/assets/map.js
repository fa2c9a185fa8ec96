// Finding a device on the map, and lighting what it is joined to. The picture is
// the server's; without this module it is complete.
const map = document.querySelector(".map svg");
const field = document.querySelector("[data-map-find]");

if (map) {
  const boxes = [...map.querySelectorAll(".box")];
  const lines = [...map.querySelectorAll(".line")];

  const light = (names) => {
    map.classList.toggle("searching", names !== null);
    for (const box of boxes) box.classList.toggle("lit", names !== null && names.has(box.dataset.name));
    for (const line of lines) line.classList.toggle("lit", names !== null && (names.has(line.dataset.from) || names.has(line.dataset.to)));
  };

  field?.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    light(text === "" ? null : new Set(boxes.map((b) => b.dataset.name).filter((n) => n.toLowerCase().includes(text))));
  });
  field?.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.value = "";
      light(null);
    } else if (event.key === "Enter") {
      const first = map.querySelector(".box.lit");
      if (first) first.focus();
    }
  });
  for (const box of boxes) {
    const only = () => { if (!field?.value) light(new Set([box.dataset.name])); };
    const none = () => { if (!field?.value) light(null); };
    box.addEventListener("focus", only);
    box.addEventListener("mouseenter", only);
    box.addEventListener("blur", none);
    box.addEventListener("mouseleave", none);
  }
}
