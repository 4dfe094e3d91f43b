// Going between folders and conversations. Lists that were open stay in memory, so Back is instant and keeps its place.
import { placeOf } from "./address.js";
import { fragment, getHtml } from "./net.js";
import { adoptList, list, loadMore, pane, refreshList, rowOf, setCurrent, setCursor } from "./list.js";
import { adoptReader, conversation, reader } from "./reader.js";
import { refreshSidebar } from "./sidebar.js";
import { say } from "./toast.js";

const KEPT_LISTS = 8;
const kept = new Map();
const box = () => document.getElementById("mailbox");
let turn = 0;
let opening = "";
let prefetched = { url: "", answer: null };

export const folderUrl = () => placeOf(list().dataset.url).list;
// What is open, or about to be: keys pressed while it loads mean the conversation to come.
export const currentId = () => opening || conversation()?.dataset.conversation || "";
export const view = () => box().dataset.view;

export function showTitle() {
  const inbox = [...document.querySelectorAll('.tree-link[data-use="inbox"] .badge')];
  const unread = inbox.reduce((sum, badge) => sum + (Number.parseInt(badge.textContent, 10) || 0), 0);
  const open = conversation();
  const title = open ? `${open.dataset.title} · ${list().dataset.title}` : list().dataset.title;
  document.title = unread ? `(${unread}) ${title}` : title;
}

function show(which) {
  const scroll = document.getElementById("list-scroll");
  const top = Number(list().dataset.top ?? 0);
  box().dataset.view = which;
  if (which === "list" && scroll && !scroll.scrollTop && top) scroll.scrollTop = top;
}

function keepPlace() {
  const scroll = document.getElementById("list-scroll");
  if (scroll?.offsetParent) list().dataset.top = scroll.scrollTop;
}

function emptyReader() {
  if (!conversation()) return;
  const template = document.getElementById("no-reader");
  reader().replaceChildren(template.content.cloneNode(true));
}

async function showFolder(url) {
  keepPlace();
  const old = list();
  const from = folderUrl();
  if (from === url) return;
  const mine = ++turn;
  let next = kept.get(url);
  const known = Boolean(next);
  if (!next) {
    const html = await getHtml(url);
    if (mine !== turn) return;
    next = fragment(html).querySelector(".list");
  }
  kept.set(from, old);
  kept.delete(url);
  while (kept.size > KEPT_LISTS) kept.delete(kept.keys().next().value);
  old.replaceWith(next);
  document.getElementById("list-scroll").scrollTop = Number(next.dataset.top ?? 0);
  adoptList();
  markFolder();
  if (known) refreshList();
}

export function markFolder() {
  for (const link of document.querySelectorAll(".tree-link[data-folder]")) {
    if (link.dataset.folder === list().dataset.folder) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function failed(error, url) {
  if (error.name === "AbortError") return;
  if (error.status) location.assign(url);
  else say(`${error.message} The page stays as it is.`);
}

export async function openFolder(url, { push = true } = {}) {
  opening = "";
  turn++;
  document.body.classList.remove("drawer-shown");
  const { list: wanted } = placeOf(url);
  try {
    await showFolder(wanted);
  } catch (error) {
    return failed(error, url);
  }
  emptyReader();
  setCurrent(null);
  if (push && placeOf(location.href)?.page !== wanted) history.pushState({}, "", wanted);
  show("list");
  showTitle();
  return undefined;
}

export function prefetch(url) {
  const { page } = placeOf(url);
  if (prefetched.url === page) return;
  prefetched = { url: page, answer: getHtml(page) };
  prefetched.answer.catch(() => {});
}

export async function openConversation(url, { push = true } = {}) {
  const { list: folder, page, id } = placeOf(url) ?? {};
  if (!id) return location.assign(url);
  const mine = ++turn;
  opening = id;
  const row = rowOf(id);
  if (row) {
    setCurrent(id);
    setCursor(row);
  }
  const answer = prefetched.url === page ? prefetched.answer : getHtml(page);
  prefetched = { url: "", answer: null };
  try {
    const html = await answer;
    if (mine !== turn) return undefined;
    keepPlace();
    reader().replaceChildren(fragment(html));
    if (folderUrl() !== folder) await showFolder(folder);
  } catch (error) {
    if (mine === turn) opening = "";
    return failed(error, url);
  }
  opening = "";
  setCurrent(id);
  if (push && placeOf(location.href)?.page !== page) history.pushState({}, "", page);
  show("reader");
  adoptReader();
  showTitle();
  if (matchMedia("(max-width: 699px)").matches) reader().focus({ preventScroll: true });
  return undefined;
}

export function closeReader() {
  return openFolder(folderUrl());
}

function travelled() {
  const there = placeOf(location.href);
  if (!there) location.reload();
  else if (there.id) openConversation(there.page, { push: false });
  else openFolder(there.list, { push: false });
}

// That of all accounts where there is one.
export function inboxLink() {
  const link = (use) => document.querySelector(`.tree-link[data-use="${use}"]`);
  return link("inboxes") ?? link("inbox");
}

function plainClick(event) {
  return !event.defaultPrevented && !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

export function startNavigation() {
  window.addEventListener("popstate", travelled);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    if (!link || !plainClick(event) || link.origin !== location.origin) return;
    if (link.matches(".row-link")) {
      event.preventDefault();
      setCursor(link.closest(".row"));
      openConversation(link.href);
    } else if (link.matches(".tree-link[data-folder], [data-back], [data-search-link]")) {
      event.preventDefault();
      if (placeOf(link.href).list === folderUrl() && !conversation()) refreshList();
      openFolder(link.href);
    } else if (link.matches("[data-folder-link]")) {
      const inbox = inboxLink();
      if (!inbox) return;
      event.preventDefault();
      openFolder(inbox.pathname);
    }
  });
  document.addEventListener("pointerdown", (event) => {
    const link = event.target.closest?.("a.row-link");
    if (link && event.pointerType === "mouse" && !event.button) prefetch(link.href);
  });
  const scroll = () => document.getElementById("list-scroll");
  window.addEventListener("pagehide", () => {
    sessionStorage.setItem(`place:${folderUrl()}`, String(Math.round(scroll().scrollTop)));
  });
  restorePlace();
  refreshSidebar.onChange = showTitle;
  showTitle();
}

async function restorePlace() {
  const wanted = Number(sessionStorage.getItem(`place:${folderUrl()}`) ?? 0);
  sessionStorage.removeItem(`place:${folderUrl()}`);
  const type = performance.getEntriesByType("navigation")[0]?.type;
  if (!wanted || (type !== "back_forward" && type !== "reload")) return;
  const scroll = document.getElementById("list-scroll");
  for (let page = 0; page < 20 && scroll.scrollHeight - scroll.clientHeight < wanted; page++) {
    if (!pane().querySelector(".more")) break;
    await loadMore();
  }
  scroll.scrollTop = wanted;
}
