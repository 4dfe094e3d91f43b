// Recipients as chips: made at separators, Enter and paste; what is no address is marked, never dropped. Chips are edited,
// moved between To, Cc and Bcc by dragging or with Alt and the arrows, and nobody stands there twice.
import { parse, split, written } from "./addresses.js";
import { Completion } from "./completion.js";

const FIELDS = ["to", "cc", "bcc"];
const TITLES = { to: "To", cc: "Cc", bcc: "Bcc" };
const DRAGGED = "application/x-webmail-chip";
const SAID_MS = 6000;
const keyOf = (person) => person.address.toLowerCase();

function button(className, text, label = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.tabIndex = -1;
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  return made;
}

class Line {
  constructor(line, all) {
    this.name = line.dataset.recipients;
    this.line = line;
    this.all = all;
    this.stored = line.querySelector("input");
    this.box = document.createElement("div");
    this.box.className = "chips";
    this.entry = document.createElement("input");
    this.entry.className = "chip-entry";
    this.entry.dataset.entry = "";
    this.entry.id = this.stored.id;
    this.stored.removeAttribute("id");
    this.stored.type = "hidden";
    for (const [name, value] of [
      ["autocomplete", "off"],
      ["autocapitalize", "off"],
      ["spellcheck", "false"],
      ["inputmode", "email"],
      ["aria-describedby", all.hint.id],
    ])
      this.entry.setAttribute(name, value);
    this.completion = new Completion(this.entry, all.root, {
      taken: () => all.taken(),
      chosen: (text) => {
        this.entry.value = "";
        this.add(split(text));
        this.touch();
      },
    });
    this.box.append(this.entry);
    this.stored.after(this.box, this.completion.menu);
    this.listen();
  }

  get chips() {
    return [...this.box.querySelectorAll(".chip")];
  }

  fill(text) {
    for (const chip of this.chips) chip.remove();
    this.entry.value = "";
    this.add(split(text), { again: true });
    this.store();
  }

  // ``again``: as it was saved, without asking whether somebody stands there twice.
  add(texts, { again = false } = {}) {
    const taken = again ? new Map() : this.all.taken();
    const fresh = document.createDocumentFragment();
    const twice = [];
    for (const text of texts) {
      const person = parse(text);
      const known = person.good && taken.get(keyOf(person));
      if (known) {
        twice.push(`${person.name || person.address} is already in ${TITLES[known.line.name]}.`);
        known.chip?.animate?.([{ opacity: 0.3 }, { opacity: 1 }], 600);
        continue;
      }
      const chip = this.chip(person);
      if (person.good && !again) taken.set(keyOf(person), { line: this, chip });
      fresh.append(chip);
    }
    this.entry.before(fresh);
    if (twice.length) this.all.say(twice.length > 2 ? `${twice.length} people were there already.` : twice.join(" "));
  }

  chip(person) {
    const chip = document.createElement("span");
    chip.className = person.good ? "chip" : "chip bad";
    chip.draggable = true;
    chip.dataset.text = written(person);
    if (person.good) chip.dataset.key = keyOf(person);
    const shown = person.good ? person.name || person.address : person.text;
    const label = button("chip-label", shown);
    label.dir = "auto";
    label.title = person.good ? person.address : `“${person.text}” is not a mail address`;
    if (!person.good) label.setAttribute("aria-invalid", "true");
    label.setAttribute("aria-describedby", this.all.hint.id);
    chip.append(label, button("chip-remove", "×", `Remove ${shown}`));
    return chip;
  }

  // The text of a chip again, where it stood.
  edit(chip) {
    this.commit();
    chip.before(this.entry);
    this.entry.value = chip.dataset.text;
    chip.remove();
    this.touch();
    this.entry.focus();
    this.entry.select();
  }

  remove(chip) {
    const next = (chip.nextElementSibling ?? chip.previousElementSibling)?.querySelector(".chip-label") ?? this.entry;
    chip.remove();
    this.touch();
    next.focus();
  }

  store() {
    const open = this.entry.value.trim();
    const texts = this.chips.map((chip) => chip.dataset.text);
    this.stored.value = [...texts, ...(open ? split(open).map((text) => written(parse(text))) : [])].join(", ");
  }

  touch() {
    this.store();
    this.all.changed();
  }

  commit() {
    const found = split(this.entry.value);
    if (!found.length) return;
    this.entry.value = "";
    this.add(found);
    this.completion.hide();
    this.touch();
  }

  listen() {
    this.box.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (!chip) this.entry.focus();
      else if (event.target.closest(".chip-remove")) this.remove(chip);
      else this.edit(chip);
    });
    this.box.addEventListener("keydown", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) this.chipKey(event, chip);
      else this.entryKey(event);
    });
    this.entry.addEventListener("input", () => {
      if (/[,;\n，；、]/.test(this.entry.value) && split(`${this.entry.value}x`).length > 1) this.commit();
      this.touch();
      this.completion.look();
    });
    this.entry.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text/plain");
      if (!/[,;\n@]/.test(text)) return;
      event.preventDefault();
      this.entry.value = "";
      this.add(split(text));
      this.completion.hide();
      this.touch();
      this.box.scrollTop = this.box.scrollHeight;
    });
    this.entry.addEventListener("blur", () => {
      this.commit();
      this.completion.hide();
      if (this.entry !== this.box.lastElementChild) this.box.append(this.entry);
    });
  }

  entryKey(event) {
    if (event.isComposing || this.completion.key(event)) return;
    const atStart = !this.entry.selectionStart && !this.entry.selectionEnd;
    if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || (event.key === "Tab" && this.entry.value.trim())) {
      if (event.key === "Enter") event.preventDefault();
      this.commit();
    } else if (event.key === "Backspace" && !this.entry.value && this.chips.length) {
      event.preventDefault();
      this.edit(this.chips.at(-1));
    } else if (event.key === "ArrowLeft" && atStart && this.chips.length) {
      event.preventDefault();
      this.chips.at(-1).querySelector(".chip-label").focus();
    }
  }

  chipKey(event, chip) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (event.key === "Delete" || event.key === "Backspace") this.remove(chip);
    else if (event.altKey && step && sideways) this.shift(chip, step);
    else if (event.altKey && step) this.all.carry(chip, this, step);
    else if (step && sideways) {
      const next = step > 0 ? chip.nextElementSibling : chip.previousElementSibling;
      (next?.querySelector(".chip-label") ?? this.entry).focus();
    } else return;
    event.preventDefault();
  }

  shift(chip, step) {
    const next = step > 0 ? chip.nextElementSibling : chip.previousElementSibling;
    if (!next?.matches(".chip")) return;
    if (step > 0) next.after(chip);
    else next.before(chip);
    chip.querySelector(".chip-label").focus();
    this.touch();
  }
}

class Recipients {
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.said = root.querySelector("[data-said]");
    this.hint = root.querySelector("[data-chip-hint]");
    this.more = root.querySelector(".composer-more");
    this.lines = {};
    for (const place of root.querySelectorAll("[data-recipients]")) {
      const line = new Line(place, this);
      this.lines[line.name] = line;
      line.fill(line.stored.value);
    }
    this.more.hidden = false;
    this.more.addEventListener("click", (event) => {
      const name = event.target.closest("[data-show]")?.dataset.show;
      if (!name) return;
      this.show(name);
      this.lines[name].entry.focus();
    });
    this.listen();
    this.settle();
  }

  say(text) {
    clearTimeout(this.timer);
    this.said.textContent = text;
    this.said.hidden = false;
    this.timer = setTimeout(() => (this.said.hidden = true), SAID_MS);
  }

  // Who stands where, by address.
  taken() {
    const found = new Map();
    for (const line of Object.values(this.lines)) {
      for (const chip of line.chips) if (chip.dataset.key) found.set(chip.dataset.key, { line, chip });
    }
    return found;
  }

  show(name) {
    this.lines[name].line.hidden = false;
    const button = this.more.querySelector(`[data-show="${name}"]`);
    if (button) button.hidden = true;
  }

  settle() {
    for (const name of ["cc", "bcc"]) {
      const used = Boolean(this.lines[name].stored.value);
      this.lines[name].line.hidden = !used;
      this.more.querySelector(`[data-show="${name}"]`).hidden = used;
    }
  }

  // To the field ``step`` further on.
  carry(chip, from, step) {
    const name = FIELDS[FIELDS.indexOf(from.name) + step];
    if (!name) return;
    this.show(name);
    this.put(chip, from, this.lines[name], null);
    chip.querySelector(".chip-label").focus();
  }

  put(chip, from, to, before) {
    if (before !== chip) (before ?? to.entry).before(chip);
    from.touch();
    if (from === to) return;
    to.touch();
    this.say(`${chip.querySelector(".chip-label").textContent} moved to ${TITLES[to.name]}.`);
  }

  listen() {
    let dragged = null;
    const lineOf = (node) => this.lines[node.closest?.("[data-recipients]")?.dataset.recipients];
    this.root.addEventListener("dragstart", (event) => {
      const chip = event.target.closest?.(".chip");
      if (!chip) return;
      dragged = { chip, from: lineOf(chip) };
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData(DRAGGED, "1");
      event.dataTransfer.setData("text/plain", chip.dataset.text);
      // The page may only change once the browser has its picture of the chip.
      setTimeout(() => FIELDS.forEach((name) => dragged && this.show(name)));
    });
    this.root.addEventListener("dragover", (event) => {
      const line = dragged && lineOf(event.target);
      for (const each of Object.values(this.lines)) each.line.classList.toggle("over", each === line);
      if (!line) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "move";
    });
    this.root.addEventListener("drop", (event) => {
      const line = dragged && lineOf(event.target);
      if (!line) return;
      event.preventDefault();
      this.put(dragged.chip, dragged.from, line, event.target.closest(".chip"));
    });
    this.root.addEventListener("dragend", () => {
      if (!dragged) return;
      dragged = null;
      for (const line of Object.values(this.lines)) line.line.classList.remove("over");
      this.settle();
    });
  }
}

export function startRecipients(root, { changed }) {
  const all = new Recipients(root, changed);
  return {
    commit: () => Object.values(all.lines).forEach((line) => line.store()),
    fill(fields) {
      for (const [name, line] of Object.entries(all.lines)) line.fill(fields[name] ?? "");
      all.settle();
    },
  };
}
