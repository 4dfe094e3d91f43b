// Texts that a tab could not save before it was closed or its session ended; and signing out, which leaves none behind.
import { drop, dropAll, kept, lockOf, put, take } from "./composer/local.js";
import { headers } from "./composer/talk.js";
import { post } from "./net.js";
import { say } from "./toast.js";

const SAVE_MS = 4000;
const SETTLED_MS = 3000;

const named = (draft) => {
  const subject = take(draft)?.fields.subject?.trim().slice(0, 80);
  return subject ? `What you wrote under “${subject}”` : "What you wrote";
};

function tell(text, act) {
  const toast = document.createElement("div");
  toast.className = "toast leftover";
  const line = document.createElement("p");
  line.textContent = text;
  toast.append(line);
  for (const [label, run] of [["Open it", act], ["Later", () => {}]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-action";
    button.textContent = label;
    button.addEventListener("click", () => {
      toast.remove();
      run();
    });
    toast.append(button);
  }
  document.getElementById("toasts").append(toast);
}

// The draft it belonged to is gone for good: the text begins another.
async function beginAnother(draft) {
  const form = document.querySelector("form[data-compose], form.compose-fab");
  const answer = await post(form.action, new FormData(form));
  const fresh = answer.html.match(/data-draft="(\d+)"/)?.[1];
  if (!answer.ok || !fresh) return;
  put(fresh, { revision: "1", fields: { ...take(draft).fields, identity: "" } });
  drop(draft);
  location.assign(`/compose/${fresh}/`);
}

// As the page itself would have done it: the same text changes nothing, a draft changed meanwhile gives a new one.
async function save(draft) {
  const { fields, revision } = take(draft);
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...fields, revision })) body.append(name, value);
  const text = named(draft);
  let before = 0;
  let response;
  try {
    const state = await fetch(`/compose/${draft}/state/`, { credentials: "same-origin" });
    if (state.ok && !state.redirected) before = (await state.json()).revision;
    const options = { method: "POST", body, headers: headers(), credentials: "same-origin" };
    response = await fetch(`/compose/${draft}/save/`, options);
  } catch {
    return;
  }
  if (response.status === 404) {
    tell(`${text} is kept in this browser; its draft is no longer there.`, () => beginAnother(draft));
    return;
  }
  if (!response.headers.get("Content-Type")?.includes("json")) return;
  const answer = await response.json();
  if (answer.moved) tell(`${text} before the page was closed is saved as a new draft.`, () => location.assign(answer.moved));
  else if (!answer.revision) return;
  else if (answer.revision !== before)
    tell(`${text} before the page was closed is saved in the draft now.`, () => location.assign(`/compose/${draft}/`));
  drop(draft);
}

// What no open page looks after.
async function left() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const busy = new Set(held.map((lock) => lock.name));
  return navigator.locks ? kept().filter((draft) => !busy.has(lockOf(draft))) : [];
}

// Once the dock has opened again what was open: that saves by itself what it kept.
export function saveLeftovers() {
  setTimeout(async () => {
    for (const draft of await left()) await save(draft);
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
    const all = Promise.allSettled([...waiting, left().then((drafts) => Promise.all(drafts.map(save)))]);
    await Promise.race([all, new Promise((done) => setTimeout(done, SAVE_MS))]);
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
