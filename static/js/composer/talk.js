// Requests of the composer, answered with JSON, and words for the person.
import { token } from "../net.js";

export const headers = () => ({ Accept: "application/json", "X-CSRFToken": token() });

export async function ask(url, fields, { keepalive = false } = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  let response;
  try {
    response = await fetch(url, { method: "POST", body, headers: headers(), credentials: "same-origin", keepalive });
  } catch (error) {
    throw new Error("there is no connection to the server.", { cause: error });
  }
  return read(response.status, response.headers.get("Content-Type") ?? "", () => response.json());
}

export async function read(status, type, json) {
  if (type.includes("json")) return json();
  if (status === 413) throw new Error("it is too large.");
  if (status === 403 || status < 400) {
    throw Object.assign(new Error("you have been signed out. Sign in again in another tab."), { signedOut: true });
  }
  if (status === 404) throw new Error("this draft is no longer there.");
  throw new Error("the server could not do it.");
}

// ``count``: the seconds in which ``act`` is possible are counted down.
export function notify(text, { label = "", act = null, seconds = 8, count = false } = {}) {
  const box = document.getElementById("toasts");
  const toast = document.createElement("div");
  toast.className = "toast";
  const line = document.createElement("p");
  line.textContent = text;
  toast.append(line);
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-action";
    button.textContent = label;
    // The key for undoing presses it.
    button.toggleAttribute("data-undo", label === "Undo");
    if (count) countDown(button, seconds);
    button.addEventListener("click", async () => {
      toast.remove();
      try {
        await act();
      } catch (error) {
        notify(`That did not work: ${error.message}`);
      }
    });
    toast.append(button);
  }
  box.append(toast);
  if (count) toast.classList.add("counting");
  setTimeout(() => toast.remove(), Math.max(seconds, 2) * 1000);
}

function countDown(button, seconds) {
  const left = document.createElement("span");
  left.className = "toast-count";
  // Read out once with the label would be once too often.
  left.setAttribute("aria-hidden", "true");
  button.append(left);
  const ends = Date.now() + seconds * 1000;
  const tick = () => {
    const more = Math.ceil((ends - Date.now()) / 1000);
    left.textContent = more > 0 ? ` ${more}` : "";
    if (more > 0 && button.isConnected !== false) setTimeout(tick, 250);
  };
  tick();
}
