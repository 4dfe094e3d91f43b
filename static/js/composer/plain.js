// Between rich and plain: the editor's text with quotes, lists and links written out, and plain text as markup.

const BLOCKS = new Set(
  "ADDRESS ARTICLE ASIDE BLOCKQUOTE CENTER DD DIV DL DT FIGURE FOOTER H1 H2 H3 H4 H5 H6 HEADER HR LI MAIN NAV OL P PRE SECTION TABLE TBODY TFOOT THEAD TR UL".split(
    " ",
  ),
);
const SPACED = new Set(["P", "H1", "H2", "H3", "TABLE"]);
const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;
const DEEPEST = 20;

class Writer {
  constructor() {
    this.lines = [];
    this.line = "";
    this.quote = 0;
    this.indent = 0;
    this.started = false;
    // A mark without its text yet: a block inside the item goes on in the same line.
    this.marked = false;
  }

  add(text) {
    this.line += text;
    this.started = true;
    this.marked = false;
  }

  mark(text) {
    this.add(text);
    this.marked = true;
  }

  // ``force``: also an empty line counts, as the one a BR stands for.
  end(force = false) {
    if ((!this.started || this.marked) && !force) return;
    const marks = ">".repeat(Math.min(this.quote, DEEPEST));
    const text = this.line.replace(/[ \t]+$/, "");
    const indented = text && this.indent > 1 ? "  ".repeat(this.indent - 1) + text : text;
    this.lines.push(marks ? `${marks} ${indented}`.trimEnd() : indented);
    this.line = "";
    this.started = false;
    this.marked = false;
  }
}

function link(node, writer) {
  const href = node.getAttribute("href") ?? "";
  const shown = node.textContent.trim();
  if (!/^https?:/i.test(href) || !shown) return;
  const bare = (url) => url.replace(/^https?:\/\//i, "").replace(/\/$/, "");
  if (bare(href) !== bare(shown)) writer.add(` <${href}>`);
}

function walk(node, writer, list) {
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      const pre = child.parentElement.closest("pre");
      const text = pre ? child.data : child.data.replace(/[ \t\r\n]+/g, " ");
      const [first, ...rest] = text.replace(/\u200b/g, "").split("\n");
      const clean = writer.line || pre ? first : first.replace(/^ /, "");
      if (clean) writer.add(clean);
      for (const line of rest) {
        writer.end(true);
        if (line) writer.add(line);
      }
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      element(child, writer, list);
    }
  }
}

function element(node, writer, list) {
  const name = node.nodeName;
  if (name === "BR") {
    // The last one in a block only holds the line open.
    const last = !node.nextSibling && BLOCKS.has(node.parentNode.nodeName);
    if (!last || !writer.started) writer.end(true);
    return;
  }
  if (name === "IMG") {
    if (node.alt) writer.add(`[${node.alt}]`);
    return;
  }
  if (!BLOCKS.has(name)) {
    walk(node, writer, list);
    if (name === "A") link(node, writer);
    if (name === "TD" || name === "TH") writer.add("  ");
    return;
  }
  writer.end();
  if (name === "HR") writer.add("----------");
  if (name === "BLOCKQUOTE") writer.quote += 1;
  if (name === "OL" || name === "UL") {
    writer.indent += 1;
    walk(node, writer, { next: name === "OL" ? Number(node.getAttribute("start")) || 1 : 0 });
    writer.end();
    writer.indent -= 1;
    return;
  }
  if (name === "LI") writer.mark(list?.next ? `${list.next++}. ` : "- ");
  walk(node, writer, list);
  writer.end(name === "LI" && writer.marked);
  if (name === "BLOCKQUOTE") writer.quote -= 1;
  if (SPACED.has(name)) writer.end(true);
}

export function toPlain(root) {
  const writer = new Writer();
  walk(root, writer, null);
  writer.end();
  return writer.lines.join("\n").replace(/\u00a0/g, " ").replace(/\n+$/, "\n");
}

export function escaped(text) {
  const box = document.createElement("div");
  box.textContent = text;
  return box.innerHTML;
}

function line(text) {
  let html = "";
  let end = 0;
  const spaced = (piece) => escaped(piece).replace(/^ | (?= )/g, "&nbsp;");
  for (const found of text.matchAll(LINK)) {
    html += `${spaced(text.slice(end, found.index))}<a href="${escaped(found[0]).replace(/"/g, "&quot;")}">${escaped(found[0])}</a>`;
    end = found.index + found[0].length;
  }
  return html + spaced(text.slice(end));
}

export function toHtml(text) {
  let html = "";
  let depth = 0;
  for (const each of text.split("\n")) {
    const [marks] = /^(?:> ?)*/.exec(each);
    const level = Math.min(marks.split(">").length - 1, DEEPEST);
    const step = level > depth ? '<blockquote type="cite">' : "</blockquote>";
    html += step.repeat(Math.abs(level - depth));
    depth = level;
    html += `<div>${line(level ? each.slice(marks.length) : each) || "<br>"}</div>`;
  }
  return html + "</blockquote>".repeat(depth);
}

const MEANT = "b, strong, i, em, u, s, strike, h1, h2, h3, img, table, code, pre, font, [style]";

// Whether plain text would lose what somebody did on purpose; what is quoted does not count.
export function isFormatted(root) {
  return [...root.querySelectorAll(MEANT)].some((node) => !node.closest('blockquote[type="cite"]'));
}
