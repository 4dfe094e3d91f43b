// Another sender brings another signature. Only what is still exactly the old one is replaced.
import { ask } from "./talk.js";

const FORWARDED = "---------- Forwarded message ----------";
const words = (element) => element.textContent.replace(/\s+/g, " ").trim();

function element(html) {
  // Made safe on the server; a template runs and loads nothing.
  const template = document.createElement("template");
  template.innerHTML = `<div class="signature">${html}</div>`;
  return template.content.firstChild;
}

function line() {
  const empty = document.createElement("div");
  empty.append(document.createElement("br"));
  return empty;
}

function quoteBegins(box) {
  for (const child of box.children) {
    if (words(child) === FORWARDED) return child;
    if (!child.matches("blockquote[type=cite]")) continue;
    const before = child.previousElementSibling;
    return before && words(before).endsWith(":") ? before : child;
  }
  return null;
}

function swap(box, answer) {
  const before = answer.old && element(answer.old);
  const after = answer.new && element(answer.new);
  if (before) {
    const own = [...box.querySelectorAll("div.signature")].filter((each) => !each.closest("blockquote"));
    const standing = own.find((each) => words(each) === words(before));
    if (!standing) return false;
    if (after) standing.replaceWith(document.importNode(after, true));
    else standing.replaceWith(line());
    return true;
  }
  if (!after) return false;
  const place = answer.place === "below" ? null : quoteBegins(box);
  box.insertBefore(document.importNode(after, true), place);
  if (place) box.insertBefore(line(), place);
  else if (box.children.length < 3) box.firstElementChild.before(line());
  return true;
}

export function startIdentity(root, composer) {
  const select = root.querySelector("[data-identity]");
  const area = root.querySelector("textarea[name=text]");
  const reports = root.querySelector("[data-reports]");
  let current = select.value;
  let running = null;

  async function follow() {
    while (select.value !== current) {
      const old = current;
      const chosen = select.value;
      const text = area.value;
      let answer;
      try {
        answer = await ask(select.dataset.identity, { old, new: chosen, text });
      } catch {
        return; // The text stays signed as it was; the next change tries again.
      }
      if (select.value !== chosen) continue;
      if (composer.text.value().plain === "1") {
        if (area.value !== text) continue;
        area.value = answer.text;
      } else {
        swap(root.querySelector(".composer-rich"), answer);
      }
      current = chosen;
      root.dataset.limit = answer.limit;
      root.dataset.limitText = answer.limit_text;
      reports.hidden = !answer.reports && !reports.querySelector("input").checked;
      composer.saver.changed();
    }
  }

  select.addEventListener("change", () => {
    running ??= follow().finally(() => (running = null));
  });
  return { fill: () => (current = select.value) };
}
