// Earlier versions and templates, each in a dialog over the composer.
import { fragment, getHtml } from "../net.js";
import { ask, notify } from "./talk.js";

function dialog(title, content) {
  const box = document.createElement("dialog");
  box.className = "dialog composer-panel";
  box.setAttribute("aria-label", title);
  const head = document.createElement("header");
  head.className = "panel-head";
  const name = document.createElement("h2");
  name.textContent = title;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet";
  close.textContent = "Close";
  close.addEventListener("click", () => box.close());
  head.append(name, close);
  const body = document.createElement("div");
  body.className = "dialog-body";
  body.append(content);
  box.append(head, body);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && box.close());
  // The page's own keys are not meant while it is open.
  box.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(box);
  box.showModal();
  return box;
}

async function restore(composer, form) {
  const answer = await ask(form.action, {});
  if (answer.error) return notify(answer.error);
  return composer.moved({ error: answer.text, moved: answer.page });
}

async function insert(composer, form) {
  const answer = await ask(form.action, {});
  const { subject } = composer.form.elements;
  if (!subject.value.trim()) subject.value = answer.subject;
  composer.text.insert(answer);
  composer.saver.changed();
}

async function saveTemplate(_composer, form) {
  const answer = await ask(form.action, {});
  notify(answer.text ?? "The template could not be saved.");
}

const ACTIONS = { restore, insert, saveTemplate };

export function startPanels(root, composer) {
  let box = null;

  async function open(button) {
    try {
      // What is looked at, restored or made a template of is what stands here now.
      await composer.saver.flush();
      if (composer.ended) return;
      box = dialog(button.textContent.trim(), fragment(await getHtml(button.dataset.panel)));
      box.addEventListener("submit", async (event) => {
        event.preventDefault();
        const form = event.target;
        const name = Object.keys(ACTIONS).find((each) => each in form.dataset);
        if (!name) return;
        box.close();
        try {
          await ACTIONS[name](composer, form);
        } catch (error) {
          notify(`That did not work: ${error.message}`);
        }
      });
    } catch (error) {
      notify(`It could not be opened: ${error.message}`);
    }
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-panel]");
    if (!button) return;
    event.preventDefault();
    open(button);
  });
  return { stop: () => box?.close() };
}
