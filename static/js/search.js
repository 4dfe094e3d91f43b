// The search field: suggestions while somebody types, the results in place of the list.
import { withParameter } from "./address.js";
import { list, refreshList, rows, setCursor } from "./list.js";
import { inboxLink, openFolder } from "./navigate.js";
import { fragment, getHtml, post } from "./net.js";
import { say } from "./toast.js";

const TYPED_MS = 90;
const INDEXING_MS = 2000;
const field = () => document.querySelector("form[data-search]");
const input = () => document.getElementById("search");
const box = () => document.getElementById("search-list");
let timer;
let asking = null;
let at = -1;

const question = () => list().dataset.question ?? "";
const options = () => [...box().children];

function mark(next) {
  at = next;
  options().forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
  const chosen = options()[at];
  if (chosen) input().setAttribute("aria-activedescendant", chosen.id);
  else input().removeAttribute("aria-activedescendant");
  chosen?.scrollIntoView({ block: "nearest" });
}

function hide() {
  clearTimeout(timer);
  asking?.abort();
  box().hidden = true;
  input().setAttribute("aria-expanded", "false");
  mark(-1);
}

async function suggest() {
  asking?.abort();
  asking = new AbortController();
  const mine = asking;
  const url = withParameter(withParameter(input().dataset.suggestUrl, "q", input().value), "at", list().dataset.folder);
  try {
    const html = await getHtml(url, mine.signal);
    if (mine.signal.aborted || document.activeElement !== input()) return;
    box().replaceChildren(...fragment(html).querySelectorAll("li"));
    box().hidden = !box().children.length;
    input().setAttribute("aria-expanded", String(!box().hidden));
    mark(-1);
  } catch {
    // Suggestions are a help; the search works without them.
  }
}

function suggestSoon() {
  clearTimeout(timer);
  timer = setTimeout(suggest, TYPED_MS);
}

function take(option) {
  input().value = option.dataset.value;
  input().setSelectionRange(input().value.length, input().value.length);
  // Enter pressed again, before other suggestions are here, asks.
  mark(-1);
  if ("recent" in option.dataset) ask();
  else suggest();
}

async function forget(option) {
  option.remove();
  mark(-1);
  await post(field().dataset.forgetUrl, [["q", option.dataset.value]]).catch(() => {});
}

async function ask() {
  const text = input().value.trim();
  hide();
  if (!text) {
    if (question() && inboxLink()) await openFolder(inboxLink().pathname);
    return;
  }
  input().blur();
  await openFolder(withParameter(field().action, "q", text));
  const [first] = rows();
  if (first) setCursor(first);
  post(field().dataset.rememberUrl, [["q", text]]).catch(() => {});
}

export function focusSearch() {
  document.body.classList.remove("drawer-shown");
  input().focus();
  input().select();
}

function pressed(event) {
  const count = options().length;
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !box().hidden && count) {
    event.preventDefault();
    // Above the first is the field itself.
    mark(((at + 1 + (event.key === "ArrowDown" ? 1 : -1) + count + 1) % (count + 1)) - 1);
  } else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && options()[at]) {
    event.preventDefault();
    take(options()[at]);
  } else if (event.key === "Delete" && options()[at]?.matches("[data-recent]")) {
    event.preventDefault();
    forget(options()[at]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    if (!box().hidden) hide();
    else {
      input().value = question();
      input().blur();
    }
  }
}

// While messages are being indexed the results grow by themselves.
function watchIndexing(behind) {
  const note = list().querySelector("[data-behind]");
  if (!note) return;
  note.hidden = !behind;
  if (!behind) return;
  const total = Number(note.dataset.mirrored);
  note.querySelector("[data-ready]").textContent = Math.max(0, total - behind);
  const watched = list();
  setTimeout(() => watched === list() && refreshList(), INDEXING_MS);
}

// One step at each request, for as long as this search is what is shown; the results grow with each that finds something.
async function askServer() {
  const searched = list();
  let note = searched.querySelector("[data-server]");
  let fields = [];
  try {
    while (note && searched === list()) {
      const answer = await post(note.dataset.url, fields);
      if (!answer.ok) throw new Error("The server could not be searched.");
      const told = fragment(answer.html).querySelector("[data-server]");
      const more = Number(told.dataset.found) > Number(note.dataset.found);
      note.replaceWith(told);
      note = told;
      if (more && searched === list()) refreshList();
      if (!told.dataset.below) return;
      const { folderId, below, problems } = told.dataset;
      fields = [["folder", folderId], ["below", below], ["problems", problems]];
    }
  } catch (error) {
    say(error.message);
  }
}

export function startSearch() {
  if (!field()) return;
  field().addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-server-search]")) return;
    event.preventDefault();
    askServer();
  });
  input().addEventListener("input", suggestSoon);
  input().addEventListener("focus", suggestSoon);
  input().addEventListener("blur", hide);
  input().addEventListener("keydown", pressed);
  // The field keeps the focus while an option is pressed.
  box().addEventListener("pointerdown", (event) => event.preventDefault());
  box().addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (!option) return;
    if (event.target.closest("[data-forget]")) forget(option);
    else take(option);
  });
  const shown = () => {
    if (document.activeElement !== input()) input().value = question();
    watchIndexing(Number(list().querySelector("[data-behind]")?.dataset.behind ?? 0));
    // Nothing here: then the server is the only one who may know.
    if (question() && !rows().length && list().querySelector("[data-server-search]")) askServer();
  };
  document.addEventListener("listshown", shown);
  document.addEventListener("listmerged", ({ detail }) => watchIndexing(Number(detail.behind ?? 0)));
  shown();
}
