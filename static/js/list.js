// The list: endless scroll, refresh in place, cursor.
import { withParameter } from "./address.js";
import { fragment, getHtml } from "./net.js";
import { atRest, oneAtATime } from "./rest.js";
import { showSelected, startSelection } from "./selection.js";

const MOST_REFRESHED = 400;
const prints = new WeakMap();
// Conversations that an action has taken out of the list: no list that was asked for before the server knew brings them back.
const leaving = new Map();
let asked = 0;

export const pane = () => document.getElementById("main");
export const list = () => pane().querySelector(".list");
export const rowsBox = () => document.getElementById("rows");
export const rows = () => [...rowsBox().querySelectorAll(".row")];
const exactRow = (id) => document.getElementById(`c${id}`);

// A row is a conversation in a folder. Its id is the conversation's, in the unified inbox with the folder before it;
// the reader knows the conversation alone.
export const conversationOf = (id) => id.slice(id.indexOf("-") + 1);
export const folderOf = (row) => (row.dataset.id.includes("-") ? row.dataset.id.split("-")[0] : list().dataset.folder);
export const accountOf = (row) => row.dataset.account || list().dataset.account;

export function rowsOf(id) {
  const exact = exactRow(id);
  if (exact || !id) return exact ? [exact] : [];
  return rows().filter((row) => conversationOf(row.dataset.id) === id);
}

export function rowOf(id) {
  const found = rowsOf(id);
  return found.find((row) => row.classList.contains("cursor")) ?? found[0] ?? null;
}

function print(row) {
  return row.outerHTML.replace(' aria-current="true"', "");
}

function remember(container) {
  for (const row of container.querySelectorAll(".row")) if (!prints.has(row)) prints.set(row, print(row));
}

// --- paging

let watcher;

function watchEnd() {
  watcher?.disconnect();
  const more = rowsBox().querySelector(".more");
  if (!more) return;
  watcher = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) loadMore();
    },
    { root: document.getElementById("list-scroll"), rootMargin: "0px 0px 1200px" },
  );
  watcher.observe(more);
}

let loading = null;

export function loadMore() {
  const more = rowsBox().querySelector(".more");
  if (!more || loading) return loading;
  const box = rowsBox();
  loading = (async () => {
    try {
      const fresh = fragment(await getHtml(more.querySelector("a").href));
      // A refresh that came in between has put another line in its place: what was asked for is asked for again.
      if (more.isConnected && box === rowsBox()) {
        for (const row of fresh.querySelectorAll(".row")) if (exactRow(row.dataset.id)) row.remove();
        remember(fresh);
        if (document.getElementById("select-all")?.checked) {
          for (const input of fresh.querySelectorAll(".pick input")) input.checked = true;
        }
        more.replaceWith(fresh);
        showSelected();
      }
    } catch (error) {
      if (more.isConnected) more.querySelector("a").textContent = "Could not load more – try again";
      watcher?.disconnect();
      throw error;
    } finally {
      loading = null;
    }
    watchEnd();
  })().catch(() => {});
  return loading;
}

// --- refresh in place

export const leave = (ids) => ids.forEach((id) => leaving.set(id, Infinity));
export const haveLeft = (ids) => ids.forEach((id) => leaving.set(id, asked));
export const stay = (ids) => ids.forEach((id) => leaving.delete(id));

function isLeaving(id, mine) {
  return mine <= (leaving.get(id) ?? leaving.get(conversationOf(id)) ?? 0);
}

function carryOver(old, fresh) {
  fresh.querySelector(".pick input").checked = old.querySelector(".pick input").checked;
  fresh.classList.toggle("cursor", old.classList.contains("cursor"));
  if (old.hasAttribute("aria-current")) fresh.setAttribute("aria-current", "true");
  const tools = old.querySelector(".row-tools");
  if (tools) fresh.append(tools);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(focused.matches("input") ? ".pick input" : ".row-link").focus({ preventScroll: true });
}

function showSummary(told) {
  if (!told) return;
  list().querySelector("[data-count]").textContent = told.dataset.summary;
  const total = list().querySelector("[data-total]");
  if (total) total.textContent = told.dataset.messages;
  const readAll = list().querySelector("[data-everything]");
  if (readAll) readAll.hidden = !told.dataset.summary.endsWith("unread");
}

// `mine` tells how many lists had been asked for with this one.
function merge(html, mine) {
  const box = rowsBox();
  const fresh = fragment(html);
  for (const row of fresh.querySelectorAll(".row")) {
    if (isLeaving(row.dataset.id, mine)) row.remove();
    else row.removeAttribute("aria-current");
  }
  for (const [id, last] of leaving) if (last < mine) leaving.delete(id);
  remember(fresh);
  const told = fresh.querySelector("[data-summary]");
  showSummary(told);
  if (told) document.dispatchEvent(new CustomEvent("listmerged", { detail: told.dataset }));
  const before = rows();
  const tail = before.length > MOST_REFRESHED ? before.slice(MOST_REFRESHED) : [];
  const wanted = [...fresh.querySelectorAll(".row")].map((row) => {
    const old = exactRow(row.dataset.id);
    if (!old || !box.contains(old)) return row;
    if (prints.get(old) === prints.get(row)) return old;
    carryOver(old, row);
    return row;
  });
  const kept = new Set(wanted);
  const ids = new Set(wanted.map((row) => row.dataset.id));
  for (const row of tail) if (!ids.has(row.dataset.id)) kept.add(row);
  for (const row of rows()) if (!kept.has(row)) row.remove();
  let at = box.firstElementChild;
  for (const row of wanted) {
    if (row === at) at = at.nextElementSibling;
    else box.insertBefore(row, at);
  }
  if (!tail.length) {
    box.querySelector(".more")?.remove();
    const more = fresh.querySelector(".more");
    if (more) box.append(more);
  }
  showSelected();
  watchEnd();
}

export const refreshList = oneAtATime(async () => {
  const form = list();
  if (!form) return;
  const count = Math.min(Math.max(rows().length, 50), MOST_REFRESHED);
  const mine = ++asked;
  const html = await getHtml(withParameter(form.dataset.url, "rows", count));
  await atRest();
  if (form === list()) merge(html, mine);
});

// --- cursor

export const cursor = () => rowsBox()?.querySelector(".row.cursor") ?? null;

export function setCursor(row, { focus = false } = {}) {
  cursor()?.classList.remove("cursor");
  if (!row) return;
  row.classList.add("cursor");
  row.scrollIntoView({ block: "nearest" });
  if (focus) row.querySelector(".row-link").focus({ preventScroll: true });
}

export function setCurrent(id) {
  for (const row of rowsBox()?.querySelectorAll('.row[aria-current="true"]') ?? []) row.removeAttribute("aria-current");
  rowOf(id)?.setAttribute("aria-current", "true");
}

export function neighbour(row, step) {
  let next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  while (next && !next.matches(".row")) next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
  return next;
}

export function adoptList() {
  remember(rowsBox());
  showSelected();
  watchEnd();
  document.dispatchEvent(new Event("listshown"));
}

export function startList() {
  startSelection();
  pane().addEventListener("click", (event) => {
    if (event.target.closest?.("[data-more]")) {
      event.preventDefault();
      loadMore();
    } else if (event.target.closest?.("[data-refresh]")) {
      event.preventDefault();
      refreshList();
    }
  });
  adoptList();
}
