// Who sent a message: where that was not known yet, its header has come with the text that is now in the frame.
import { fragment, getHtml, post } from "./net.js";

export async function adoptSender(frame) {
  const card = frame.closest(".card[data-sender-url]");
  if (!card) return;
  const url = card.dataset.senderUrl;
  delete card.dataset.senderUrl;
  try {
    const found = fragment(await getHtml(url));
    for (const piece of found.querySelectorAll("[data-sender]")) {
      card.querySelector(`[data-sender="${piece.dataset.sender}"]`)?.replaceWith(piece);
    }
  } catch {
    // The card says nothing about its sender, as it did before.
  }
}

function replace(old, html) {
  const fresh = fragment(html).querySelector(`[data-sender="${old.dataset.sender}"]`);
  if (!fresh || !old.isConnected) return;
  old.replaceWith(fresh);
  fresh.focus();
}

// The question and its answer stand in the card; without a script both are pages, or a line above the mail.
export function startLeaving() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-unsubscribe]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      replace(link.closest('[data-sender="way-out"]'), await getHtml(link.href));
    } catch {
      location.assign(link.href);
    }
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-unsubscribe-form], form[data-receipt]");
    if (!form) return;
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    const { name, value } = event.submitter ?? buttons[0];
    for (const button of buttons) button.disabled = true;
    try {
      const answer = await post(form.action, [[name, value]]);
      replace(form.closest("[data-sender]"), answer.html);
    } catch {
      // No connection: they can be pressed again.
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  });
}
