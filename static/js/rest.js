// When what is shown may be exchanged: not under a pointer that is about to press, or presses.

const STILL_MS = 200;
const LONGEST_MOVE_MS = 1500;
const LONGEST_PRESS_MS = 10000;
const PRESSED = "a, button, input, label, summary, .row";

let press = null;
let movedAt = -STILL_MS;

function pressed(event) {
  if (press || event.button || !event.target.closest?.(PRESSED)) return;
  press = { dragged: false, limit: setTimeout(released, LONGEST_PRESS_MS) };
  press.over = new Promise((resolve) => (press.resolve = resolve));
}

// The browser tells of the click only after it told that the pointer was let go.
function released() {
  if (!press) return;
  const { resolve, limit } = press;
  press = null;
  clearTimeout(limit);
  setTimeout(resolve, 0);
}

export function startRest() {
  const options = { capture: true, passive: true };
  window.addEventListener("pointerdown", pressed, options);
  window.addEventListener("pointerup", released, options);
  window.addEventListener("dragend", released, options);
  // A row that is dropped leaves the list, and with it the end of dragging that would tell of it.
  window.addEventListener("drop", released, options);
  window.addEventListener("blur", (event) => event.target === window && released());
  // What begins to be dragged is cancelled as a press.
  window.addEventListener("dragstart", () => press && (press.dragged = true), options);
  window.addEventListener("pointercancel", () => press?.dragged || released(), options);
  window.addEventListener("pointermove", (event) => (movedAt = event.timeStamp), options);
}

// Resolves once nothing is pressed, and the pointer has been still for a moment or has moved for long.
export async function atRest() {
  const latest = performance.now() + LONGEST_MOVE_MS;
  for (;;) {
    const wait = Math.min(movedAt + STILL_MS, latest) - performance.now();
    if (press) await press.over;
    else if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    else return;
  }
}

// One at a time. Who asks while it runs gets one more run, begun after that.
export function oneAtATime(run) {
  let running = null;
  let next = null;
  return function ask() {
    if (running) {
      next ??= running.then(() => {
        next = null;
        return ask();
      });
      return next;
    }
    running = run()
      .catch(() => {})
      .finally(() => {
        running = null;
      });
    return running;
  };
}
