// The signature as it will look. Without this module the plain text field does.
import "./signin.js";

const TOOLS = [
  ["bold", "Bold", "B"],
  ["italic", "Italic", "I"],
  ["createLink", "Link", "Link"],
];

function tool(editor, [command, label, text]) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = text;
  button.setAttribute("aria-label", label);
  // Keeps the selection in the editor.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => {
    let value = null;
    if (command === "createLink") {
      value = window.prompt("Address of the link", "https://");
      if (!value || !/^(https?:|mailto:)/i.test(value)) return;
    }
    editor.focus();
    document.execCommand(command, false, value);
  });
  return button;
}

for (const field of document.querySelectorAll("[data-signature]")) {
  const [text, format] = field.querySelectorAll("textarea, input");
  const label = field.querySelector("label");
  const editor = document.createElement("div");
  editor.className = "input signature-editor";
  editor.contentEditable = "true";
  editor.setAttribute("role", "textbox");
  editor.setAttribute("aria-multiline", "true");
  editor.setAttribute("aria-label", label.textContent);
  editor.append(field.querySelector("template").content.cloneNode(true));
  editor.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  const tools = document.createElement("div");
  tools.className = "signature-tools";
  tools.append(...TOOLS.map((each) => tool(editor, each)));
  label.addEventListener("click", () => editor.focus());
  text.hidden = true;
  text.after(tools, editor);
  format.value = "html";
  field.closest("form").addEventListener("submit", () => {
    text.value = editor.textContent.trim() ? editor.innerHTML : "";
  });
}
