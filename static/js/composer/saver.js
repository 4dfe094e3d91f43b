// Saving: a second after the last keystroke, when the composer is left, and again until the server has it.
// What the server has not confirmed stands in this browser. A save whose answer was lost is repeated as it was: the
// server knows it again, where a newer text on top of an old revision would look like somebody else's change.
import * as local from "./local.js";
import { ask } from "./talk.js";

const PAUSE_MS = 1000;
const RETRY_MS = [2000, 4000, 8000, 15000, 30000];
const KEEPALIVE_OCTETS = 60000;
const USES = ["keydown", "pointerdown", "beforeinput", "paste", "drop", "input"];

export class Saver {
  constructor(root, { collect, moved, saved, refused }) {
    this.root = root;
    this.form = root.querySelector("form");
    this.state = root.querySelector("[data-state]");
    this.draft = root.dataset.draft;
    // Names this open page: the server sees when another one writes.
    this.writer = crypto.randomUUID?.() ?? "";
    this.collect = collect;
    this.moved = moved;
    this.saved = saved;
    this.refuse = refused;
    this.dirty = false;
    this.pending = null;
    this.running = null;
    this.failures = 0;
    this.stopped = false;
    // The server does not take what stands here: trying again is of no use until it is changed.
    this.refused = false;
    this.used = false;
    this.last = "";
    const used = () => {
      if (this.used) return;
      this.used = true;
      // What stands there before anything is done: a press that changes nothing makes no draft.
      this.last = JSON.stringify(this.collect());
    };
    for (const name of USES) root.addEventListener(name, used, { capture: true });
  }

  get revision() {
    return this.form.elements.revision.value;
  }

  proof() {
    return { revision: this.revision, token: this.form.elements.token.value };
  }

  say(text) {
    this.state.textContent = text;
    this.state.title = text;
  }

  changed() {
    // An editor that tidies up what it was given has changed nothing that anybody wrote.
    if (this.stopped || !this.used) return;
    this.dirty = true;
    this.keep();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  touched() {
    this.say("Saved");
  }

  keep() {
    clearTimeout(this.keeper);
    this.keeper = setTimeout(() => this.store(), 150);
  }

  store() {
    if (!this.stopped) local.put(this.draft, { revision: this.revision, fields: this.collect() });
  }

  forget() {
    this.stopped = true;
    clearTimeout(this.keeper);
    this.clear();
  }

  clear() {
    local.drop(this.draft);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.keeper);
  }

  recover(fill) {
    const kept = local.take(this.draft);
    if (!kept?.fields) return;
    this.used = true;
    if (kept.revision === this.revision) {
      fill(kept.fields);
      this.changed();
    } else {
      this.pending = { fields: kept.fields, revision: kept.revision };
      this.flush();
    }
  }

  async flush({ leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.stopped) return;
    if (leaving && this.dirty) this.store();
    if (!this.running) this.running = this.run(leaving).finally(() => (this.running = null));
    await this.running;
  }

  // Until nothing is under way or waiting; raises nothing, since sending carries the text along.
  async settle() {
    clearTimeout(this.timer);
    if (this.running) await this.running;
    if (this.pending && !this.stopped) await this.flush();
  }

  async run(leaving) {
    while ((this.dirty || this.pending) && !this.stopped) {
      if (!this.pending) {
        this.dirty = false;
        const fields = this.collect();
        if (JSON.stringify(fields) === this.last) {
          this.clear();
          continue;
        }
        this.pending = { fields, revision: this.revision };
      }
      this.say("Saving…");
      const { fields, revision } = this.pending;
      const small = JSON.stringify(fields).length < KEEPALIVE_OCTETS;
      try {
        const answer = await ask(this.root.dataset.save, { ...fields, revision, writer: this.writer }, { keepalive: leaving && small });
        this.pending = null;
        this.last = answer.moved ? "" : JSON.stringify(fields);
        this.failures = 0;
        if (answer.moved) {
          this.moved(answer);
          return;
        }
        if (answer.error) {
          this.refused = true;
          this.last = "";
          this.store();
          this.say("Not saved");
          this.refuse(answer);
          return;
        }
        this.form.elements.revision.value = answer.revision;
        this.say(`Saved ${answer.saved}`);
        this.saved(answer);
        this.refused = false;
        if (!this.dirty) {
          clearTimeout(this.keeper);
          this.clear();
        }
      } catch (error) {
        this.say(`Not saved — retrying (${error.message.replace(/\.$/, "")})`);
        if (error.signedOut) this.root.dispatchEvent(new Event("signed-out"));
        this.store();
        const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        this.failures += 1;
        this.timer = setTimeout(() => this.flush(), pause);
        return;
      }
    }
  }
}
