// Who may be meant, offered below the field while somebody types.
import { post } from "../net.js";

const LOOK_MS = 120;

export class Completion {
  constructor(entry, root, { taken, chosen }) {
    this.entry = entry;
    this.root = root;
    this.taken = taken;
    this.chosen = chosen;
    this.menu = document.createElement("ul");
    this.menu.className = "completion";
    this.menu.id = `${entry.id}-people`;
    this.menu.setAttribute("role", "listbox");
    this.menu.setAttribute("aria-label", "People");
    this.menu.hidden = true;
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-autocomplete", "list"],
      ["aria-expanded", "false"],
      ["aria-controls", this.menu.id],
    ])
      entry.setAttribute(name, value);
    this.menu.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (event.target.closest(".completion-forget")) this.forget(option);
      else if (option) this.choose(option);
    });
  }

  get at() {
    return [...this.menu.children].findIndex((option) => option.getAttribute("aria-selected") === "true");
  }

  // True when the key was for the menu.
  key(event) {
    const options = [...this.menu.children];
    if (this.menu.hidden || !options.length) return false;
    const { at } = this;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.point(options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length]);
    } else if ((event.key === "Enter" || event.key === "Tab") && at >= 0 && !event.shiftKey) {
      this.choose(options[at]);
    } else if (event.key === "Delete" && options[at]?.dataset.forget) {
      this.forget(options[at]);
    } else if (event.key === "Escape") {
      this.hide();
    } else {
      return false;
    }
    event.preventDefault();
    return true;
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
    const taken = this.taken();
    const fresh = people.filter((person) => !person.address || !taken.has(person.address.toLowerCase()));
    this.menu.replaceChildren(...fresh.map((person, number) => this.option(person, number)));
    this.menu.hidden = !fresh.length;
    this.entry.setAttribute("aria-expanded", String(Boolean(fresh.length)));
    if (fresh.length) this.point(this.menu.firstElementChild);
  }

  option(person, number) {
    const option = document.createElement("li");
    option.setAttribute("role", "option");
    option.id = `${this.menu.id}-${number}`;
    option.dataset.text = person.text;
    option.dataset.kind = person.kind ?? "";
    const name = document.createElement("span");
    name.textContent = person.name || person.address;
    option.append(name);
    const more = [person.name ? person.address : "", person.detail ?? ""].filter(Boolean).join(" · ");
    if (more) {
      const small = document.createElement("small");
      small.textContent = more;
      option.append(small);
    }
    if (person.kind === "collected") {
      option.dataset.forget = person.address;
      option.setAttribute("aria-description", "Delete: suggest this address no more");
      // For the pointer; an option holds nothing that could be reached by keys.
      const forget = document.createElement("span");
      forget.className = "completion-forget";
      forget.ariaHidden = "true";
      forget.title = "Suggest this address no more (Delete)";
      forget.textContent = "Forget";
      option.append(forget);
    }
    return option;
  }

  point(option) {
    for (const each of this.menu.children) each.setAttribute("aria-selected", String(each === option));
    this.entry.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  choose(option) {
    const { text } = option.dataset;
    this.hide();
    this.chosen(text);
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
