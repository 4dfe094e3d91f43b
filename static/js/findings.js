// What is inside a message beside its text, fetched when its card is looked at.
import { fragment, getHtml } from "./net.js";

async function load(box) {
  try {
    const found = fragment(await getHtml(box.dataset.url)).querySelector(".findings");
    if (found && box.isConnected) box.replaceWith(found);
  } catch {
    // The link to the same on a page of its own stays.
  }
}

const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watch.unobserve(entry.target);
    load(entry.target.closest(".findings"));
  }
});

export function adoptFindings(root) {
  // The link: what holds it has no box of its own to come into view.
  for (const link of root.querySelectorAll(".findings[data-url] > .findings-link")) watch.observe(link);
}
