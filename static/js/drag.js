// Rows dragged to folders with the mouse, swiped with a finger.
import { folderOf } from "./list.js";
import { selectedRows } from "./selection.js";

const SWIPE_PX = 90;

export function startDragging({ move }) {
  const main = document.getElementById("main");
  const label = Object.assign(document.createElement("div"), { className: "drag-label" });
  document.body.append(label);
  let dragged = [];

  main.addEventListener("pointerdown", (event) => {
    const row = event.target.closest?.(".row");
    if (row) row.draggable = event.pointerType === "mouse";
  });
  main.addEventListener("dragstart", (event) => {
    const row = event.target.closest?.(".row");
    if (!row) return;
    const picked = selectedRows();
    dragged = picked.includes(row) ? picked : [row];
    label.textContent = dragged.length === 1 ? "1 conversation" : `${dragged.length} conversations`;
    event.dataTransfer.setDragImage(label, 0, 0);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", label.textContent);
    for (const one of dragged) one.classList.add("dragged");
  });
  const end = () => {
    for (const one of dragged) one.classList.remove("dragged");
    dragged = [];
    document.querySelector(".drop-here")?.classList.remove("drop-here");
  };
  main.addEventListener("dragend", end);

  const target = (event) => {
    const link = event.target.closest?.(".tree-link[data-folder]");
    const fits = link?.closest(".account") && dragged.every((row) => folderOf(row) !== link.dataset.folder);
    return fits ? link : null;
  };
  const sidebar = document.getElementById("sidebar");
  sidebar.addEventListener("dragover", (event) => {
    const link = dragged.length ? target(event) : null;
    document.querySelector(".drop-here")?.classList.remove("drop-here");
    if (!link) return;
    event.preventDefault();
    link.classList.add("drop-here");
  });
  sidebar.addEventListener("dragleave", () => document.querySelector(".drop-here")?.classList.remove("drop-here"));
  sidebar.addEventListener("drop", (event) => {
    const link = dragged.length ? target(event) : null;
    if (!link) return;
    event.preventDefault();
    const ids = dragged.map((row) => row.dataset.id);
    // What is moved leaves the list, and then nobody hears of the end of dragging.
    end();
    move(ids, link.dataset.folder);
  });
}

export function startSwiping({ act }) {
  const main = document.getElementById("main");
  let swipe = null;
  const end = (run) => {
    if (!swipe) return;
    const { row, moved } = swipe;
    swipe = null;
    row.querySelector(".row-link").style.translate = "";
    row.classList.remove("swipe-archive", "swipe-delete");
    if (run && Math.abs(moved) > SWIPE_PX) act(moved > 0 ? "archive" : "delete", [row.dataset.id]);
  };
  main.addEventListener(
    "touchstart",
    (event) => {
      const row = event.target.closest?.(".row");
      const [touch] = event.touches;
      swipe = row && event.touches.length === 1 ? { row, x: touch.clientX, y: touch.clientY, moved: 0, sure: false } : null;
    },
    { passive: true },
  );
  main.addEventListener(
    "touchmove",
    (event) => {
      if (!swipe) return;
      const [touch] = event.touches;
      const [x, y] = [touch.clientX - swipe.x, touch.clientY - swipe.y];
      if (!swipe.sure && Math.abs(y) > 10 && Math.abs(y) > Math.abs(x)) return end(false);
      if (!swipe.sure && Math.abs(x) < 16) return;
      swipe.sure = true;
      swipe.moved = x;
      event.preventDefault();
      swipe.row.querySelector(".row-link").style.translate = `${x}px`;
      swipe.row.classList.toggle("swipe-archive", x > SWIPE_PX);
      swipe.row.classList.toggle("swipe-delete", x < -SWIPE_PX);
    },
    { passive: false },
  );
  main.addEventListener("touchend", () => end(true));
  main.addEventListener("touchcancel", () => end(false));
}
