// Pictures in the text: their size, what they say to who cannot see them, and those that were pasted with a text.

const SIZES = { small: "240px", medium: "480px", full: "" };

async function fileOf(image, number) {
  const response = await fetch(image.src, { credentials: "same-origin" });
  const blob = await response.blob();
  if (!response.ok || !/^image\/(?:png|jpeg|gif|webp)$/.test(blob.type)) throw new Error("no picture");
  return new File([blob], `picture-${number}.${blob.type.split("/")[1]}`, { type: blob.type });
}

export function startPictures(root, editor, { box, changed, picture }) {
  const row = root.querySelector("[data-picture]");
  const alt = row.querySelector("[data-alt]");
  let chosen = null;

  box.addEventListener("click", (event) => {
    chosen = event.target.nodeName === "IMG" ? event.target : null;
    row.hidden = !chosen;
    if (chosen) alt.value = chosen.alt;
  });
  row.addEventListener("click", (event) => {
    const { size } = event.target.closest("[data-size]")?.dataset ?? {};
    if (!chosen || size === undefined) return;
    editor.saveUndoState();
    chosen.style.width = SIZES[size];
    chosen.removeAttribute("width");
    chosen.removeAttribute("height");
    changed();
  });
  alt.addEventListener("input", () => {
    if (!chosen) return;
    chosen.alt = alt.value;
    changed();
  });
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    row.hidden = true;
    editor.focus();
  });

  // A pasted text brings its pictures as data, or names them on our own pages: they become files of this message.
  async function adopt() {
    const fresh = [...box.querySelectorAll("img[data-upload]")];
    for (const [number, image] of fresh.entries()) {
      image.removeAttribute("data-upload");
      try {
        picture(await fileOf(image, number + 1), (url) => {
          if (!url) image.remove();
          else image.src = url;
          changed();
        });
      } catch {
        image.replaceWith(image.alt);
      }
    }
  }

  return { adopt, hide: () => (row.hidden = true) };
}
