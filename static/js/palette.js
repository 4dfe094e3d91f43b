// Ctrl+K: go to a folder or do something; v: move to a folder. One dialog, one list, type to narrow.

const dialog = () => document.getElementById("palette");
const input = () => document.getElementById("palette-input");
const box = () => document.getElementById("palette-list");
let choices = [];
let shown = [];
let at = 0;

function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function fits(text, words) {
  const subject = folded(text);
  return words.every((word) => subject.includes(word));
}

function rank(choice, query) {
  const label = folded(choice.label);
  return label.startsWith(query) ? 0 : label.includes(` ${query}`) ? 1 : 2;
}

function draw() {
  const query = folded(input().value.trim());
  const words = query.split(/\s+/).filter(Boolean);
  shown = choices.filter((choice) => fits(`${choice.label} ${choice.hint ?? ""}`, words));
  if (query) shown.sort((a, b) => rank(a, query) - rank(b, query));
  shown = shown.slice(0, 60);
  at = 0;
  box().replaceChildren(
    ...shown.map((choice, index) => {
      const item = document.createElement("li");
      item.id = `choice-${index}`;
      item.role = "option";
      item.dataset.index = index;
      if (choice.icon) item.append(choice.icon.cloneNode(true));
      item.append(Object.assign(document.createElement("span"), { textContent: choice.label }));
      if (choice.hint) item.append(Object.assign(document.createElement("span"), { className: "hint", textContent: choice.hint }));
      return item;
    }),
  );
  dialog().querySelector(".palette-empty").hidden = shown.length > 0;
  mark();
}

function mark() {
  for (const item of box().children) item.setAttribute("aria-selected", String(Number(item.dataset.index) === at));
  input().setAttribute("aria-activedescendant", shown.length ? `choice-${at}` : "");
  box().children[at]?.scrollIntoView({ block: "nearest" });
}

function run(index) {
  const choice = shown[index];
  if (!choice) return;
  dialog().close();
  choice.run();
}

export function choose(given, placeholder) {
  choices = given;
  input().value = "";
  input().placeholder = placeholder;
  draw();
  dialog().showModal();
  input().focus();
}

export function folderChoices(run, { first = [], except = [] } = {}) {
  const several = document.querySelectorAll(".sidebar .account").length > 1;
  const later = (link) => Number(!first.includes(link.closest(".account")?.dataset.account));
  return [...document.querySelectorAll(".tree-link[data-folder]")]
    .sort((a, b) => later(a) - later(b))
    .filter((link) => !except.includes(link.dataset.folder))
    .map((link) => ({
      label: link.dataset.title,
      hint: several ? (link.closest(".account")?.querySelector("h2").textContent ?? "") : "",
      icon: link.querySelector(".icon"),
      run: () => run(link),
    }));
}

export function chooseTarget(move, where) {
  choose(
    // Not the list of all inboxes, which belongs to no account.
    folderChoices((link) => move(link.dataset.folder), { ...where, except: ["inbox", ...where.except] }),
    "Move to…",
  );
}

export function startPalette() {
  input().addEventListener("input", draw);
  input().addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (shown.length) at = (at + step + shown.length) % shown.length;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(at);
    }
  });
  box().addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) run(Number(item.dataset.index));
  });
  dialog().addEventListener("click", (event) => {
    if (event.target === dialog()) dialog().close();
  });
}
