// Opening the composer: docked on a wide window, a page of its own elsewhere.
import { addComposer, openDraft, startDock, wide } from "./dock.js";
import { post } from "./net.js";
import { say } from "./toast.js";

// What is being opened is not opened twice, however often a button is pressed meanwhile.
const opening = new Set();

async function openIn(url, fields) {
  if (opening.has(url)) return;
  opening.add(url);
  try {
    const answer = await post(url, fields);
    if (answer.ok && (await addComposer(answer.html))) return;
    say(!answer.ok && !answer.html.includes("<") ? answer.html : "The message could not be opened. Try again.");
  } catch (error) {
    say(`${error.message} The message could not be opened.`);
  } finally {
    opening.delete(url);
  }
}

// What is selected in a message is what an answer to it quotes.
function selectionFor(form) {
  const [, id] = /\/message\/(\d+)\/reply/.exec(form.action) ?? [];
  const frame = id && document.querySelector(`[data-message="${id}"] iframe.body-frame`);
  const selection = frame?.contentWindow?.getSelection();
  if (!selection || selection.isCollapsed || !selection.toString().trim()) return "";
  const box = document.createElement("div");
  for (let at = 0; at < selection.rangeCount; at += 1) box.append(selection.getRangeAt(at).cloneContents());
  return box.innerHTML;
}

export function composeTo(href) {
  const form = document.querySelector("form.compose-fab");
  const [addresses, query] = href.slice("mailto:".length).split("?");
  const wanted = new URLSearchParams(query);
  const kept = new URLSearchParams();
  try {
    kept.set("to", decodeURIComponent(addresses));
  } catch {
    kept.set("to", addresses);
  }
  for (const name of ["subject", "body", "cc"]) if (wanted.get(name)) kept.set(name, wanted.get(name));
  const url = `${form.getAttribute("action")}?${kept}`;
  if (wide()) return openIn(url, new FormData(form));
  const page = form.cloneNode(true);
  page.action = url;
  document.body.append(page);
  return page.submit();
}

// The messages selected in the list, as files of a new one.
export function forwardWhole(url, ids) {
  const fields = new FormData();
  for (const id of ids) fields.append("conversation", id);
  if (wide()) return openIn(url, fields);
  const page = document.createElement("form");
  page.method = "post";
  page.action = url;
  page.append(document.querySelector("input[name=csrfmiddlewaretoken]").cloneNode());
  for (const [name, value] of fields) page.append(Object.assign(document.createElement("input"), { name, value, hidden: true }));
  document.body.append(page);
  return page.submit();
}

export function startComposing() {
  // A double click means one message.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest?.("form[data-compose], form.compose-fab")) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-compose]")) return;
    const fields = new FormData(form);
    const selection = selectionFor(form);
    if (selection) fields.set("selection", selection);
    if (wide()) {
      event.preventDefault();
      openIn(form.action, fields);
    } else if (selection) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "selection", value: selection }));
    }
  });
  document.addEventListener("open-draft", (event) => {
    if (!wide()) return;
    event.preventDefault();
    openDraft(event.detail.page).catch((error) => say(`${error.message} The message could not be opened.`));
  });
  startDock();
}
