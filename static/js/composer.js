// The composer: recipients, rich text, files, saving, sending. Loaded when one appears; every form works without it.
import { leaveMoved } from "./composer/elsewhere.js";
import { extensions } from "./composer/extensions.js";
import { startFiles } from "./composer/files.js";
import { makeQuestion } from "./composer/question.js";
import { startRecipients } from "./composer/recipients.js";
import { Saver } from "./composer/saver.js";
import { startText } from "./composer/text.js";
import { ask, notify } from "./composer/talk.js";

// Whoever leaves between the press of Send and its answer would believe that the message is on its way.
const stay = (event) => event.preventDefault();
const docked = (root) => root.closest("#composer-dock") !== null;

// In the dock of the page, if it has one; else on its own page.
export function open(page) {
  const event = new CustomEvent("open-draft", { detail: { page }, cancelable: true });
  if (document.dispatchEvent(event)) location.assign(page);
}

function showTrouble(root, text, field = "") {
  const line = root.querySelector("[data-trouble]");
  line.hidden = !text;
  line.querySelector("span").textContent = text;
  for (const input of root.querySelectorAll("[aria-invalid=true]")) input.removeAttribute("aria-invalid");
  const place = field && root.querySelector(`[data-recipients="${CSS.escape(field)}"]`);
  if (!place) return;
  place.hidden = false;
  place.querySelector("[data-entry]")?.focus();
}

class Composer {
  constructor(root) {
    this.root = root;
    this.form = root.querySelector("form");
    this.ended = false;
    const changed = () => this.saver.changed();
    this.question = makeQuestion(root);
    this.text = startText(root, {
      changed,
      picture: (file, placed) => this.files.add([file], placed ? { inline: true, placed } : { inline: true }),
      choose: () => root.querySelector("[data-picture-input]").click(),
      question: this.question,
    });
    this.recipients = startRecipients(root, { changed });
    this.saver = new Saver(root, {
      collect: () => this.collect(),
      moved: (answer) => this.moved(answer),
      saved: (answer) => {
        if (this.saver.refused) showTrouble(root, "");
        this.extensions.forEach((each) => each.saved?.(answer));
      },
      refused: (answer) => showTrouble(root, `Not saved: ${answer.error}`, answer.field),
    });
    this.files = startFiles(root, {
      uploaded: () => this.saver.touched(),
      picture: (url) => this.text.insertPicture(url),
      trouble: (text) => showTrouble(root, text),
      before: () => this.saver.settle(),
    });
    this.listen();
    this.extensions = extensions.map((begin) => begin(root, this) ?? {});
    this.saver.recover((fields) => this.fill(fields));
  }

  collect() {
    this.recipients.commit();
    const fields = Object.fromEntries(
      ["identity", "to", "cc", "bcc", "subject"].map((name) => [name, this.form.elements[name].value]),
    );
    return Object.assign(fields, this.text.value(), ...this.extensions.map((each) => each.collect?.()));
  }

  fill(fields) {
    for (const name of ["identity", "subject"]) this.form.elements[name].value = fields[name] ?? "";
    this.recipients.fill(fields);
    this.text.fill(fields);
    for (const each of this.extensions) each.fill?.(fields);
    this.entitle();
  }

  listen() {
    const { root, form } = this;
    for (const part of root.querySelectorAll("[data-docked]")) part.hidden = !docked(root);
    root.addEventListener("composer-focus", () => this.focus());
    form.elements.subject.addEventListener("input", () => this.entitle());
    this.entitle();
    for (const name of ["subject", "identity"]) form.elements[name].addEventListener("input", () => this.saver.changed());
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      event.preventDefault();
      if (!button || button.matches("[data-send]")) this.send();
      else if (button.matches("[data-throw]")) this.discard();
    });
    root.querySelector("[data-close]").addEventListener("click", () => this.close());
    root.querySelector("[data-expand]").addEventListener("click", async (event) => {
      event.preventDefault();
      await this.saver.flush();
      location.assign(root.dataset.page);
    });
    root.addEventListener("keydown", (event) => {
      if (root.classList.contains("minimised")) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.send();
      } else if (event.key === "Escape" && !event.defaultPrevented && docked(root)) {
        root.dispatchEvent(new Event("composer-minimise", { bubbles: true }));
      }
      // Keys of the mailbox are not for who writes.
      event.stopPropagation();
    });
    this.leave = () => document.visibilityState === "hidden" && !this.ended && this.saver.flush({ leaving: true });
    document.addEventListener("visibilitychange", this.leave);
    root.addEventListener("focusout", (event) => {
      if (!root.contains(event.relatedTarget)) this.saver.flush();
    });
  }

  entitle() {
    const title = this.form.elements.subject.value.trim() || this.root.dataset.kind;
    this.root.querySelector("[data-title]").textContent = title;
    this.root.setAttribute("aria-label", `${this.root.dataset.kind}: ${title}`);
  }

  focus() {
    if (this.form.elements.to.value) this.text.focus();
    else this.root.querySelector('[data-recipients="to"] [data-entry]').focus();
  }

  end() {
    this.ended = true;
    this.root.dispatchEvent(new Event("composer-end", { bubbles: true }));
    this.saver.stop();
    document.removeEventListener("visibilitychange", this.leave);
    this.text.stop();
    this.files.stop();
    for (const each of this.extensions) each.stop?.();
    this.root.remove();
  }

  async close() {
    await this.saver.flush();
    if (!this.saver.refused) this.end();
  }

  moved({ error, moved }) {
    const other = this.root.dataset.page;
    const page = !docked(this.root);
    this.saver.forget();
    this.end();
    if (page) leaveMoved(error, moved === other ? "" : other);
    else if (moved === other) notify(error);
    else notify(error, { label: "Show the other text", act: () => open(other) });
    open(moved);
  }

  // What was written here and is not saved becomes a draft of its own; the conflict then says so.
  async showOther() {
    await this.saver.flush();
    if (this.ended) return;
    const other = this.root.dataset.page;
    this.saver.forget();
    this.end();
    open(other);
  }

  // ``extra`` are fields of this one request, as the moment of sending.
  async send(extra = {}) {
    const button = this.form.querySelector("[data-send]");
    if (button.disabled || this.extensions.some((each) => each.refuse?.(extra))) return;
    button.disabled = true;
    showTrouble(this.root, "");
    addEventListener("beforeunload", stay);
    try {
      await this.files.finished();
      await this.saver.settle();
      const fields = { ...this.collect(), ...this.saver.proof(), shown: this.files.shown(), ...extra };
      const answer = await ask(this.form.action, fields);
      removeEventListener("beforeunload", stay);
      if (answer.moved) return this.moved(answer);
      if (answer.error) {
        if (answer.revision) this.form.elements.revision.value = answer.revision;
        if (this.extensions.some((each) => each.trouble?.(answer.error, answer.field))) return undefined;
        return showTrouble(this.root, answer.error, answer.field);
      }
      this.saver.forget();
      this.sent(answer);
    } catch (error) {
      showTrouble(this.root, `Not sent: ${error.message} Your text is safe; press Send again.`);
    } finally {
      button.disabled = false;
      removeEventListener("beforeunload", stay);
    }
    return undefined;
  }

  sent(answer) {
    if (!docked(this.root)) {
      location.assign(answer.outbox);
      return;
    }
    this.end();
    notify(answer.text, {
      label: "Undo",
      seconds: answer.seconds,
      count: answer.count,
      act: async () => {
        const back = await ask(answer.undo, {});
        if (back.error) notify(back.error);
        else open(back.page);
      },
    });
  }

  async discard() {
    // What is still unsaved is thrown away, too: saved after this, it would bring the draft back.
    const { dirty } = this.saver;
    try {
      await this.saver.settle();
      this.saver.dirty = false;
      const answer = await ask(this.root.dataset.discard, {});
      this.saver.forget();
      const wasDocked = docked(this.root);
      this.end();
      if (!wasDocked) {
        location.assign("/");
        return;
      }
      notify(answer.text, {
        label: "Undo",
        act: async () => {
          if (!answer.undo) return;
          const back = await ask(answer.undo, {});
          open(back.page);
        },
      });
    } catch (error) {
      if (dirty) this.saver.changed();
      showTrouble(this.root, `Not discarded: ${error.message}`);
    }
  }
}

export function start(root, { focus = true } = {}) {
  if (!root || root.dataset.started) return;
  root.dataset.started = "yes";
  const composer = new Composer(root);
  if (focus) composer.focus();
}

for (const root of document.querySelectorAll(".compose-main [data-composer]")) start(root);
