// The outbox looks again when something has changed, counts down what can still be taken back, and touches only what is new.
import { startEvents } from "./events.js";

const PAUSE_MS = 1500;
const AFTER_EVENT_MS = 150;
const box = () => document.querySelector("[data-outbox]");
const said = (part) => [...part.childNodes].map((node) => (node.matches?.(".outbox-count") ? "" : node.textContent)).join("");
const wordsOf = (entry) => [...entry.querySelectorAll(":scope > *")].map(said).join("|");

function keepFocus(old, fresh) {
  const focused = document.activeElement;
  if (!old.contains(focused)) return () => {};
  const action = focused.closest("form")?.getAttribute("action");
  return () => (fresh.querySelector(`form[action="${action}"] button`) ?? fresh).focus();
}

function renew(fresh) {
  const old = box();
  const groups = (part) => [...part.querySelectorAll(".outbox-group")].map((group) => group.id).join();
  const entries = (part) => [...part.querySelectorAll(".outbox-entry")].map((entry) => entry.id).join();
  if (groups(old) !== groups(fresh) || entries(old) !== entries(fresh)) {
    const refocus = keepFocus(old, fresh);
    old.replaceWith(fresh);
    refocus();
  } else {
    const now = new Map([...fresh.querySelectorAll(".outbox-entry")].map((entry) => [entry.id, entry]));
    for (const entry of old.querySelectorAll(".outbox-entry")) {
      const newer = now.get(entry.id);
      if (wordsOf(entry) === wordsOf(newer)) continue;
      const state = newer.querySelector(".outbox-state b").textContent;
      const name = newer.querySelector("h3").textContent;
      const refocus = keepFocus(entry, newer);
      entry.replaceWith(newer);
      refocus();
      old.querySelector("[data-told]").textContent = `${name}: ${state}`;
    }
    old.toggleAttribute("data-moving", fresh.hasAttribute("data-moving"));
  }
  count();
}

let looking = false;
let again = false;

async function look() {
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-outbox]");
    if (!answer.redirected && fresh) renew(document.importNode(fresh, true));
  } catch {
    // No connection: the next look may have one.
  }
  looking = false;
  if (again) {
    again = false;
    soon();
  }
}

let timer;

function soon(pause = AFTER_EVENT_MS) {
  clearTimeout(timer);
  timer = setTimeout(look, pause);
}

function count() {
  for (const place of document.querySelectorAll("[data-until]")) {
    const left = Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000);
    place.textContent = left > 0 ? ` · ${left} s` : "";
  }
}

function step(by) {
  const entries = [...document.querySelectorAll(".outbox-entry")];
  const at = entries.findIndex((entry) => entry.contains(document.activeElement));
  const next = entries[at < 0 ? (by > 0 ? 0 : entries.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (event.key === "u") document.querySelector(".compose-back").click();
  if (!by) return;
  event.preventDefault();
  step(by);
});

count();
setInterval(() => {
  count();
  if (box().hasAttribute("data-moving") && !looking) soon(PAUSE_MS - 1000);
}, 1000);
startEvents({ eventsUrl: box().dataset.eventsUrl, revision: "" }, () => soon());
