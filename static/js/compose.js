// Opening the composer: docked on a wide window, a page of its own elsewhere.
import htmx from "htmx.org";
import { post } from "./net.js";
import { say } from "./toast.js";

const dock = () => document.getElementById("composer-dock");
const wide = () => matchMedia("(min-width: 1100px)").matches;

async function openIn(url, fields) {
  try {
    const answer = await post(url, fields);
    if (!answer.ok) return say("The message could not be opened. Try again.");
    const target = dock();
    await htmx.swap({ text: answer.html, target, swap: "innerHTML", sourceElement: target });
    const root = target.querySelector("[data-composer-script]");
    if (root) {
      const { start } = await import(new URL(root.dataset.composerScript, location.href).href);
      start?.(root);
    }
  } catch (error) {
    say(`${error.message} The message could not be opened.`);
  }
  return undefined;
}

export function composeTo(href) {
  const form = document.querySelector("form.compose-fab");
  const [addresses, query] = href.slice("mailto:".length).split("?");
  const wanted = new URLSearchParams(query);
  const kept = new URLSearchParams();
  try {
    kept.set("to", decodeURIComponent(addresses));
  } catch {
    kept.set("to", addresses);
  }
  for (const name of ["subject", "body", "cc"]) if (wanted.get(name)) kept.set(name, wanted.get(name));
  const url = `${form.getAttribute("action")}?${kept}`;
  if (wide()) return openIn(url, new FormData(form));
  const page = form.cloneNode(true);
  page.action = url;
  document.body.append(page);
  return page.submit();
}

export function startComposing() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-compose]") || !wide()) return;
    event.preventDefault();
    openIn(event.target.action, new FormData(event.target));
  });
}
