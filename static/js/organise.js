// Actions on conversations: shown at once, sent, put back when the server said no.
import { below } from "./address.js";
import { ask } from "./dialogs.js";
import { conversationOf, cursor, list, neighbour, refreshList, rowOf, rows, rowsOf, setCursor } from "./list.js";
import { haveLeft, leave, stay } from "./list.js";
import { closeReader, currentId, openConversation } from "./navigate.js";
import { post } from "./net.js";
import { conversation, refreshReader } from "./reader.js";
import { refreshNotices, refreshSidebar } from "./sidebar.js";
import { clearSelection, selectedRows, wholeFolder } from "./selection.js";
import { onUndone, say, showToasts } from "./toast.js";

const TAKES_AWAY = new Set(["archive", "delete", "junk", "not-junk", "move"]);
const takesAway = (verb, use) => TAKES_AWAY.has(verb) || (verb === "mute" && use === "inbox");
const SAME_PLACE = { archive: "archive", junk: "junk", "not-junk": "inbox" };

export function targets() {
  const picked = selectedRows().map((row) => row.dataset.id);
  if (picked.length) return picked;
  if (currentId()) return [currentId()];
  return cursor() ? [cursor().dataset.id] : [];
}

function applyFlags(verb, ids) {
  for (const id of ids) {
    const row = rowOf(id);
    if (!row) continue;
    if (verb === "seen") row.classList.remove("unread");
    if (verb === "unseen") row.classList.add("unread");
    if (verb === "flag") row.classList.add("flagged");
    if (verb === "unflag") row.classList.remove("flagged");
  }
}

function takeAway(ids) {
  const taken = [];
  leave(ids);
  for (const id of ids) {
    const row = rowOf(id);
    if (!row) continue;
    taken.push([row, row.nextSibling, row.parentNode]);
    row.remove();
  }
  return () => {
    stay(ids);
    for (const [row, next, parent] of taken.reverse()) {
      parent.insertBefore(row, next?.parentNode === parent ? next : null);
    }
  };
}

function afterwards(ids, openGoes) {
  const gone = new Set(ids);
  const from = openGoes ? rowOf(currentId()) : cursor();
  if (!from || !gone.has(from.dataset.id)) return from ?? null;
  for (const step of [1, -1]) {
    let next = neighbour(from, step);
    while (next && gone.has(next.dataset.id)) next = neighbour(next, step);
    if (next) return next;
  }
  return null;
}

export async function act(verb, ids, extra = [], everything = wholeFolder()) {
  const form = list();
  if (!ids.length && !everything) return;
  const { use } = form.dataset;
  if (SAME_PLACE[verb] === use && use) return;
  const fields = ids.map((id) => ["conversation", id]).concat(extra);
  if (everything) fields.push(["all", "1"]);
  const inTrash = use === "trash" || ids.flatMap(rowsOf).some((row) => row.dataset.use === "trash");
  if (verb === "delete" && inTrash) {
    const sure = await ask("Delete for good?", "It will be removed from the server and cannot be brought back.");
    if (!sure) return;
    fields.push(["confirmed", "1"]);
  }
  const away = takesAway(verb, use);
  const lines = everything ? rows() : ids.flatMap(rowsOf);
  const affected = [...new Set([...ids, ...lines.map((row) => row.dataset.id)])];
  const openGoes = away && affected.some((id) => id === currentId() || conversationOf(id) === currentId());
  const next = away ? afterwards(affected, openGoes) : null;
  const putBack = away ? takeAway(affected) : refreshList;
  if (!away) applyFlags(verb, affected);
  clearSelection();
  if (openGoes && next) openConversation(next.querySelector(".row-link").href);
  else if (openGoes) closeReader();
  else if (away && next) setCursor(next);
  try {
    const answer = await post(below(form.dataset.url, `${verb}/`), fields);
    showToasts(answer.html);
    if (answer.html.includes("data-bulk")) refreshNotices();
    if (answer.ok) haveLeft(away ? affected : []);
    else putBack();
  } catch (error) {
    putBack();
    say(`${error.message} What you did was put back.`);
  }
  refreshList();
  refreshSidebar();
  if (!openGoes) refreshReader();
}

export function toggle(what, ids) {
  const present = ids.map(rowOf).filter(Boolean);
  const open = conversation();
  const on = (name) =>
    present.length
      ? present.some((row) => row.classList.contains(name))
      : open?.querySelector(name === "flagged" ? ".starred" : ".card.unread") != null;
  if (what === "seen") return act(on("unread") ? "seen" : "unseen", ids);
  return act(on("flagged") ? "unflag" : "flag", ids);
}

export function toggleMute(ids) {
  const present = ids.map(rowOf).filter(Boolean);
  const muted = present.length
    ? present.every((row) => row.classList.contains("silenced"))
    : conversation()?.querySelector(".muted-tag") != null;
  return act(muted ? "unmute" : "mute", ids);
}

// Split off, or unread from here on: what stands in the menu of a card.
async function actOnCard(form) {
  try {
    const answer = await post(form.action, new FormData(form));
    showToasts(answer.html);
    if (answer.ok && form.dataset.cardAct === "unread-from") closeReader();
  } catch (error) {
    say(`${error.message} Nothing was changed.`);
  }
  refreshList();
  refreshSidebar();
  refreshReader();
}

function verbOf(button) {
  return new URL(button.formAction).pathname.split("/").at(-2);
}

export function startOrganising({ chooseFolder, forward }) {
  onUndone(() => {
    refreshNotices();
    refreshList();
    refreshSidebar();
    refreshReader();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-organise]") || !event.submitter) return;
    event.preventDefault();
    const ids = form.matches("[data-reader]") ? [currentId()] : targets();
    if (event.submitter.matches("[data-forward]")) forward(event.submitter.formAction, ids);
    else if (event.submitter.matches("[data-everything]")) act(verbOf(event.submitter), [], [], true);
    else if (event.submitter.matches("[data-move]")) chooseFolder(ids);
    else act(verbOf(event.submitter), ids);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-card-act]")) return;
    event.preventDefault();
    actOnCard(event.target);
  });
  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("form[data-dismiss-notice]")) return;
    event.preventDefault();
    event.target.closest(".notice-card").remove();
    await post(event.target.action, new FormData(event.target)).catch(() => {});
  });
  document.getElementById("main").addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (!button) return;
    const { id } = button.closest(".row").dataset;
    const verb = button.dataset.do;
    if (verb.startsWith("toggle-")) toggle(verb.slice(7) === "flag" ? "flagged" : "seen", [id]);
    else act(verb, [id]);
  });
}

