// The sidebar is fetched again whenever something changed; morphing keeps focus and scroll.
import htmx from "htmx.org";
import { getHtml } from "./net.js";
import { atRest, oneAtATime } from "./rest.js";

const box = () => document.getElementById("mailbox");

function unreadInInboxes() {
  const badges = document.querySelectorAll('.tree-link[data-use="inbox"] .badge');
  return [...badges].reduce((sum, badge) => sum + (Number.parseInt(badge.textContent, 10) || 0), 0);
}

export const refreshSidebar = oneAtATime(async () => {
  const before = unreadInInboxes();
  const folder = document.querySelector(".list")?.dataset.folder ?? "";
  const text = await getHtml(`${box().dataset.sidebarUrl}?folder=${folder}`);
  const target = document.getElementById("sidebar");
  await atRest();
  await htmx.swap({ text, target, swap: "innerMorph", sourceElement: target });
  announce(unreadInInboxes() - before);
  refreshSidebar.onChange?.();
});

function announce(more) {
  if (more <= 0) return;
  const region = document.getElementById("announcer");
  region.textContent = more === 1 ? "1 new message" : `${more} new messages`;
}

// Morphing keeps the button that is being pressed while the numbers beside it change.
export const refreshNotices = oneAtATime(async () => {
  const target = document.getElementById("notices");
  const under = new Set([...target.querySelectorAll(".bulk-card:has(progress)")].map((card) => card.id));
  const text = await getHtml(box().dataset.noticesUrl);
  await htmx.swap({ text, target, swap: "innerMorph", sourceElement: target });
  for (const card of target.querySelectorAll(".bulk-card:not(:has(progress))")) {
    if (under.has(card.id)) document.getElementById("announcer").textContent = card.querySelector("p").textContent;
  }
});
