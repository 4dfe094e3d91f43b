// A file looked at over the mail: the page of the file in a dialog, stepped through with arrows.
import { fragment, getHtml } from "./net.js";

let dialog;
let opener;

function stage() {
  if (dialog) return dialog;
  dialog = document.createElement("dialog");
  dialog.className = "viewer-dialog";
  dialog.addEventListener("close", () => {
    // What plays goes on playing in a closed dialog.
    dialog.replaceChildren();
    opener?.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-viewer-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  return dialog;
}

async function show(url) {
  let viewer;
  try {
    viewer = fragment(await getHtml(url)).querySelector(".viewer");
  } catch {
    location.assign(url);
    return;
  }
  const here = stage();
  here.setAttribute("aria-label", viewer.getAttribute("aria-label"));
  here.replaceChildren(viewer);
  if (!here.open) here.showModal();
  (here.querySelector(".viewer-paper") ?? here.querySelector("[data-viewer-close]")).focus({ preventScroll: true });
}

const plain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);

export function startViewer() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-view], .viewer-dialog a[data-viewer-step], .viewer-dialog a[data-viewer-again]");
    if (!link || !plain(event)) return;
    event.preventDefault();
    if (!dialog?.open) opener = link;
    show(link.href);
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const viewer = document.querySelector(".viewer");
      if (!viewer || !plain(event) || event.target.closest?.("video, audio, input, textarea")) return;
      const step = { ArrowLeft: "-1", ArrowRight: "1" }[event.key];
      if (step) {
        event.preventDefault();
        viewer.querySelector(`[data-viewer-step="${step}"]`)?.click();
      } else if (event.key === "Escape" && !dialog?.open) {
        viewer.querySelector("[data-viewer-close]")?.click();
      }
    },
    true,
  );
}
