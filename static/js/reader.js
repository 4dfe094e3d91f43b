// The reader: frames as high as their mail, marking as read, new cards while it is open.
import { adoptFindings } from "./findings.js";
import { fragment, getHtml, post } from "./net.js";

const SEEN_AFTER_MS = 600;
const TALLEST = 60000;
const MOST_ADJUSTMENTS = 40;
// Below this a scaled design cannot be read, and is scrolled instead.
const SMALLEST = 0.5;
const heights = new Map();

export const reader = () => document.getElementById("reader");
export const conversation = () => reader().querySelector(".conversation");

const hooks = { key: () => {}, mailto: () => {}, seen: () => {} };

// A design wider than the screen is made as small as it takes; its frame scrolls what is still too wide.
function scale(doc) {
  const { scrollWidth, clientWidth } = doc.documentElement;
  const factor = clientWidth / scrollWidth;
  if (!clientWidth || factor > 0.99) return;
  doc.body.style.zoom = String(Math.max(factor, SMALLEST));
}

function fit(frame) {
  const doc = frame.contentDocument;
  if (!doc?.body) return;
  let adjustments = 0;
  let width = 0;
  const adjust = () => {
    if (frame.clientWidth !== width) {
      width = frame.clientWidth;
      doc.body.style.zoom = "";
      scale(doc);
    }
    const wide = doc.documentElement.scrollWidth > doc.documentElement.clientWidth + 1;
    const height = Math.min(Math.ceil(doc.body.getBoundingClientRect().height) + (wide ? 18 : 0), TALLEST);
    // A mail whose height depends on its frame's would grow for ever.
    if (Math.abs(height - frame.offsetHeight) > 1 && adjustments++ < MOST_ADJUSTMENTS) {
      frame.style.height = `${height}px`;
      heights.set(frame.src, height);
    }
  };
  adjust();
  new ResizeObserver(adjust).observe(doc.body);
  new ResizeObserver(adjust).observe(frame);
  doc.addEventListener("toggle", adjust, true);
  doc.addEventListener("load", adjust, true);
}

function barred(frame) {
  const held = Number(frame.contentDocument?.documentElement.dataset.remote ?? 0);
  const note = frame.closest(".card-body")?.querySelector(".remote-note");
  if (!note) return;
  note.hidden = !held;
  const what = held === 1 ? "1 remote image is" : `${held} remote images are`;
  note.querySelector("span").textContent = `${what} not loaded, so the sender does not learn that you read this.`;
}

function frameLoaded(frame) {
  const doc = frame.contentDocument;
  if (!doc?.documentElement || doc.URL === "about:blank") return;
  fit(frame);
  barred(frame);
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
    // What was open before takes the room it took, before its document is there.
    if (heights.has(frame.src)) frame.style.height = `${heights.get(frame.src)}px`;
    frame.addEventListener("load", () => frameLoaded(frame));
    if (frame.contentDocument?.readyState === "complete") frameLoaded(frame);
  }
}

let seenTimer;

export function markSeenSoon() {
  clearTimeout(seenTimer);
  const open = conversation();
  const ids = open?.dataset.unreadIds;
  if (!ids) return;
  const mark = async () => {
    if (!open.isConnected || document.visibilityState !== "visible") return;
    open.dataset.unreadIds = "";
    try {
      const answer = await post(
        open.dataset.seenUrl,
        ids.split(",").map((id) => ["message", id]),
      );
      if (answer.ok) hooks.seen(open.dataset.conversation);
      else open.dataset.unreadIds = ids;
    } catch {
      open.dataset.unreadIds = ids;
    }
  };
  seenTimer = setTimeout(mark, SEEN_AFTER_MS);
}

export function adoptReader() {
  const open = conversation();
  if (!open) return;
  adoptFrames(open);
  const scroll = open.querySelector(".reader-scroll");
  const first = open.querySelector(".card[open]");
  // A long conversation opens at its first unread message, with the folded ones above still in reach.
  if (first && first.offsetTop > scroll.clientHeight * 0.6) scroll.scrollTop = first.offsetTop - scroll.offsetTop - 8;
  markSeenSoon();
}

export async function refreshReader() {
  const open = conversation();
  if (!open) return "none";
  let fresh;
  try {
    fresh = fragment(await getHtml(open.dataset.url));
  } catch (error) {
    return error.status === 404 ? "gone" : "unknown";
  }
  if (open !== conversation()) return "none";
  const cards = open.querySelector(".cards");
  const wanted = [...fresh.querySelectorAll(".card")];
  const kept = new Set(wanted.map((card) => card.id));
  for (const card of [...cards.children]) if (!kept.has(card.id)) card.remove();
  let at = cards.firstElementChild;
  for (const card of wanted) {
    const old = document.getElementById(card.id);
    if (!old) {
      adoptFrames(card);
      cards.insertBefore(card, at);
      continue;
    }
    const [was, is] = [old.querySelector("summary"), card.querySelector("summary")];
    if (was.innerHTML !== is.innerHTML) was.replaceChildren(...is.childNodes);
    old.className = card.className;
    if (old === at) at = at.nextElementSibling;
  }
  const [was, is] = [open.querySelector(".reader-bar"), fresh.querySelector(".reader-bar")];
  if (is && !was.contains(document.activeElement)) was.replaceWith(is);
  open.dataset.unreadIds = fresh.querySelector(".conversation")?.dataset.unreadIds ?? "";
  markSeenSoon();
  return "fresh";
}

export function startReader(given) {
  Object.assign(hooks, given);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") markSeenSoon();
  });
  adoptReader();
}
