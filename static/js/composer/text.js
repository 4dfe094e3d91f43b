// The text: Squire with a small toolbar, or a plain textarea.
import DOMPurify from "dompurify";
import Squire from "squire-rte";

// Classes and ids of a quoted mail would meet our own style sheets.
const CLEAN = {
  RETURN_DOM_FRAGMENT: true,
  FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "svg", "math", "video", "audio"],
  FORBID_ATTR: ["id", "class", "name", "target"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:|data:image\/|\/compose\/)/i,
};

// By this one class a signature is known when the sender changes.
DOMPurify.addHook("uponSanitizeAttribute", (node, data) => {
  data.forceKeepAttr ||= data.attrName === "class" && data.attrValue === "signature" && node.nodeName === "DIV";
});

function fragment(html) {
  const cleaned = DOMPurify.sanitize(html, CLEAN);
  return document.importNode(cleaned, true);
}

function escaped(text) {
  const box = document.createElement("div");
  box.textContent = text;
  return box.innerHTML;
}

function asHtml(text) {
  return text
    .split("\n")
    .map((line) => `<div>${escaped(line) || "<br>"}</div>`)
    .join("");
}

export function startText(root, { changed, picture }) {
  const area = root.querySelector("textarea[name=text]");
  const form = root.querySelector("form");
  const tools = root.querySelector("[data-tools]");
  const toggle = root.querySelector("[data-switch]");
  const link = root.querySelector("[data-link]");
  const linkInput = root.querySelector("[data-link-input]");
  const box = document.createElement("div");
  box.className = "composer-rich";
  box.setAttribute("role", "textbox");
  box.setAttribute("aria-multiline", "true");
  box.setAttribute("aria-label", "Text");
  area.after(box);
  const editor = new Squire(box, { sanitizeToDOMFragment: fragment, blockTag: "DIV" });
  // Squire's own undo of Ctrl+B etc. stays; these leave the composer alone.
  editor.setKeyHandler("Escape", null);
  let plain = form.elements.plain.dataset.plain === "1";
  let ready = false;

  function show() {
    box.hidden = plain;
    area.hidden = !plain;
    tools.hidden = plain;
    link.hidden = true;
    toggle.hidden = false;
    toggle.setAttribute("aria-pressed", String(plain));
    form.elements.plain.value = plain ? "1" : "0";
  }

  function setHtml(html) {
    ready = false;
    editor.setHTML(html);
    editor.moveCursorToStart();
    // Squire reports its own setting of the text as an input, a moment later.
    queueMicrotask(() => setTimeout(() => (ready = true), 0));
  }

  const actions = {
    bold: () => (editor.hasFormat("B") ? editor.removeBold() : editor.bold()),
    italic: () => (editor.hasFormat("I") ? editor.removeItalic() : editor.italic()),
    underline: () => (editor.hasFormat("U") ? editor.removeUnderline() : editor.underline()),
    list: () => (editor.hasFormat("UL") ? editor.removeList() : editor.makeUnorderedList()),
    quote: () => (editor.hasFormat("BLOCKQUOTE") ? editor.decreaseQuoteLevel() : editor.increaseQuoteLevel()),
    clear: () => editor.removeAllFormatting(),
    link: () => {
      if (editor.hasFormat("A")) {
        editor.removeLink();
        return;
      }
      link.hidden = false;
      linkInput.value = /^https?:\/\//.test(editor.getSelectedText()) ? editor.getSelectedText() : "";
      linkInput.focus();
    },
  };

  function setLink() {
    const url = linkInput.value.trim();
    link.hidden = true;
    editor.focus();
    if (url) editor.makeLink(/^[a-z]+:/i.test(url) ? url : `https://${url}`);
  }

  function mark() {
    for (const [name, tag] of [["bold", "B"], ["italic", "I"], ["underline", "U"], ["list", "UL"], ["quote", "BLOCKQUOTE"], ["link", "A"]]) {
      tools.querySelector(`[data-format="${name}"]`).setAttribute("aria-pressed", String(editor.hasFormat(tag)));
    }
  }

  tools.addEventListener("mousedown", (event) => event.preventDefault());
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (!button) return;
    editor.focus();
    actions[button.dataset.format]();
    mark();
  });
  tools.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...tools.querySelectorAll("button")];
    buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
  });
  editor.addEventListener("pathChange", mark);
  editor.addEventListener("input", () => ready && changed());
  editor.addEventListener("pasteImage", (event) => {
    event.preventDefault();
    for (const item of event.detail.clipboardData.items) {
      const file = item.kind === "file" && item.getAsFile();
      if (file) picture(file);
    }
  });
  editor.setKeyHandler("Ctrl-k", (_, event) => {
    event.preventDefault();
    actions.link();
  });
  area.addEventListener("input", changed);
  root.querySelector("[data-link-set]").addEventListener("click", setLink);
  linkInput.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      setLink();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      link.hidden = true;
      editor.focus();
    }
  });
  toggle.addEventListener("click", () => {
    if (plain) setHtml(asHtml(area.value));
    else area.value = box.innerText.replace(/\u00a0/g, " ").replace(/\n{3,}/g, "\n\n");
    plain = !plain;
    show();
    changed();
    (plain ? area : editor).focus();
  });

  const template = root.querySelector("[data-html]");
  setHtml(template.innerHTML || asHtml(area.value));
  show();

  return {
    value: () => (plain ? { plain: "1", text: area.value, html: "" } : { plain: "0", text: "", html: editor.getHTML() }),
    fill(fields) {
      plain = fields.plain === "1";
      area.value = fields.text ?? "";
      setHtml(plain ? asHtml(area.value) : (fields.html ?? ""));
      show();
    },
    focus() {
      if (plain) {
        area.focus();
        area.setSelectionRange(0, 0);
      } else {
        editor.focus();
        editor.moveCursorToStart();
      }
    },
    insertPicture(url) {
      editor.insertImage(url, { alt: "" });
      changed();
    },
    insert({ html, text }) {
      if (plain) {
        area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
        area.focus();
      } else {
        editor.focus();
        editor.insertHTML(html);
      }
      changed();
    },
    stop: () => editor.destroy(),
  };
}
