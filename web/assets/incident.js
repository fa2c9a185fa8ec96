// The incident page follows its incident: the server draws the page anew when
// something has changed, unless somebody is typing.
import { listen } from "./events.js";

const id = document.querySelector("[data-incident]")?.dataset.incident;
let stale = false;

const renew = () => {
  if (stale && !["INPUT", "BUTTON", "SELECT", "TEXTAREA", "SUMMARY"].includes(document.activeElement?.tagName)) location.reload();
};

listen("/api/v1/events?only=incident", {
  incident: (incident) => {
    if (incident.id !== id) return;
    stale = true;
  },
});
setInterval(renew, 5000);

const copy = document.querySelector("[data-copy]");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).value);
    copy.textContent = "Copied";
  });
}
