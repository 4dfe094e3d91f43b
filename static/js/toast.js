// Toasts: short, with Undo, gone by themselves unless somebody is at them.
import { fragment, post } from "./net.js";

const SHOWN_MS = 9000;
const MOST = 3;
const listeners = [];

function box() {
  return document.getElementById("toasts");
}

function watch(toast) {
  let timer = setTimeout(() => toast.remove(), SHOWN_MS);
  const hold = () => clearTimeout(timer);
  const release = () => {
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), SHOWN_MS / 2);
  };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", release);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", release);
}

// What an action was answered with: toasts, or a sentence where it went wrong.
export function showToasts(html) {
  if (html && !html.includes("<")) say(html);
  const found = [...fragment(html).querySelectorAll(".toast")];
  for (const toast of found) {
    box().append(toast);
    watch(toast);
  }
  while (box().children.length > MOST) box().firstElementChild.remove();
}

export function say(text) {
  const template = document.getElementById("toast-template");
  if (!template) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("p").textContent = text;
  box().append(toast);
  watch(toast);
}

export function onUndone(listener) {
  listeners.push(listener);
}

async function undo(form) {
  form.closest(".toast, .bulk-card")?.remove();
  try {
    const answer = await post(form.action, new FormData(form));
    showToasts(answer.html);
    for (const listener of listeners) listener();
  } catch (error) {
    say(`${error.message} Nothing was undone.`);
  }
}

export function undoLast() {
  // The last thing done, or what is being done; not what ended long before.
  const last = [...document.querySelectorAll(".bulk-card:has(progress) form[data-undo], .toast [data-undo]")].at(-1);
  if (last?.matches("button")) last.click();
  else if (last) undo(last);
}

export function startToasts() {
  for (const toast of box().children) watch(toast);
  document.addEventListener("click", (event) => {
    event.target.closest?.("[data-dismiss]")?.closest(".toast")?.remove();
  });
  document.addEventListener("submit", (event) => {
    // A page that does not follow what changes is loaded again by the form itself.
    if (!event.target.matches("form[data-undo]") || !document.getElementById("mailbox")) return;
    event.preventDefault();
    undo(event.target);
  });
}
