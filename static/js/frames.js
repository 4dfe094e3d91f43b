// Frames as high as their mail, and what follows them shown only once it stands where it stays.

const TALLEST = 1000000;
// A mail whose height depends on its frame's would grow for ever: it may not be that tall, nor go on for long.
const GROWING = 60000;
const FEW_ADJUSTMENTS = 10;
const MOST_ADJUSTMENTS = 40;
// A design that is a little too wide is made smaller; from here on its widths give way first, so that it can be read.
const READABLE = 0.8;
// Below this it could not be read, and is scrolled instead.
const SMALLEST = 0.6;
const KEPT = 300;
const STORE = "heights";
const PATIENCE_MS = 1200;
const ANCHORED_MS = 5000;
const POLLED_MS = 4000;

const known = new Map(stored());
const placed = new WeakSet();
const fitted = new WeakSet();
let saving;

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE) ?? "[]");
  } catch {
    return [];
  }
}

const keyOf = (frame) => `${frame.getAttribute("src")} ${document.getElementById("cards")?.clientWidth ?? 0}`;

function remember(frame, height) {
  const key = keyOf(frame);
  if (known.get(key) === height) return;
  known.delete(key);
  known.set(key, height);
  while (known.size > KEPT) known.delete(known.keys().next().value);
  clearTimeout(saving);
  saving = setTimeout(() => sessionStorage.setItem(STORE, JSON.stringify([...known])), 500);
}

// What was open before takes the room it took, before its document is there.
export function reserve(frame) {
  const height = known.get(keyOf(frame));
  if (!height) return;
  frame.style.height = `${height}px`;
  placed.add(frame);
}

function narrow(doc) {
  const root = doc.documentElement;
  const factor = () => root.clientWidth / root.scrollWidth;
  if (!root.clientWidth || factor() > 0.99) return;
  if (factor() < READABLE) root.classList.add("fluid");
  if (factor() < 0.99) doc.body.style.zoom = String(Math.max(factor(), SMALLEST));
}

// True the first time this document is seen.
export function fit(frame) {
  const doc = frame.contentDocument;
  if (!doc?.body || fitted.has(doc)) return false;
  fitted.add(doc);
  let adjustments = 0;
  let width = 0;
  const adjust = () => {
    if (frame.clientWidth !== width) {
      width = frame.clientWidth;
      doc.body.style.zoom = "";
      doc.documentElement.classList.remove("fluid");
      narrow(doc);
    }
    const wide = doc.documentElement.scrollWidth > doc.documentElement.clientWidth + 1;
    const all = Math.ceil(doc.body.getBoundingClientRect().height) + (wide ? 18 : 0);
    const height = Math.min(
      all,
      adjustments < FEW_ADJUSTMENTS ? TALLEST : Math.max(GROWING, frame.offsetHeight),
    );
    // What does not fit is reached by scrolling inside.
    doc.body.style.overflowY = all > height ? "auto" : "";
    if (Math.abs(height - frame.offsetHeight) > 1 && adjustments++ < MOST_ADJUSTMENTS) {
      frame.style.height = `${height}px`;
    }
    if (width) remember(frame, height);
  };
  adjust();
  new ResizeObserver(adjust).observe(doc.body);
  new ResizeObserver(adjust).observe(frame);
  doc.addEventListener("toggle", adjust, true);
  doc.addEventListener("load", adjust, true);
  placed.add(frame);
  document.dispatchEvent(new Event("frameplaced"));
  return true;
}

// A document is known as soon as it is parsed, which is before its pictures are there and before it is painted.
export function watchFrame(frame, ready) {
  const until = performance.now() + POLLED_MS;
  const look = () => {
    const doc = frame.contentDocument;
    if (doc && doc.URL !== "about:blank" && doc.readyState !== "loading") ready();
    else if (frame.isConnected && performance.now() < until) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  frame.addEventListener("load", ready);
}

const topIn = (scroll, node) => node.getBoundingClientRect().top - scroll.getBoundingClientRect().top;

// The newest unread message comes into view, the first unread one with it where both fit; what is long is not skipped.
function wantedTop(scroll, cards) {
  const unread = cards.filter((card) => card.matches(".unread"));
  const newestFirst = scroll.closest(".newest-first") !== null;
  const open = unread.length ? unread : cards.filter((card) => card.open);
  if (!open.length) return 0;
  const [first, newest] = newestFirst ? [open[0], open[0]] : [open[0], open.at(-1)];
  const top = (card) => topIn(scroll, card) + scroll.scrollTop;
  if (top(newest) < scroll.clientHeight * 0.6) return 0;
  const both = top(newest) - top(first) < scroll.clientHeight - 120;
  return top(both ? first : newest) - 8;
}

// Nothing moves under the eyes: frames above what is read push it away, and are made up for before anything is painted.
export function settle(scroll) {
  const box = scroll.querySelector(".cards");
  const cards = [...box.querySelectorAll(".card")];
  const frames = cards.filter((card) => card.open).map((card) => card.querySelector(".body-frame"));
  const began = performance.now();
  let anchor = null;
  let offset = 0;
  const last = cards.filter((card) => card.matches(".unread[open]")).at(-1);
  // Where to go is known once these are as high as they will be.
  const leading = () => {
    const up = frames.filter((frame) => last && (last.contains(frame) || frame.compareDocumentPosition(last) & 4));
    return up.length > 1 || (up.length && topIn(scroll, last) > scroll.clientHeight * 0.6) ? up : [];
  };

  const hold = () => {
    if (anchor === null || !scroll.isConnected) return;
    const moved = topIn(scroll, anchor) - offset;
    if (Math.abs(moved) > 0.5) scroll.scrollTop += moved;
  };
  const arrive = () => {
    scroll.classList.remove("placing");
    scroll.scrollTop = Math.max(0, wantedTop(scroll, cards));
    if (!scroll.scrollTop) return;
    anchor = cards.find((card) => topIn(scroll, card) > -1) ?? null;
    offset = anchor ? topIn(scroll, anchor) : 0;
  };
  const veil = () => {
    const { bottom } = scroll.getBoundingClientRect();
    const late = performance.now() - began > PATIENCE_MS;
    const waiting = frames.find((frame) => !placed.has(frame) && frame.getBoundingClientRect().top < bottom);
    for (const frame of frames) frame.classList.toggle("pending", frame === waiting && !late);
  };
  const look = () => {
    if (!scroll.isConnected) return release();
    const late = performance.now() - began > PATIENCE_MS;
    if (scroll.matches(".placing")) {
      if (!late && leading().some((frame) => !placed.has(frame))) return undefined;
      arrive();
    }
    veil();
    return undefined;
  };
  const observer = new ResizeObserver(hold);
  const loosen = () => {
    anchor = null;
  };
  const touched = ["wheel", "touchstart", "pointerdown", "keydown"];
  function release() {
    observer.disconnect();
    loosen();
    document.removeEventListener("frameplaced", look);
  }
  scroll.classList.add("placing");
  document.addEventListener("frameplaced", look);
  observer.observe(box);
  for (const kind of touched) scroll.addEventListener(kind, loosen, { once: true, passive: true });
  setTimeout(look, PATIENCE_MS + 50);
  setTimeout(release, ANCHORED_MS);
  look();
}
