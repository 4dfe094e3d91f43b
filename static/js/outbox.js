// While something is on its way the outbox looks again, and touches only what has changed.
const PAUSE_MS = 1500;

async function look() {
  const list = document.querySelector("[data-moving]");
  if (!list) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-outbox]");
    if (answer.redirected || !fresh) return;
    const entries = new Map([...fresh.querySelectorAll(".outbox-entry")].map((entry) => [entry.id, entry]));
    for (const old of document.querySelectorAll(".outbox-entry")) {
      const now = entries.get(old.id);
      if (!now) old.remove();
      else if (old.querySelector(".outbox-state").textContent !== now.querySelector(".outbox-state").textContent)
        old.replaceWith(document.importNode(now, true));
    }
    if (!fresh.hasAttribute("data-moving")) list.removeAttribute("data-moving");
  } catch {
    // No connection: the next look may have one.
  }
  setTimeout(look, PAUSE_MS);
}

setTimeout(look, PAUSE_MS);
