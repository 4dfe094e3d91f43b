// The reader: frames as high as their mail, marking as read, new cards while it is open.
import { adoptFindings } from "./findings.js";
import { fit, reserve, settle, watchFrame } from "./frames.js";
import { fragment, getHtml, post } from "./net.js";
import { pictureNote, startPictures } from "./pictures.js";
import { startPrinting } from "./print.js";
import { atRest } from "./rest.js";
import { adoptSender, startLeaving } from "./senders.js";

const SEEN_AFTER_MS = 600;
const SEEN_AGAIN_MS = 3000;

export const reader = () => document.getElementById("reader");
export const conversation = () => reader().querySelector(".conversation");

const hooks = { key: () => {}, mailto: () => {}, seen: () => {} };

// In the dark a mail is shown on white or on dark as it was made for; the other is a choice in its menu.
function grounded(frame) {
  const link = frame.closest(".card")?.querySelector(".card-menu [data-ground]");
  if (!link) return;
  const other = frame.contentDocument.documentElement.dataset.ground === "white" ? "dark" : "white";
  link.search = `?on=${other}`;
  link.querySelector("span").textContent = `Show on ${other}`;
}

function frameLoaded(frame) {
  const doc = frame.contentDocument;
  if (!doc?.documentElement || doc.URL === "about:blank") return;
  if (!fit(frame)) return;
  pictureNote(frame);
  adoptSender(frame);
  grounded(frame);
  doc.addEventListener("keydown", (event) => hooks.key(event));
  doc.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="mailto:" i]');
    if (!link) return;
    event.preventDefault();
    hooks.mailto(link.getAttribute("href"));
  });
}

export function adoptFrames(root) {
  adoptFindings(root);
  for (const frame of root.querySelectorAll("iframe.body-frame")) {
    reserve(frame);
    watchFrame(frame, () => frameLoaded(frame));
  }
}

let marking = { open: null, timer: 0 };

// The time runs once for what is open, however often it is refreshed meanwhile.
export function markSeenSoon(after = SEEN_AFTER_MS) {
  const open = conversation();
  if (open && marking.open === open) return;
  clearTimeout(marking.timer);
  marking = { open, timer: 0 };
  if (open?.dataset.unreadIds) marking.timer = setTimeout(markSeen, after, open);
  else marking.open = null;
}

async function markSeen(open) {
  marking.open = null;
  const ids = open.dataset.unreadIds;
  if (!ids || !open.isConnected || document.visibilityState !== "visible") return;
  open.dataset.unreadIds = "";
  const fields = ids.split(",").map((id) => ["message", id]);
  const answer = await post(open.dataset.seenUrl, fields).catch(() => null);
  if (answer?.ok) {
    hooks.seen(open.dataset.conversation);
    return;
  }
  open.dataset.unreadIds = ids;
  if (open.isConnected && !answer) markSeenSoon(SEEN_AGAIN_MS);
}

export function adoptReader() {
  const open = conversation();
  if (!open) return;
  adoptFrames(open);
  settle(open.querySelector(".reader-scroll"));
  markSeenSoon();
}

function renew(old, card) {
  const [was, is] = [old.querySelector("summary"), card.querySelector("summary")];
  if (was.innerHTML !== is.innerHTML) was.replaceChildren(...is.childNodes);
  const menu = old.querySelector(".card-menu");
  if (!menu.open) menu.replaceWith(card.querySelector(".card-menu"));
  const frame = old.querySelector(".body-frame");
  if (frame.contentDocument?.documentElement?.dataset.ground) grounded(frame);
  old.className = card.className;
}

// All messages of the conversation, those behind a line as well.
export function foldAll(open) {
  const cards = reader().querySelector(".cards");
  if (!cards) return;
  for (const each of cards.querySelectorAll(".card")) each.open = open;
  for (const each of cards.querySelectorAll(".tucked")) each.open = open || each.open;
}

export async function refreshReader() {
  const open = conversation();
  if (!open) return "none";
  let fresh;
  try {
    fresh = fragment(await getHtml(open.dataset.url));
  } catch (error) {
    return error.status === 404 && open === conversation() ? "gone" : "unknown";
  }
  await atRest();
  if (open !== conversation()) return "none";
  const cards = open.querySelector(".cards");
  const wanted = [...fresh.querySelectorAll(".card")];
  const kept = new Set(wanted.map((card) => card.id));
  for (const card of [...cards.querySelectorAll(".card")]) if (!kept.has(card.id)) card.remove();
  let before = null;
  for (const card of wanted) {
    const old = document.getElementById(card.id);
    if (old) renew(old, card);
    else {
      adoptFrames(card);
      if (before) before.after(card);
      else cards.prepend(card);
    }
    before = old ?? card;
  }
  for (const bundle of cards.querySelectorAll(".tucked:not(:has(.card))")) bundle.remove();
  const [reply, fresher] = [open.querySelector(".reply-bar"), fresh.querySelector(".reply-bar")];
  if (!reply.contains(document.activeElement)) {
    reply.remove();
    if (open.matches(".newest-first")) cards.firstElementChild.after(fresher);
    else cards.after(fresher);
  }
  const [was, is] = [open.querySelector(".reader-bar"), fresh.querySelector(".reader-bar")];
  if (is && !was.contains(document.activeElement)) was.replaceWith(is);
  open.dataset.unreadIds = fresh.querySelector(".conversation")?.dataset.unreadIds ?? "";
  markSeenSoon();
  return "fresh";
}

export function startReader(given) {
  startLeaving();
  startPrinting();
  Object.assign(hooks, given);
  reader().addEventListener("click", (event) => {
    const ground = event.target.closest?.("a[data-ground]");
    if (ground && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      ground.closest(".card").querySelector(".body-frame").src = ground.href;
      return;
    }
    const button = event.target.closest?.("[data-unfold], [data-fold]");
    if (button) foldAll(button.matches("[data-unfold]"));
  });
  // A press into a frame is none here, but it takes the focus.
  window.addEventListener("blur", () => {
    if (!document.activeElement?.matches("iframe")) return;
    for (const menu of reader().querySelectorAll(".menu[open]")) menu.open = false;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") markSeenSoon();
  });
  startPictures();
  adoptReader();
}
