// The address book works without this; with it a form grows as it is filled, and keys go where they go in the mailbox.

const typing = (node) => node?.closest?.("input:not([type=checkbox]), textarea, select");
const inList = (node) => node?.closest?.(".contact-lines");
const links = () => [...document.querySelectorAll(".contact-line a")];

// A line more as soon as the last one is used.
function grow(event) {
  const line = event.target.closest?.("[data-several] .pair-line");
  if (!line || line.nextElementSibling || !line.querySelector("input").value) return;
  const next = line.cloneNode(true);
  next.classList.remove("bad");
  next.querySelector(".field-error")?.remove();
  const number = document.querySelectorAll(".pair-line").length + 100;
  for (const input of next.querySelectorAll("input")) {
    const label = next.querySelector(`label[for="${input.id}"]`);
    input.value = "";
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
    input.id = `${input.name}-${number}`;
    if (label) label.htmlFor = input.id;
  }
  line.after(next);
}

function step(by) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  const from = at < 0 ? all.findIndex((link) => link.hasAttribute("aria-current")) : at;
  all[Math.max(0, Math.min(all.length - 1, from + by))]?.focus();
}

function key(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.id === "contacts-search" && event.key === "ArrowDown") {
    event.preventDefault();
    links()[0]?.focus();
  }
  if (typing(event.target)) return;
  if (event.key === "/") document.getElementById("contacts-search").focus();
  else if (event.key === "j" || (event.key === "ArrowDown" && inList(event.target))) step(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && inList(event.target))) step(-1);
  else if (event.key === "u") document.querySelector(".contact-back, .page-home").click();
  else return;
  event.preventDefault();
}

document.addEventListener("input", grow);
document.addEventListener("keydown", key);
document.querySelector(".contact-line.current")?.scrollIntoView({ block: "center" });
document.querySelector(".contacts-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
