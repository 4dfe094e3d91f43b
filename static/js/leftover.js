// Texts that a tab could not save before it was closed or its session ended; and signing out, which leaves none behind.
import { drop, dropAll, kept, put, take } from "./composer/local.js";
import { post } from "./net.js";
import { say } from "./toast.js";

const SAVE_MS = 4000;
const SETTLED_MS = 3000;

async function reopen(draft) {
  const page = `/compose/${draft}/`;
  let state = null;
  try {
    const response = await fetch(`${page}state/`, { credentials: "same-origin" });
    if (response.ok && !response.redirected) state = await response.json();
    else if (response.status !== 404) throw new Error(String(response.status));
  } catch {
    say("The server cannot be reached. The text stays kept in this browser.");
    return;
  }
  if (state?.editable) {
    location.assign(page);
    return;
  }
  // The draft it belonged to is gone or on its way: the text begins another.
  const form = document.querySelector("form[data-compose], form.compose-fab");
  const answer = await post(form.action, new FormData(form));
  const fresh = answer.html.match(/data-draft="(\d+)"/)?.[1];
  if (!answer.ok || !fresh) return;
  put(fresh, { revision: "1", fields: { ...take(draft).fields, identity: "" } });
  drop(draft);
  location.assign(`/compose/${fresh}/`);
}

function offer(draft) {
  const toast = document.createElement("div");
  toast.className = "toast leftover";
  const line = document.createElement("p");
  const subject = take(draft).fields.subject?.trim();
  line.textContent = `What you wrote${subject ? ` under “${subject.slice(0, 80)}”` : ""} was kept in this browser and is not saved yet.`;
  const open = document.createElement("button");
  open.type = "button";
  open.className = "toast-action";
  open.textContent = "Open it";
  open.addEventListener("click", () => {
    toast.remove();
    reopen(draft);
  });
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-action";
  close.textContent = "Later";
  close.addEventListener("click", () => toast.remove());
  toast.append(line, open, close);
  document.getElementById("toasts").append(toast);
}

// Once the dock has opened again what was open: that saves by itself what it kept.
export function offerLeftovers() {
  setTimeout(() => {
    const open = new Set([...document.querySelectorAll("[data-composer]")].map((root) => root.dataset.draft));
    const draft = kept().find((each) => !open.has(each));
    if (draft) offer(draft);
  }, SETTLED_MS);
}

export function startSigningOut() {
  let warned = false;
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (new URL(form.action, location.href).pathname !== "/sign-out/") return;
    event.preventDefault();
    const waiting = [];
    document.dispatchEvent(new CustomEvent("signing-out", { detail: waiting }));
    await Promise.race([Promise.allSettled(waiting), new Promise((done) => setTimeout(done, SAVE_MS))]);
    if (kept().length && !warned) {
      warned = true;
      say("Something you wrote is not saved yet. Sign out once more to give it up.");
      return;
    }
    document.dispatchEvent(new CustomEvent("signed-off"));
    dropAll();
    form.submit();
  });
}
