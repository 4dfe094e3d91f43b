// Recipients as chips: split at comma, Enter and paste; what is no address is marked, never dropped; completion as you type.
import { post } from "../net.js";

const ADDRESS = /^[^\s@<>()[\]:;,"]+@[^\s@<>()[\]:;,"]+$|^"[^"]+"@\S+$/;
const LOOK_MS = 120;

// At commas, semicolons and line ends outside quotes and brackets.
export function split(text) {
  const found = [];
  let piece = "";
  let quoted = false;
  let inside = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && character === "<") inside = true;
    else if (!quoted && character === ">") inside = false;
    if (!quoted && !inside && /[,;\n]/.test(character)) {
      found.push(piece);
      piece = "";
    } else {
      piece += character;
    }
  }
  found.push(piece);
  return found.map((each) => each.trim()).filter(Boolean);
}

export function parse(text) {
  const match = text.match(/^(.*?)\s*<([^<>]*)>\s*$/);
  const address = (match ? match[2] : text).trim();
  const name = match ? match[1].trim().replace(/^"(.*)"$/, "$1").replace(/\\(.)/g, "$1") : "";
  return { name, address, good: ADDRESS.test(address), text };
}

class Line {
  constructor(line, root, changed) {
    this.root = root;
    this.changed = changed;
    this.line = line;
    this.stored = line.querySelector("input");
    this.box = document.createElement("div");
    this.box.className = "chips";
    this.entry = document.createElement("input");
    this.entry.className = "chip-entry";
    this.entry.dataset.entry = "";
    this.entry.id = this.stored.id;
    this.stored.removeAttribute("id");
    this.stored.type = "hidden";
    this.menu = document.createElement("ul");
    this.menu.className = "completion";
    this.menu.id = `${this.entry.id}-people`;
    this.menu.setAttribute("role", "listbox");
    this.menu.setAttribute("aria-label", "People");
    this.menu.hidden = true;
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-autocomplete", "list"],
      ["aria-expanded", "false"],
      ["aria-controls", this.menu.id],
      ["autocomplete", "off"],
      ["autocapitalize", "off"],
      ["spellcheck", "false"],
      ["inputmode", "email"],
    ])
      this.entry.setAttribute(name, value);
    this.box.append(this.entry);
    this.stored.after(this.box, this.menu);
    this.fill(this.stored.value);
    this.listen();
  }

  get chips() {
    return [...this.box.querySelectorAll(".chip")];
  }

  fill(text) {
    for (const chip of this.chips) chip.remove();
    for (const each of split(text)) this.add(each);
    this.store();
  }

  add(text) {
    const person = parse(text);
    const chip = document.createElement("span");
    chip.className = person.good ? "chip" : "chip bad";
    chip.dataset.text = text;
    const label = document.createElement("button");
    label.type = "button";
    label.className = "chip-label";
    label.textContent = person.name || person.address || text;
    label.title = person.good ? `${person.address} — press to edit` : `“${text}” is not a mail address — press to edit`;
    if (!person.good) label.setAttribute("aria-invalid", "true");
    label.addEventListener("click", () => this.edit(chip));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "chip-remove";
    remove.setAttribute("aria-label", `Remove ${label.textContent}`);
    remove.textContent = "×";
    remove.addEventListener("click", () => {
      chip.remove();
      this.touch();
      this.entry.focus();
    });
    chip.append(label, remove);
    this.entry.before(chip);
  }

  edit(chip) {
    this.commit();
    this.entry.value = chip.dataset.text;
    chip.remove();
    this.touch();
    this.entry.focus();
  }

  store() {
    const open = this.entry.value.trim();
    this.stored.value = [...this.chips.map((chip) => chip.dataset.text), ...(open ? [open] : [])].join(", ");
  }

  touch() {
    this.store();
    this.changed();
  }

  commit() {
    const pieces = split(this.entry.value);
    if (!pieces.length) return;
    this.entry.value = "";
    for (const each of pieces) this.add(each);
    this.hide();
    this.touch();
  }

  listen() {
    this.box.addEventListener("click", (event) => event.target === this.box && this.entry.focus());
    this.entry.addEventListener("input", () => {
      if (/[,;\n]/.test(this.entry.value) && split(`${this.entry.value}x`).length > 1) this.commit();
      this.touch();
      this.look();
    });
    this.entry.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text/plain");
      if (!/[,;\n@]/.test(text)) return;
      event.preventDefault();
      this.entry.setRangeText(text, this.entry.selectionStart, this.entry.selectionEnd, "end");
      this.entry.value = this.entry.value.replace(/\r/g, "");
      for (const each of split(text)) this.add(each);
      this.entry.value = "";
      this.touch();
    });
    this.entry.addEventListener("keydown", (event) => this.key(event));
    this.entry.addEventListener("blur", () => {
      this.commit();
      this.hide();
    });
    this.menu.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option);
    });
  }

  key(event) {
    const options = [...this.menu.children];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!options.length) return;
      event.preventDefault();
      this.point(options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length]);
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey) {
      const has = this.entry.value.trim();
      if (event.key === "Enter" || (has && at >= 0)) event.preventDefault();
      if (at >= 0) this.choose(options[at]);
      else this.commit();
    } else if (event.key === "Delete" && options[at]?.dataset.forget) {
      event.preventDefault();
      this.forget(options[at]);
    } else if (event.key === "Escape" && !this.menu.hidden) {
      event.preventDefault();
      this.hide();
    } else if (event.key === "Backspace" && !this.entry.value && this.chips.length) {
      event.preventDefault();
      this.edit(this.chips.at(-1));
    }
  }

  look() {
    clearTimeout(this.timer);
    const asked = this.entry.value.trim();
    if (!asked) {
      this.hide();
      return;
    }
    this.timer = setTimeout(async () => {
      try {
        const answer = await fetch(`${this.root.dataset.people}?q=${encodeURIComponent(asked)}`, {
          headers: { Accept: "application/json" },
        });
        const { people } = await answer.json();
        if (this.entry.value.trim() === asked) this.offer(people);
      } catch {
        this.hide();
      }
    }, LOOK_MS);
  }

  offer(people) {
    const taken = new Set(this.chips.map((chip) => parse(chip.dataset.text).address.toLowerCase()));
    const fresh = people.filter((person) => !taken.has(person.address.toLowerCase()));
    this.menu.replaceChildren(
      ...fresh.map((person, number) => {
        const option = document.createElement("li");
        option.setAttribute("role", "option");
        option.id = `${this.menu.id}-${number}`;
        option.dataset.text = person.text;
        if (person.kind === "collected") {
          option.dataset.forget = person.address;
          option.title = "Delete: suggest this address no more";
        }
        const name = document.createElement("span");
        name.textContent = person.name || person.address;
        option.append(name);
        if (person.name) {
          const address = document.createElement("small");
          address.textContent = person.address || person.detail;
          option.append(address);
        }
        return option;
      }),
    );
    this.menu.hidden = !fresh.length;
    this.entry.setAttribute("aria-expanded", String(Boolean(fresh.length)));
    if (fresh.length) this.point(this.menu.firstElementChild);
  }

  point(option) {
    for (const each of this.menu.children) each.setAttribute("aria-selected", String(each === option));
    this.entry.setAttribute("aria-activedescendant", option.id);
  }

  choose(option) {
    this.entry.value = "";
    // A group is all of its members.
    for (const each of split(option.dataset.text)) this.add(each);
    this.hide();
    this.touch();
  }

  async forget(option) {
    try {
      const { ok } = await post(`${this.root.dataset.people}forget/`, [["address", option.dataset.forget]]);
      if (!ok) return;
    } catch {
      return;
    }
    option.remove();
    if (this.menu.firstElementChild) this.point(this.menu.firstElementChild);
    else this.hide();
  }

  hide() {
    clearTimeout(this.timer);
    this.menu.hidden = true;
    this.menu.replaceChildren();
    this.entry.setAttribute("aria-expanded", "false");
    this.entry.removeAttribute("aria-activedescendant");
  }
}

export function startRecipients(root, { changed }) {
  const lines = {};
  for (const place of root.querySelectorAll("[data-recipients]")) {
    lines[place.dataset.recipients] = new Line(place, root, changed);
  }
  const more = root.querySelector(".composer-more");
  const settle = () => {
    for (const name of ["cc", "bcc"]) {
      const used = Boolean(lines[name].stored.value);
      lines[name].line.hidden = !used;
      more.querySelector(`[data-show="${name}"]`).hidden = used;
    }
  };
  more.hidden = false;
  more.addEventListener("click", (event) => {
    const name = event.target.closest("[data-show]")?.dataset.show;
    if (!name) return;
    lines[name].line.hidden = false;
    event.target.hidden = true;
    lines[name].entry.focus();
  });
  settle();
  return {
    commit: () => Object.values(lines).forEach((line) => line.store()),
    fill(fields) {
      for (const [name, line] of Object.entries(lines)) line.fill(fields[name] ?? "");
      settle();
    },
  };
}
