// The address of a link: shown while the cursor is in one, set with Ctrl+K, changed and removed in the same place.

const MAIL = /^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/;

function targetOf(text) {
  const address = text.trim();
  if (!address) return "";
  if (MAIL.test(address)) return `mailto:${address}`;
  if (/^(?:https?:\/\/|mailto:|tel:)/i.test(address)) return address;
  return /^[a-z][a-z0-9+.-]*:(?!\d)/i.test(address) ? "" : `https://${address}`;
}

export function startLink(root, editor) {
  const row = root.querySelector("[data-link]");
  const input = row.querySelector("[data-link-input]");
  const remove = row.querySelector("[data-link-remove]");

  const here = () => {
    const range = editor.getSelection();
    const node = range.commonAncestorContainer;
    return (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest("a");
  };

  function open() {
    const anchor = here();
    const selected = editor.getSelectedText();
    row.hidden = false;
    remove.hidden = !anchor;
    input.value = anchor ? anchor.getAttribute("href") : targetOf(/^\S+\.\S+$/.test(selected) ? selected : "");
    input.focus();
    input.select();
  }

  function leave() {
    row.hidden = true;
    editor.focus();
  }

  function set() {
    const target = targetOf(input.value);
    input.setAttribute("aria-invalid", String(!target));
    if (!target) return;
    const anchor = here();
    leave();
    if (anchor) {
      editor.saveUndoState();
      anchor.setAttribute("href", target);
    } else {
      editor.makeLink(target);
    }
  }

  row.querySelector("[data-link-set]").addEventListener("click", set);
  remove.addEventListener("click", () => {
    const anchor = here();
    leave();
    if (!anchor) return;
    const range = document.createRange();
    range.selectNodeContents(anchor);
    editor.setSelection(range);
    editor.removeLink();
  });
  row.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === input) {
      event.preventDefault();
      event.stopPropagation();
      set();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave();
    }
  });
  editor.addEventListener("pathChange", () => {
    if (row.contains(document.activeElement)) return;
    const anchor = here();
    row.hidden = !anchor;
    remove.hidden = !anchor;
    if (anchor) input.value = anchor.getAttribute("href");
  });
  return { open, hide: () => (row.hidden = true) };
}
