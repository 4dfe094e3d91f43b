// A draft that is changed, sent or discarded somewhere else while it stands open here, and a session that has ended.
// Nothing that is shown is replaced without being asked; what is written on becomes a draft of its own.
import { startEvents } from "../events.js";
import { lockOf } from "./local.js";

const PAUSE_MS = 250;

const MOVED = "webmail-moved";
let listening = false;

// What is to be said on the next page, where the composer is a page of its own.
export function leaveMoved(text, other) {
  try {
    sessionStorage.setItem(MOVED, JSON.stringify({ text, other }));
  } catch {
    // Forbidden: the page then says nothing.
  }
}

function takeMoved() {
  try {
    const moved = JSON.parse(sessionStorage.getItem(MOVED));
    sessionStorage.removeItem(MOVED);
    return moved;
  } catch {
    return null;
  }
}

// A page of its own has nobody else who listens; in the mailbox the stream is there already.
function listen() {
  if (listening || document.getElementById("mailbox")) return;
  listening = true;
  startEvents({ eventsUrl: "/events", revision: "" }, () => {});
}

export function startElsewhere(root, composer) {
  const bar = document.createElement("div");
  bar.className = "note warn composer-elsewhere";
  bar.setAttribute("role", "status");
  bar.hidden = true;
  root.querySelector("[data-trouble]").after(bar);
  let timer;
  let signedOut = false;

  function say(text, label, act) {
    const line = document.createElement("span");
    line.textContent = text;
    const parts = [line];
    if (label) {
      const button = document.createElement(typeof act === "string" ? "a" : "button");
      button.className = "button";
      button.textContent = label;
      if (typeof act === "string") Object.assign(button, { href: act, target: "_blank", rel: "opener" });
      else {
        button.type = "button";
        button.addEventListener("click", act);
      }
      parts.push(button);
    }
    bar.replaceChildren(...parts);
    bar.hidden = false;
  }

  async function look() {
    if (composer.ended || signedOut) return;
    let state;
    try {
      const response = await fetch(root.dataset.page + "state/", { credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      state = await response.json();
    } catch {
      return;
    }
    if (composer.ended) return;
    const { saver } = composer;
    if (!state.editable) {
      say("This message was sent from another window. What you go on writing here becomes a new draft.");
    } else if (state.discarded) {
      say("This draft was discarded in another window. Go on writing to keep it.");
    } else if (state.revision > Number(saver.revision) && state.writer !== saver.writer && !saver.running) {
      say(
        `This draft was changed elsewhere at ${state.changed}. What you go on writing here becomes a draft of its own.`,
        "Show the other text",
        () => composer.showOther(),
      );
    }
  }

  function hint() {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  }

  const channel = new BroadcastChannel("mail-events");
  // What changed before the stream was up was told to nobody.
  channel.addEventListener("message", ({ data }) => (data.changed || data.up) && hint());
  listen();
  root.addEventListener("signed-out", () => {
    signedOut = true;
    say(
      "You have been signed out. What you write is kept in this browser and saved once you are signed in again.",
      "Sign in again",
      `/sign-in/?next=${encodeURIComponent(root.dataset.page)}`,
    );
  });
  const back = () => signedOut && composer.saver.flush();
  window.addEventListener("focus", back);
  const leaving = (event) => event.detail.push(composer.saver.flush());
  const left = () => composer.saver.stop();
  document.addEventListener("signing-out", leaving);
  document.addEventListener("signed-off", left);
  let release = () => {};
  navigator.locks?.request(lockOf(root.dataset.draft), { mode: "shared" }, () => new Promise((done) => (release = done)));
  const moved = takeMoved();
  if (moved) say(moved.text, moved.other && "Show the other text", () => location.assign(moved.other));

  return {
    saved() {
      if (signedOut) bar.hidden = true;
      signedOut = false;
    },
    stop() {
      release();
      clearTimeout(timer);
      channel.close();
      window.removeEventListener("focus", back);
      document.removeEventListener("signing-out", leaving);
      document.removeEventListener("signed-off", left);
    },
  };
}
