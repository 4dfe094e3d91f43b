// The text: Squire with its bar of formats, or a plain textarea; one into the other without losing what was written.
import DOMPurify from "dompurify";
import Squire from "squire-rte";
import { makeFormats, startFormats } from "./formats.js";
import { startLink } from "./link.js";
import { tidy } from "./paste.js";
import { startPictures } from "./pictures.js";
import { isFormatted, toHtml, toPlain } from "./plain.js";

// Classes and ids of a quoted mail would meet our own style sheets.
const CLEAN = {
  RETURN_DOM_FRAGMENT: true,
  FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "svg", "math", "video", "audio"],
  FORBID_ATTR: ["id", "name", "target"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:|data:image\/|\/compose\/|\/message\/)/i,
  // These hold no address, and would otherwise have to look like one.
  ADD_URI_SAFE_ATTR: "align bgcolor border cellpadding cellspacing color colspan dir face height rowspan size start type valign width".split(" "),
};
// The editor knows its own work by these, and who reads it the signature.
const CLASSES = new Set(["ed-color", "ed-highlight", "ed-size", "ed-font", "signature"]);
const NAMES = { color: "ed-color", highlight: "ed-highlight", fontSize: "ed-size", fontFamily: "ed-font" };

function fragment(html) {
  const cleaned = document.importNode(DOMPurify.sanitize(html, CLEAN), true);
  for (const node of cleaned.querySelectorAll("[class]")) {
    const kept = [...node.classList].filter((name) => CLASSES.has(name) || /^align-[a-z]+$/.test(name));
    if (kept.length) node.className = kept.join(" ");
    else node.removeAttribute("class");
  }
  return cleaned;
}

function makeBox(area) {
  const box = document.createElement("div");
  box.className = "composer-rich";
  box.setAttribute("role", "textbox");
  box.setAttribute("aria-multiline", "true");
  box.setAttribute("aria-label", "Text");
  area.after(box);
  return box;
}

export function startText(root, { changed, picture, question, choose }) {
  const area = root.querySelector("textarea[name=text]");
  const form = root.querySelector("form");
  const toggle = root.querySelector("[data-switch]");
  const box = makeBox(area);
  const editor = new Squire(box, { sanitizeToDOMFragment: fragment, blockTag: "DIV", classNames: NAMES });
  const insert = editor.insertHTML;
  editor.insertHTML = (html, isPaste) => insert.call(editor, isPaste ? tidy(html) : html, isPaste);
  const link = startLink(root, editor);
  const pictures = startPictures(root, editor, { box, changed, picture });
  const formats = startFormats(root, editor, makeFormats(editor, { link: link.open, picture: choose }));
  let plain = form.elements.plain.dataset.plain === "1";
  let ready = false;
  // What the other form was made from: switched back without a change, it is as it was.
  let before = { html: "", text: "" };

  function show() {
    box.hidden = plain;
    area.hidden = !plain;
    formats.show(!plain);
    link.hide();
    pictures.hide();
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

  async function switchForm() {
    if (plain) {
      setHtml(area.value === before.text && before.html ? before.html : toHtml(area.value));
    } else {
      const sure =
        !isFormatted(box) ||
        (await question("Plain text has no formatting and no pictures in the text.", {
          yes: "Make it plain",
          no: "Keep the formatting",
        }));
      if (!sure) {
        editor.focus();
        return;
      }
      before = { html: editor.getHTML(), text: toPlain(box) };
      area.value = before.text;
    }
    plain = !plain;
    show();
    changed();
    (plain ? area : editor).focus();
  }

  editor.addEventListener("input", () => {
    if (!ready) return;
    if (box.querySelector("img[data-upload]")) pictures.adopt();
    changed();
  });
  editor.addEventListener("pasteImage", (event) => {
    event.preventDefault();
    for (const item of event.detail.clipboardData.items) {
      const file = item.kind === "file" && item.getAsFile();
      if (file) picture(file);
    }
  });
  // Who presses below a signature that stands alone means to begin, not to write under it.
  box.addEventListener("mousedown", (event) => {
    const first = box.firstElementChild;
    if (event.target !== box || !box.querySelector(".signature") || box.querySelector("blockquote")) return;
    if (first.matches(".signature") || first.textContent.trim() || first.querySelector("img")) return;
    event.preventDefault();
    editor.focus();
    editor.moveCursorToStart();
  });
  area.addEventListener("input", changed);
  toggle.addEventListener("click", switchForm);

  setHtml(root.querySelector("[data-html]").innerHTML || toHtml(area.value));
  show();

  return {
    editor,
    value: () => (plain ? { plain: "1", text: area.value, html: "" } : { plain: "0", text: "", html: editor.getHTML() }),
    // What the person wrote: neither quoted nor the signature.
    own() {
      const head = (text) => text.split(/^-{5,} .* -{5,}$/m)[0];
      if (plain) return head(area.value).split(/^-- $/m)[0].replace(/^>.*$/gm, "");
      const copy = box.cloneNode(true);
      for (const node of copy.querySelectorAll('blockquote[type="cite"], .signature')) node.remove();
      return head(toPlain(copy));
    },
    fill(fields) {
      plain = fields.plain === "1";
      area.value = fields.text ?? "";
      setHtml(plain ? toHtml(area.value) : (fields.html ?? ""));
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
