// Files: chosen, dropped or pasted; each with its progress, a way to remove it, and another try after a lost connection.
import { ask, headers, read } from "./talk.js";

const PICTURES = /^image\/(?:png|jpeg|gif|webp)$/;

function size(octets) {
  if (!octets) return "empty";
  return octets >= 100000 ? `${(octets / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.floor(octets / 1000))} kB`;
}

class Offline extends Error {}

function upload(url, body, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => event.total && progress((event.loaded / event.total) * 100));
    request.addEventListener("load", () => {
      const type = request.getResponseHeader("Content-Type") ?? "";
      resolve(read(request.status, type, () => JSON.parse(request.responseText)));
    });
    request.addEventListener("error", () => reject(new Offline("no connection")));
    request.addEventListener("abort", () => resolve({ attachments: [] }));
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.send(body);
  });
  return { request, done };
}

export function startFiles(root, { uploaded, picture, trouble, before }) {
  const held = root.querySelector("[data-held]");
  const list = held.querySelector("[data-files]");
  const total = held.querySelector(".composer-total");
  const template = root.querySelector("[data-file]");
  // Another sender may have another one.
  const limit = () => Number(root.dataset.limit);
  const running = new Set();
  const waiting = new Map();

  const octets = () => [...list.children].reduce((sum, item) => sum + Number(item.dataset.octets || 0), 0);

  function show() {
    const count = list.children.length;
    held.hidden = !count;
    total.textContent = `${count} ${count === 1 ? "file" : "files"}, ${size(octets())} of ${root.dataset.limitText}`;
  }

  function row(file) {
    const item = template.content.firstElementChild.cloneNode(true);
    item.querySelector(".composer-file-name").textContent = file.name;
    item.querySelector(".composer-file-size").textContent = size(file.size);
    item.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${file.name}`);
    item.dataset.octets = String(file.size);
    list.append(item);
    show();
    return item;
  }

  async function send(file, inline, placed, item) {
    const bar = item.querySelector("progress");
    const retry = item.querySelector("[data-retry]");
    const body = new FormData();
    body.append("files", file, file.name || "picture");
    if (inline) body.append("inline", "1");
    bar.hidden = false;
    retry.hidden = true;
    item.classList.remove("failed");
    const { request, done } = upload(root.dataset.attach, body, (percent) => (bar.value = percent));
    const abort = () => request.abort();
    item.addEventListener("remove-upload", abort, { once: true });
    try {
      const answer = await done;
      if (answer.error) throw new Error(answer.error);
      const [kept] = answer.attachments;
      if (!kept || kept.content) item.remove();
      if (kept?.content) placed(kept.content);
      else if (!kept && inline) placed("");
      if (kept && !kept.content) {
        bar.remove();
        item.dataset.attachment = kept.id;
        item.dataset.octets = String(kept.octets);
        item.querySelector("[data-remove]").dataset.remove = kept.remove;
      }
      uploaded();
    } catch (error) {
      if (error instanceof Offline) {
        // It stays, and is tried again when the connection is back.
        bar.hidden = true;
        retry.hidden = false;
        item.classList.add("failed");
        waiting.set(item, () => begin(file, inline, placed, item));
      } else {
        item.remove();
        if (inline) placed("");
        trouble(`“${file.name}” was not attached: ${error.message}`);
      }
    } finally {
      item.removeEventListener("remove-upload", abort);
    }
    show();
  }

  function begin(file, inline, placed, item) {
    waiting.delete(item);
    const work = send(file, inline, placed, item).finally(() => running.delete(work));
    running.add(work);
  }

  // ``placed`` is told the address of a picture for the text, or "" when it did not come to be one.
  function add(files, { inline = false, placed = (url) => url && picture(url) } = {}) {
    for (const file of files) {
      if (octets() + file.size > limit()) {
        trouble(`“${file.name}” does not fit: a message can carry ${root.dataset.limitText}.`);
        placed("");
        continue;
      }
      begin(file, inline && PICTURES.test(file.type), placed, row(file));
    }
  }

  const again = () => {
    for (const retry of [...waiting.values()]) retry();
  };

  list.addEventListener("click", async (event) => {
    const item = event.target.closest("li");
    if (event.target.closest("[data-retry]")) waiting.get(item)?.();
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    event.preventDefault();
    if (!button.dataset.remove) {
      item.dispatchEvent(new Event("remove-upload"));
      if (waiting.delete(item)) item.remove();
      show();
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
  for (const [name, inline] of [
    ["[data-input]", false],
    ["[data-picture-input]", true],
  ]) {
    const input = root.querySelector(name);
    input.addEventListener("change", () => {
      add([...input.files], { inline });
      input.value = "";
    });
  }
  root.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.closest?.(".composer-rich")) return;
    event.preventDefault();
    add(files);
  });
  addEventListener("online", again);
  show();

  return {
    add,
    get count() {
      return list.children.length;
    },
    // The server sends no others than these.
    shown: () => [...list.children].map((item) => item.dataset.attachment).filter(Boolean).join(","),
    async finished() {
      while (running.size) await Promise.all(running);
      if (waiting.size) throw new Error("a file is not attached yet. Try it again or remove it.");
    },
    stop: () => removeEventListener("online", again),
  };
}
