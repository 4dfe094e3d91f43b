// Who sent a message: where that was not known yet, its header has come with the text that is now in the frame.
import { fragment, getHtml } from "./net.js";

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
