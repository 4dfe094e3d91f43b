// What is pasted, made plain enough to be mail: Word's lists become lists, its markup and all remote pictures go.

const MSO_LIST = /mso-list:\s*l\d+\s+level(\d+)/i;
const ORDERED = /^\s*(?:\(?(\d{1,3})[.)]|\(?([a-z]{1,4})[.)])/i;
const DROPPED = "style, script, meta, link, title, xml, object, iframe, video, audio, svg, math, noscript, template";
const DARKNESS = 60;

// The parts of a style that a person meant.
const KEPT = {
  "background-color": (value) => !/^(?:transparent|initial|inherit|none)$|,\s*0\)$/i.test(value) && !grey(value),
  color: (value) => !grey(value),
  "font-style": (value) => value === "italic",
  "font-weight": (value) => value === "bold" || Number(value) >= 600,
  "text-align": (value) => ["center", "right", "justify"].includes(value),
  "text-decoration": (value) => /underline|line-through/.test(value),
  "text-decoration-line": (value) => /underline|line-through/.test(value),
};

// Black, white and the greys of pages are no colour: they come from where the text stood.
function grey(value) {
  const [, red, green, blue] = /rgba?\((\d+),\s*(\d+),\s*(\d+)/.exec(value) ?? [];
  if (red === undefined) return /^(?:black|white|gr[ae]y|silver|windowtext|initial|inherit|currentcolor)$/i.test(value);
  return Math.max(red, green, blue) - Math.min(red, green, blue) < DARKNESS;
}

function unwrap(node) {
  node.replaceWith(...node.childNodes);
}

function renamed(node, name) {
  const fresh = node.ownerDocument.createElement(name);
  fresh.append(...node.childNodes);
  if (node.style.textAlign) fresh.style.textAlign = node.style.textAlign;
  node.replaceWith(fresh);
  return fresh;
}

// A paragraph of Word that is really an item: how deep, and with what before it.
function itemOf(paragraph) {
  const style = paragraph.getAttribute("style") ?? "";
  const [, level] = MSO_LIST.exec(style) ?? [];
  if (!level) return null;
  let marker = "";
  for (const span of paragraph.querySelectorAll("span")) {
    if (!/mso-list:\s*ignore/i.test(span.getAttribute("style") ?? "")) continue;
    marker ||= span.textContent.trim();
    span.remove();
  }
  const [, digits, letters] = ORDERED.exec(marker) ?? [];
  let kind = "ul";
  if (digits) kind = "ol 1";
  else if (letters) kind = /^(?:i|ii|iii|iv|v|vi|vii|viii|ix|x)$/i.test(letters) ? "ol i" : "ol a";
  return { level: Number(level), kind, start: Number(digits) || 1 };
}

function listsOfWord(doc) {
  let open = [];
  let before = null;
  for (const paragraph of [...doc.body.querySelectorAll("p, h1, h2, h3, h4, h5, h6")]) {
    const item = itemOf(paragraph);
    if (!item) continue;
    if (!before || between(before, paragraph)) open = [];
    open = open.filter((list) => list.level < item.level || (list.level === item.level && list.kind === item.kind));
    let list = open.at(-1);
    if (!list || list.level < item.level) {
      const [tag, type] = item.kind.split(" ");
      const node = doc.createElement(tag);
      if (type && type !== "1") node.setAttribute("type", type);
      if (tag === "ol" && item.start > 1) node.setAttribute("start", String(item.start));
      if (list) (list.node.lastElementChild ?? list.node.appendChild(doc.createElement("li"))).append(node);
      else paragraph.before(node);
      list = { node, level: item.level, kind: item.kind };
      open.push(list);
    }
    const li = doc.createElement("li");
    li.append(...paragraph.childNodes);
    list.node.append(li);
    before = paragraph.previousSibling === list.node ? list.node : open[0].node;
    paragraph.remove();
  }
}

function between(list, paragraph) {
  for (let node = list.nextSibling; node; node = node.nextSibling) {
    if (node === paragraph) return false;
    if (node.textContent.trim() || node.nodeType === Node.ELEMENT_NODE) return true;
  }
  return true;
}

function tidyStyle(node) {
  const kept = [];
  for (const [name, means] of Object.entries(KEPT)) {
    const value = node.style.getPropertyValue(name);
    if (value && means(value)) kept.push(`${name}:${value}`);
  }
  if (kept.length) node.setAttribute("style", kept.join(";"));
  else node.removeAttribute("style");
}

// Pictures in the text itself or on our own pages can be sent along; others would be asked for from who knows where.
function tidyPicture(node) {
  const src = node.getAttribute("src") ?? "";
  const own = src.startsWith(`${location.origin}/`) || src.startsWith("/");
  if (/^data:image\//i.test(src) || own) {
    node.setAttribute("data-upload", "");
    return;
  }
  const alt = (node.getAttribute("alt") ?? "").trim();
  if (/^https?:\/\//i.test(src) && !node.closest("a") && !(node.width <= 1 || node.height <= 1)) {
    const link = node.ownerDocument.createElement("a");
    link.href = src;
    link.textContent = alt || "Picture";
    node.replaceWith(link);
  } else {
    node.replaceWith(alt);
  }
}

// A table that only placed things on a page.
function isLayout(table) {
  return [...table.rows].every((row) => row.cells.length < 2) || table.querySelector("table") !== null;
}

function tidyTable(table) {
  if (!isLayout(table)) {
    for (const cell of table.querySelectorAll("td, th")) cell.style.cssText += ";border:1px solid #cccccc;padding:4px 8px";
    return;
  }
  const lines = [...table.rows].flatMap((row) => [...row.cells].map((cell) => renamed(cell, "div")));
  table.replaceWith(...lines);
}

export function tidy(html) {
  // A document of its own loads and runs nothing.
  const doc = new DOMParser().parseFromString(html, "text/html");
  const word = /class="?Mso|mso-|urn:schemas-microsoft-com:office/i.test(html);
  for (const node of doc.body.querySelectorAll(DROPPED)) node.remove();
  const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_COMMENT);
  const comments = [];
  while (walker.nextNode()) comments.push(walker.currentNode);
  for (const comment of comments) comment.remove();
  for (const node of doc.body.querySelectorAll('[style*="mso-hide" i], [style*="display:none" i]')) node.remove();
  listsOfWord(doc);
  for (const node of [...doc.body.querySelectorAll("*")]) {
    if (node.localName.includes(":") || (node.localName === "b" && /font-weight:\s*normal/i.test(node.getAttribute("style") ?? ""))) {
      unwrap(node);
      continue;
    }
    tidyStyle(node);
    for (const { name } of [...node.attributes]) {
      const kept = ["style", "href", "src", "alt", "colspan", "rowspan", "start", "type", "dir", "width", "height"].includes(name);
      if (!kept || (name === "type" && !/^(?:OL|BLOCKQUOTE)$/.test(node.nodeName))) node.removeAttribute(name);
    }
    if (node.localName === "img") tidyPicture(node);
    else if (node.localName === "a" && !/^(?:https?|mailto|tel):/i.test(node.getAttribute("href") ?? "")) unwrap(node);
    else if (/^h[4-6]$/.test(node.localName)) renamed(node, "div").style.fontWeight = "bold";
    else if (word && node.localName === "p") renamed(node, "div");
  }
  for (const table of [...doc.body.querySelectorAll("table")].reverse()) tidyTable(table);
  for (const node of [...doc.body.querySelectorAll("span, font")].reverse()) {
    if (!node.attributes.length) unwrap(node);
  }
  return doc.body.innerHTML;
}
