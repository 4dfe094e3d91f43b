// A signature or a template as it will look, with the editor that messages are written in. Without this module the text
// field does.
import DOMPurify from "dompurify";
import Squire from "squire-rte";
import { post } from "./net.js";

const CLEAN = {
  RETURN_DOM_FRAGMENT: true,
  FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "svg", "math", "video", "audio", "blockquote"],
  FORBID_ATTR: ["id", "class", "name", "target"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|\/settings\/pictures\/)/i,
};
const MARKS = [["bold", "B"], ["italic", "I"], ["underline", "U"], ["link", "A"]];

function fragment(html) {
  return document.importNode(DOMPurify.sanitize(html, CLEAN), true);
}

function start(field) {
  const [text, format] = field.querySelectorAll("textarea, input[type=hidden]");
  const label = field.querySelector("label");
  const tools = field.querySelector("[data-tools]");
  const link = field.querySelector("[data-link]");
  const address = field.querySelector("[data-link-input]");
  const trouble = field.querySelector("[data-trouble]");
  const file = field.querySelector("[data-picture]");
  const box = document.createElement("div");
  box.className = "input signature-editor";
  box.setAttribute("role", "textbox");
  box.setAttribute("aria-multiline", "true");
  box.setAttribute("aria-label", label.textContent);
  text.after(box);
  const editor = new Squire(box, { sanitizeToDOMFragment: fragment, blockTag: "DIV" });
  editor.setKeyHandler("Escape", null);
  editor.setHTML(field.querySelector("template").innerHTML);
  text.hidden = true;
  tools.hidden = false;
  format.value = "html";

  function say(sentence) {
    trouble.textContent = sentence;
    trouble.hidden = !sentence;
  }

  async function addPicture(picture) {
    if (!field.dataset.pictures) return;
    const fields = new FormData();
    fields.set("file", picture);
    try {
      const answer = await post(field.dataset.pictures, fields);
      const { url, error } = JSON.parse(answer.html);
      say(error ?? "");
      if (url) editor.insertImage(url, { alt: "" });
    } catch (error) {
      say(error.message);
    }
  }

  const actions = {
    bold: () => (editor.hasFormat("B") ? editor.removeBold() : editor.bold()),
    italic: () => (editor.hasFormat("I") ? editor.removeItalic() : editor.italic()),
    underline: () => (editor.hasFormat("U") ? editor.removeUnderline() : editor.underline()),
    clear: () => editor.removeAllFormatting(),
    picture: () => file.click(),
    link: () => {
      if (editor.hasFormat("A")) {
        editor.removeLink();
        return;
      }
      link.hidden = false;
      address.value = /^https?:\/\//.test(editor.getSelectedText()) ? editor.getSelectedText() : "";
      address.focus();
    },
  };

  function setLink() {
    const url = address.value.trim();
    link.hidden = true;
    editor.focus();
    if (url) editor.makeLink(/^[a-z]+:/i.test(url) ? url : `https://${url}`);
  }

  function mark() {
    for (const [name, tag] of MARKS) {
      tools.querySelector(`[data-format="${name}"]`).setAttribute("aria-pressed", String(editor.hasFormat(tag)));
    }
  }

  // Keeps the selection in the editor.
  tools.addEventListener("mousedown", (event) => event.preventDefault());
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (!button) return;
    editor.focus();
    actions[button.dataset.format]();
    mark();
  });
  editor.addEventListener("pathChange", mark);
  editor.addEventListener("pasteImage", (event) => {
    event.preventDefault();
    for (const item of event.detail.clipboardData.items) {
      const picture = item.kind === "file" && item.getAsFile();
      if (picture) addPicture(picture);
    }
  });
  file?.addEventListener("change", () => {
    if (file.files[0]) addPicture(file.files[0]);
    file.value = "";
  });
  field.querySelector("[data-link-set]").addEventListener("click", setLink);
  address.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter") setLink();
    else {
      link.hidden = true;
      editor.focus();
    }
  });
  label.addEventListener("click", () => editor.focus());
  field.closest("form").addEventListener("submit", () => {
    text.value = box.textContent.trim() || box.querySelector("img") ? editor.getHTML() : "";
  });
}

for (const field of document.querySelectorAll("[data-signature]")) start(field);
