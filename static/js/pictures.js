// The note about remote images: what is barred, what was stopped, and what the person wants of it.
import { post } from "./net.js";

const MOST_TRIES = 4;
const FIRST_WAIT_MS = 700;

function counted(held, shownBy) {
  if (shownBy) return "";
  const what = held === 1 ? "1 remote image is" : `${held} remote images are`;
  return held ? `${what} not loaded, so the sender does not learn that you read this.` : "";
}

function stopped(data) {
  const number = Number(data.trackers ?? 0);
  return number ? `${number} tracker${number === 1 ? "" : "s"} stopped: ${data.tracked}.` : "";
}

// The server had no room for it at that moment: a mail may have more images than it loads at a time.
function tryAgain(image) {
  const tries = Number(image.dataset.tries ?? 0);
  if (tries >= MOST_TRIES || !new URL(image.src, location.href).pathname.startsWith("/picture/")) return;
  image.dataset.tries = String(tries + 1);
  setTimeout(
    () => {
      const address = image.src;
      image.removeAttribute("src");
      image.src = address;
    },
    FIRST_WAIT_MS * 2 ** tries,
  );
}

function watchImages(doc) {
  const failed = (image) => image.complete && !image.naturalWidth && image.getAttribute("src");
  for (const image of doc.images) if (failed(image)) tryAgain(image);
  doc.addEventListener("error", (event) => event.target.localName === "img" && tryAgain(event.target), true);
}

export function pictureNote(frame) {
  const doc = frame.contentDocument;
  const data = doc?.documentElement?.dataset;
  const note = frame.closest(".card-body, .enclosed-page")?.querySelector(".remote-note");
  if (!note || !data) return;
  const held = Number(data.remote ?? 0);
  const shownBy = data.shownBy ?? "";
  const count = counted(held, shownBy);
  const trackers = stopped(data);
  const always = shownBy === "sender" || shownBy === "domain";
  note.hidden = !count && !trackers && !always;
  note.classList.toggle("quiet", !count);
  note.querySelector(".remote-count").textContent = always ? "Images from this sender are always loaded." : count;
  note.querySelector(".remote-trackers").textContent = trackers;
  const form = note.querySelector("form");
  if (form) {
    form.hidden = !always && (!held || Boolean(shownBy));
    for (const button of form.elements) {
      if (button.localName === "button") button.hidden = (button.value === "stop") !== always;
    }
  }
  if (shownBy) watchImages(doc);
}

async function choose(form, button) {
  const fields = new FormData(form);
  fields.set("choice", button.value);
  const card = form.closest(".card");
  const frame = card.querySelector("iframe.body-frame");
  try {
    const answer = await post(form.action, fields);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    frame.src = JSON.parse(answer.html).frame;
  } catch {
    // As a plain form, which says what is wrong.
    form.dataset.plain = "1";
    form.requestSubmit(button);
    return;
  }
  if (button.value === "once") return;
  for (const other of card.parentElement.querySelectorAll("iframe.body-frame")) {
    const note = other.closest(".card-body")?.querySelector(".remote-note");
    if (other !== frame && note && !note.hidden) other.contentWindow.location.reload();
  }
}

export function startPictures() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-pictures]");
    if (!form || !event.submitter || form.dataset.plain) return;
    event.preventDefault();
    choose(form, event.submitter).catch(() => {});
  });
}
