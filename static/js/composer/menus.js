// Menus of the composer: one open at a time, closed by Escape, by a choice and by a press elsewhere; arrows move inside.

const items = (menu) =>
  [...menu.querySelectorAll(".menu-item, .menu-items input, .menu-items select")].filter((each) => each.offsetParent);

function close(menu, { back = false } = {}) {
  menu.open = false;
  if (back) menu.querySelector("summary").focus();
}

export function startMenus(root) {
  const open = () => root.querySelectorAll("details.menu[open]");
  const elsewhere = (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) close(menu);
  };
  document.addEventListener("pointerdown", elsewhere);
  root.addEventListener("focusin", elsewhere);
  root.addEventListener("click", (event) => {
    const item = event.target.closest("details.menu .menu-item");
    if (item && !item.matches("[aria-haspopup], label")) close(item.closest("details.menu"));
  });
  root.addEventListener(
    "keydown",
    (event) => {
      // A menu of the bar of formats opens while the cursor stays in the text.
      if (event.key === "Escape" && open().length) {
        event.preventDefault();
        event.stopPropagation();
        for (const each of open()) close(each, { back: each.contains(event.target) });
        return;
      }
      const menu = event.target.closest("details.menu[open]");
      if (!menu) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || event.target.matches("select, input:not([type=checkbox], [type=radio])")) return;
      const all = items(menu);
      if (!all.length) return;
      event.preventDefault();
      const at = all.indexOf(document.activeElement);
      all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length].focus();
    },
    { capture: true },
  );
  return { stop: () => document.removeEventListener("pointerdown", elsewhere) };
}
