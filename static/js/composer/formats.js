// The bar of formats: buttons, small menus, keys, and what applies where the cursor stands.

const MOD = /Mac|iP(?:hone|ad|od)/.test(navigator.platform) ? "Meta-" : "Ctrl-";
const STEP_PX = 40;
const FURTHEST_PX = 400;
const SHOWN = "webmail-formats";

function indent(editor, by) {
  if (editor.hasFormat("LI")) {
    if (by > 0) editor.increaseListLevel();
    else editor.decreaseListLevel();
    return;
  }
  editor.forEachBlock((block) => {
    const left = Math.min(FURTHEST_PX, Math.max(0, (Number.parseInt(block.style.marginLeft, 10) || 0) + by * STEP_PX));
    block.style.marginLeft = left ? `${left}px` : "";
    if (!block.getAttribute("style")) block.removeAttribute("style");
  }, true);
}

export function makeFormats(editor, { link, picture }) {
  const either = (tag, on, off) => () => (editor.hasFormat(tag) ? off() : on());
  return {
    undo: () => editor.undo(),
    redo: () => editor.redo(),
    bold: either("B", () => editor.bold(), () => editor.removeBold()),
    italic: either("I", () => editor.italic(), () => editor.removeItalic()),
    underline: either("U", () => editor.underline(), () => editor.removeUnderline()),
    strike: either("S", () => editor.strikethrough(), () => editor.removeStrikethrough()),
    list: either("UL", () => editor.makeUnorderedList(), () => editor.removeList()),
    numbers: either("OL", () => editor.makeOrderedList(), () => editor.removeList()),
    indent: () => indent(editor, 1),
    outdent: () => indent(editor, -1),
    quote: either("BLOCKQUOTE", () => editor.increaseQuoteLevel(), () => editor.decreaseQuoteLevel()),
    code: () => editor.toggleCode(),
    size: (value) => editor.setFontSize(value || null),
    color: (value) => editor.setTextColor(value || null),
    highlight: (value) => editor.setHighlightColor(value || null),
    align: (value) => editor.setTextAlignment(value),
    clear: () => {
      editor.removeAllFormatting();
      editor.setTextAlignment("");
    },
    link,
    picture,
  };
}

const KEYS = {
  "Shift-7": ["numbers"],
  "Shift-8": ["list"],
  "Shift-9": ["quote"],
  "Shift-X": ["strike"],
  "Shift-L": ["align", ""],
  "Shift-E": ["align", "center"],
  "Shift-R": ["align", "right"],
  "]": ["indent"],
  "[": ["outdent"],
  "\\": ["clear"],
  k: ["link"],
};
const MARKED = { bold: "B", italic: "I", underline: "U", strike: "S", list: "UL", numbers: "OL", quote: "BLOCKQUOTE", link: "A" };

function startKeys(editor, run) {
  for (const [key, [name, value]] of Object.entries(KEYS)) {
    const handler = (_, event) => {
      event.preventDefault();
      run(name, value);
    };
    editor.setKeyHandler(MOD + key, handler);
    editor.setKeyHandler(MOD + key.replace(/[A-Z]$/, (letter) => letter.toLowerCase()), handler);
  }
  // Escape is the composer's, a bookmark and the pages are the browser's.
  for (const key of ["Escape", "PageUp", "PageDown", `${MOD}d`, `${MOD}Shift-5`, `${MOD}Shift-6`]) editor.setKeyHandler(key, null);
}

export function startFormats(root, editor, formats) {
  const bar = root.querySelector("[data-tools]");
  const toggle = root.querySelector("[data-formats]");
  const stops = () => [...bar.querySelectorAll(":scope > button, :scope > details > summary")].filter((each) => !each.disabled);

  function run(name, value) {
    editor.focus();
    formats[name](value);
    mark();
  }

  function mark() {
    for (const [name, tag] of Object.entries(MARKED)) {
      bar.querySelector(`[data-format="${name}"]`)?.setAttribute("aria-pressed", String(editor.hasFormat(tag)));
    }
    const code = editor.hasFormat("PRE") || editor.hasFormat("CODE");
    bar.querySelector('[data-format="code"]').setAttribute("aria-pressed", String(code));
  }

  function stopAt(chosen) {
    for (const each of stops()) each.tabIndex = each === chosen ? 0 : -1;
  }

  // The selection stays in the text.
  bar.addEventListener("mousedown", (event) => event.preventDefault());
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (!button) return;
    run(button.dataset.format, button.dataset.value);
    button.closest("details")?.removeAttribute("open");
  });
  bar.addEventListener("keydown", (event) => {
    const inside = event.target.closest(".menu-items");
    const move = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!move) return;
    event.preventDefault();
    const all = inside ? [...inside.querySelectorAll("button")] : stops();
    const at = all.indexOf(document.activeElement);
    const next = Number.isFinite(move) ? (at + move + all.length) % all.length : move < 0 ? 0 : all.length - 1;
    if (!inside) stopAt(all[next]);
    all[next].focus();
  });
  editor.addEventListener("pathChange", mark);
  editor.addEventListener("undoStateChange", (event) => {
    bar.querySelector('[data-format="undo"]').disabled = !event.detail.canUndo;
    bar.querySelector('[data-format="redo"]').disabled = !event.detail.canRedo;
  });
  startKeys(editor, run);
  for (const name of ["undo", "redo"]) bar.querySelector(`[data-format="${name}"]`).disabled = true;
  stopAt(stops()[0]);

  let shown = matchMedia("(min-width: 700px)").matches;
  try {
    shown = localStorage.getItem(SHOWN) ? localStorage.getItem(SHOWN) === "1" : shown;
  } catch {
    // Forbidden: as the width has it.
  }
  const show = (rich) => {
    bar.hidden = !rich || !shown;
    toggle.hidden = !rich;
    toggle.setAttribute("aria-pressed", String(shown));
  };
  toggle.addEventListener("click", () => {
    shown = !shown;
    try {
      localStorage.setItem(SHOWN, shown ? "1" : "0");
    } catch {
      // Forbidden: for this time only.
    }
    show(true);
  });
  return { show };
}
