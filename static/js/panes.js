// Widths of the panes and the drawer.

const NARROWEST = 160;
const WIDEST = 900;
const YEAR = 31536000;
const box = () => document.getElementById("mailbox");

function widths() {
  return [document.getElementById("sidebar").offsetWidth, document.getElementById("main").offsetWidth];
}

function set(which, width) {
  const limited = Math.min(Math.max(Math.round(width), which === "list" ? 260 : NARROWEST), WIDEST);
  box().style.setProperty(which === "list" ? "--list-width" : "--sidebar-width", `${limited}px`);
  document.querySelector(`[data-splitter="${which}"]`).setAttribute("aria-valuenow", limited);
}

function keep() {
  document.cookie = `panes=${widths().join("-")}; path=/; max-age=${YEAR}; samesite=lax`;
}

function startSplitter(splitter) {
  const which = splitter.dataset.splitter;
  const pane = () => document.getElementById(which === "list" ? "main" : "sidebar");
  splitter.addEventListener("pointerdown", (event) => {
    const [start, width] = [event.clientX, pane().offsetWidth];
    splitter.setPointerCapture(event.pointerId);
    splitter.classList.add("dragging");
    document.body.classList.add("resizing");
    const moved = (move) => set(which, width + move.clientX - start);
    splitter.addEventListener("pointermove", moved);
    splitter.addEventListener(
      "lostpointercapture",
      () => {
        splitter.removeEventListener("pointermove", moved);
        splitter.classList.remove("dragging");
        document.body.classList.remove("resizing");
        keep();
      },
      { once: true },
    );
  });
  splitter.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (!step) return;
    event.preventDefault();
    set(which, pane().offsetWidth + step);
    keep();
  });
}

export function startPanes() {
  for (const splitter of document.querySelectorAll("[data-splitter]")) startSplitter(splitter);
  const shown = (value) => {
    document.body.classList.toggle("drawer-shown", value);
    if (value) document.querySelector(".sidebar a, .sidebar button")?.focus();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-drawer]")) shown(true);
    else if (event.target.closest?.("[data-drawer-close]")) shown(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shown(false);
  });
}
