// The dock: messages being written, side by side as many as fit, the others as bars; open again after a reload.
import { fragment, getHtml } from "./net.js";

const PANEL_PX = 576;
const BESIDE_PX = 260;
const BAR_PX = 232;
let clock = 0;

const dock = () => document.getElementById("composer-dock");
const panels = () => [...dock().querySelectorAll("[data-composer]")];
const isBar = (panel) => panel.classList.contains("minimised");
const key = () => `webmail-open-${dock().dataset.user}`;

export const wide = () => dock() !== null && matchMedia("(min-width: 1100px)").matches;

function kept(store) {
  try {
    const found = JSON.parse(store.getItem(key()));
    return Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

// This tab's own after a reload; where there is no such memory, what was open last anywhere.
function remember() {
  const open = JSON.stringify(panels().map((panel) => ({ page: panel.dataset.page, bar: isBar(panel) })));
  try {
    sessionStorage.setItem(key(), open);
    localStorage.setItem(key(), open);
  } catch {
    // Forbidden or full: then nothing is opened again by itself; the drafts are on the server.
  }
}

function setBar(panel, bar) {
  panel.classList.toggle("minimised", bar);
  const button = panel.querySelector("[data-minimise]");
  button.setAttribute("aria-expanded", String(!bar));
  button.setAttribute("aria-label", bar ? "Open" : "Minimise");
  button.title = bar ? "Open" : "Minimise (Esc)";
  if (!bar) panel.dataset.used = String(++clock);
}

// The panels used last stay open.
function fit() {
  const open = panels()
    .filter((panel) => !isBar(panel))
    .sort((one, other) => other.dataset.used - one.dataset.used);
  const bars = panels().length - open.length;
  let room = innerWidth - Math.min(BESIDE_PX, innerWidth - PANEL_PX);
  room -= Math.min(bars, 2) * BAR_PX;
  for (const panel of open.slice(Math.max(1, Math.floor(room / PANEL_PX)))) setBar(panel, true);
  remember();
}

export function minimise(panel, { focus = true } = {}) {
  setBar(panel, true);
  if (focus) panel.querySelector("[data-minimise]").focus();
  remember();
}

export function raise(panel, { focus = true } = {}) {
  setBar(panel, false);
  fit();
  if (focus) panel.dispatchEvent(new Event("composer-focus"));
}

async function styled(content) {
  const links = [...content.querySelectorAll('link[rel="stylesheet"]')];
  for (const link of links) {
    const known = document.head.querySelector(`link[href="${CSS.escape(link.getAttribute("href"))}"]`);
    link.remove();
    if (known) continue;
    await new Promise((done) => {
      link.addEventListener("load", done);
      link.addEventListener("error", done);
      document.head.append(link);
    });
  }
}

// One draft is open once. ``holdLock`` tells other tabs, so that they do not open it again by themselves.
function hold(panel) {
  navigator.locks?.request(`webmail-draft-${panel.dataset.draft}`, { ifAvailable: true }, (lock) => {
    if (!lock) return null;
    return new Promise((done) => {
      panel.addEventListener("composer-end", () => done(), { once: true });
    });
  });
}

// Who wrote goes on where they were.
function leaveTo(before) {
  const place = before?.isConnected && before !== document.body ? before : document.getElementById("main");
  place?.focus({ preventScroll: true });
}

export async function addComposer(html, { bar = false, focus = true } = {}) {
  const before = dock().contains(document.activeElement) ? null : document.activeElement;
  const content = fragment(html);
  const fresh = content.querySelector("[data-composer]");
  if (!fresh) return false;
  const known = panels().find((panel) => panel.dataset.draft === fresh.dataset.draft);
  if (known) {
    raise(known, { focus });
    return true;
  }
  const script = new URL(fresh.dataset.composerScript, location.href).href;
  const [{ start }] = await Promise.all([import(script), styled(content)]);
  fresh.addEventListener("composer-end", () => {
    if (fresh.contains(document.activeElement)) setTimeout(() => dock().contains(document.activeElement) || leaveTo(before));
  });
  dock().append(fresh);
  setBar(fresh, bar);
  hold(fresh);
  start(fresh, { focus: focus && !bar });
  fit();
  return true;
}

export const openDraft = async (page) => addComposer(await getHtml(page));

async function elsewhere() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.map((lock) => lock.name));
}

async function restore() {
  const mine = kept(sessionStorage);
  const taken = mine ? new Set() : await elsewhere();
  for (const { page, bar } of mine ?? kept(localStorage) ?? []) {
    const path = /^\/compose\/(\d+)\/$/.exec(page);
    if (!path || taken.has(`webmail-draft-${path[1]}`)) continue;
    try {
      await addComposer(await getHtml(page), { bar, focus: false });
    } catch {
      // Sent or thrown away meanwhile; or no connection, and then it waits among the drafts.
    }
  }
}

export function startDock() {
  if (!dock()) return;
  dock().addEventListener("composer-end", () => setTimeout(fit));
  dock().addEventListener("click", (event) => {
    const head = event.target.closest(".composer-head");
    const button = event.target.closest("button, a");
    if (!head || (button && !button.matches("[data-minimise]"))) return;
    const panel = head.closest("[data-composer]");
    if (isBar(panel)) raise(panel);
    else minimise(panel, { focus: Boolean(button) });
  });
  dock().addEventListener("composer-minimise", (event) => minimise(event.target));
  dock().addEventListener("focusin", (event) => {
    const panel = event.target.closest("[data-composer]");
    if (panel) panel.dataset.used = String(++clock);
  });
  addEventListener("resize", fit);
  if (wide()) restore();
}
