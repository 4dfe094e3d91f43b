// Which conversations are picked, and the tools of the row under the pointer.
import { list, pane, rows } from "./list.js";

let lastPicked = null;

export const selectedRows = () => rows().filter((row) => row.querySelector(".pick input").checked);
export const wholeFolder = () => Boolean(list()?.querySelector("input[name=all]:checked"));

export function showSelected() {
  const form = list();
  if (!form) return;
  const count = selectedRows().length;
  const all = document.getElementById("select-all");
  all.indeterminate = count > 0 && count < rows().length;
  if (!count) all.checked = false;
  const everything = form.querySelector("input[name=all]");
  if (!all.checked && everything) everything.checked = false;
  const several = form.querySelector("[data-several]");
  if (several) several.hidden = count < 2 || wholeFolder();
  form.querySelector("[data-selected]").textContent = wholeFolder() ? "All selected" : count ? `${count} selected` : "";
}

export function clearSelection() {
  for (const row of rows()) row.querySelector(".pick input").checked = false;
  document.getElementById("select-all").checked = false;
  showSelected();
}

export function togglePicked(row) {
  const input = row.querySelector(".pick input");
  input.checked = !input.checked;
  lastPicked = row;
  showSelected();
}

export function startSelection() {
  startTools();
  pane().addEventListener("click", (event) => {
    const input = event.target.closest?.(".pick input");
    if (!input) return;
    const row = input.closest(".row");
    if (event.shiftKey && lastPicked?.isConnected) {
      const all = rows();
      const [from, to] = [all.indexOf(lastPicked), all.indexOf(row)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.querySelector(".pick input").checked = input.checked;
    }
    lastPicked = row;
  });
  pane().addEventListener("change", (event) => {
    if (event.target.id === "select-all") {
      for (const row of rows()) row.querySelector(".pick input").checked = event.target.checked;
    } else if (event.target.matches(".pick input") && !event.target.checked) {
      document.getElementById("select-all").checked = false;
    }
    showSelected();
  });
}

// The tools of a row exist once and go where the pointer is.
function startTools() {
  const tools = document.getElementById("row-tools").content.firstElementChild.cloneNode(true);
  pane().addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const row = event.target.closest?.(".row");
    if (row && tools.parentElement !== row) row.append(tools);
  });
  pane().addEventListener("pointerleave", () => tools.remove());
}
