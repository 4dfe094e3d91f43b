// Files dragged over the window: onto the one half they are attached, onto the other pictures go into the text.

const withFiles = (event) => event.dataTransfer?.types.includes("Files");

// Of several open messages the one under the pointer, else the one used last.
function isMeant(root, target) {
  if (root.contains(target)) return true;
  if (target.closest?.("[data-composer]")) return false;
  const open = [...document.querySelectorAll("[data-composer]:not(.minimised)")];
  open.sort((one, other) => (other.dataset.used ?? 0) - (one.dataset.used ?? 0));
  return open[0] === root;
}

export function startDrop(root, composer) {
  const zone = root.querySelector("[data-drop]");
  const intoText = zone.querySelector("[data-into-text]");
  let timer;

  const hide = () => {
    zone.hidden = true;
    for (const half of zone.children) half.classList.remove("over");
  };
  const over = (event) => {
    if (!withFiles(event) || !isMeant(root, event.target)) {
      hide();
      return;
    }
    event.preventDefault();
    zone.hidden = false;
    intoText.hidden = composer.text.value().plain === "1" || ![...event.dataTransfer.items].some((item) => item.type.startsWith("image/"));
    for (const half of zone.children) half.classList.toggle("over", half === event.target.closest("[data-drop] > div"));
    // Browsers do not always tell that the pointer has left.
    clearTimeout(timer);
    timer = setTimeout(hide, 1500);
  };
  const drop = (event) => {
    if (!withFiles(event) || zone.hidden || !isMeant(root, event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    const inline = Boolean(event.target.closest("[data-into-text]"));
    hide();
    composer.files.add([...event.dataTransfer.files], { inline });
  };
  const leave = (event) => !event.relatedTarget && hide();
  const listeners = { dragover: over, drop, dragleave: leave };
  for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener, { capture: true });
  return {
    stop() {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener, { capture: true });
    },
  };
}
