// Addresses as people write and copy them: lists of any kind taken apart, and one address written so that it is read back.

const ADDRESS = /^[^\s@<>()[\]:;,"]+@[^\s@<>()[\]:;,"]*[^\s@<>()[\]:;,".']$|^"[^"]+"@[^\s@]+$/;
const SEPARATORS = /[,;\n，；、]/;
const BARE = /^[^\s<>"@]+@[^\s<>"@]+$/;
const AROUND = /^[\s<([{‹«'"]+|[\s>)\]}›»'".,]+$/g;

// At separators outside quotes, brackets and comments. A group (RFC 5322 section 3.4) is its members.
function pieces(text, separators) {
  const found = [];
  let piece = "";
  let quoted = false;
  let inside = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === "\\") {
      piece += character + (text[at + 1] ?? "");
      at += 1;
      continue;
    }
    // A quote that nobody closes is a letter like any other.
    if (character === '"' && (quoted || text.indexOf('"', at + 1) >= 0)) quoted = !quoted;
    else if (!quoted && character === "<") inside += 1;
    else if (!quoted && character === ">") inside = Math.max(0, inside - 1);
    // Nor does a bracket that nobody closes swallow the next line.
    if (character === "\n") inside = 0;
    const group = !quoted && !inside && character === ":" && /^[^@]*$/.test(piece) && !/^\s*mailto$/i.test(piece);
    if (group) {
      piece = "";
    } else if (!quoted && !inside && separators.test(character)) {
      found.push(piece);
      piece = "";
    } else {
      piece += character;
    }
  }
  found.push(piece);
  return found.map((each) => each.trim()).filter(Boolean);
}

export function split(text) {
  const clean = text.replace(/\r\n?|\u2028|\u2029/g, "\n").replace(/[\u00a0\t]/g, " ");
  let found = pieces(clean, SEPARATORS);
  // Outlook parts with semicolons and writes "Surname, Name <address>".
  const bySemicolon = pieces(clean, /[;\n；]/);
  if (bySemicolon.length < found.length && bySemicolon.length > 1 && bySemicolon.every((each) => (each.match(/@/g) ?? []).length < 2)) {
    found = bySemicolon;
  }
  return found.flatMap((each) => {
    const words = each.split(/\s+/);
    return words.length > 1 && words.every((word) => BARE.test(word)) ? words : [each];
  });
}

function unquoted(name) {
  return name
    .trim()
    .replace(/^"(.*)"$/s, "$1")
    .replace(/^'(.*)'$/s, "$1")
    .replace(/\\(.)/g, "$1")
    .trim();
}

export function parse(text) {
  const bracketed = /^(.*?)<([^<>]*)>[\s)\].]*$/s.exec(text);
  const named = ADDRESS.test(text) ? null : bracketed ?? /^(\S.*)\s(\S+@\S+)$/s.exec(text);
  const raw = (named ? named[2] : text).trim().replace(/^mailto:/i, "");
  const address = ADDRESS.test(raw) && !raw.startsWith("'") ? raw : raw.replace(AROUND, "");
  const name = named ? unquoted(named[1]).replace(/\s+/g, " ") : "";
  return { name: name === address ? "" : name, address, good: ADDRESS.test(address), text };
}

// What is no address is kept as it is, but for the marks that would swallow its neighbours.
export function written({ name, address, good, text }) {
  if (!good) return text.replace(/[<>"(),;:\\\n]+/g, " ").trim() || "?";
  if (!name) return address;
  if (/^[\p{L}\p{N}\p{M} .'-]+$/u.test(name)) return `${name} <${address}>`;
  return `"${name.replace(/[\\"]/g, "\\$&")}" <${address}>`;
}
