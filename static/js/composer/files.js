// Files: chosen, dropped or pasted; each with its progress, and a way to remove it.
import { ask, headers, read } from "./talk.js";

const PICTURES = /^image\/(?:png|jpeg|gif|webp)$/;

function size(octets) {
  if (!octets) return "empty";
  return octets >= 100000 ? `${(octets / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.floor(octets / 1000))} kB`;
}

function upload(url, body, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => event.total && progress((event.loaded / event.total) * 100));
    request.addEventListener("load", () => {
      const type = request.getResponseHeader("Content-Type") ?? "";
      resolve(read(request.status, type, () => JSON.parse(request.responseText)));
    });
    request.addEventListener("error", () => reject(new Error("there is no connection to the server.")));
    request.addEventListener("abort", () => resolve({ attachments: [] }));
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.send(body);
  });
  return { request, done };
}

export function startFiles(root, { uploaded, picture, trouble, before }) {
  const list = root.querySelector("[data-files]");
  const template = root.querySelector("[data-file]");
  const input = root.querySelector("[data-input]");
  // Another sender may have another one.
  const limit = () => Number(root.dataset.limit);
  const running = new Set();

  const show = () => (list.hidden = !list.children.length);

  function row(file) {
    const item = template.content.firstElementChild.cloneNode(true);
    item.querySelector(".composer-file-name").textContent = file.name;
    item.querySelector(".composer-file-size").textContent = size(file.size);
    item.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${file.name}`);
    list.append(item);
    show();
    return item;
  }

  async function send(file, inline) {
    if (file.size > limit()) {
      trouble(`“${file.name}” is too large: a message can carry ${root.dataset.limitText}.`);
      return;
    }
    const item = row(file);
    const bar = item.querySelector("progress");
    const body = new FormData();
    body.append("files", file, file.name || "picture");
    if (inline) body.append("inline", "1");
    const { request, done } = upload(root.dataset.attach, body, (percent) => (bar.value = percent));
    item.addEventListener("remove-upload", () => request.abort());
    try {
      const answer = await done;
      if (answer.error) throw new Error(answer.error);
      const [kept] = answer.attachments;
      if (!kept || kept.content) item.remove();
      if (kept?.content) picture(kept.content);
      if (kept && !kept.content) {
        bar.remove();
        item.dataset.attachment = kept.id;
        item.querySelector("[data-remove]").dataset.remove = kept.remove;
      }
      uploaded();
    } catch (error) {
      item.remove();
      trouble(`“${file.name}” was not attached: ${error.message}`);
    }
    show();
  }

  function add(files, { inline = false } = {}) {
    for (const file of files) {
      const work = send(file, inline && PICTURES.test(file.type)).finally(() => running.delete(work));
      running.add(work);
    }
  }

  list.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    event.preventDefault();
    const item = button.closest("li");
    if (!button.dataset.remove) {
      item.dispatchEvent(new Event("remove-upload"));
      return;
    }
    try {
      await before();
      const answer = await ask(button.dataset.remove, {});
      if (answer.error) throw new Error(answer.error);
      item.remove();
      show();
    } catch (error) {
      trouble(`The file was not removed: ${error.message}`);
    }
  });
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  root.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    root.classList.add("dropping");
  });
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(event.relatedTarget)) root.classList.remove("dropping");
  });
  root.addEventListener(
    "drop",
    (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      event.stopPropagation();
      root.classList.remove("dropping");
      const rich = event.target.closest?.(".composer-rich");
      add([...event.dataTransfer.files], { inline: Boolean(rich) });
    },
    { capture: true },
  );
  root.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.closest?.(".composer-rich")) return;
    event.preventDefault();
    add(files);
  });

  return {
    add,
    async finished() {
      while (running.size) await Promise.all(running);
    },
  };
}
