// What the server has not confirmed yet stands in this browser, for each person apart. Signing out clears it.

const PREFIX = "webmail-draft-";

const user = () => document.body.dataset.user ?? "";

const keyOf = (draft) => `${PREFIX}${user()}-${draft}`;

// Held while a page looks after a draft; it ends with the page, however that ends.
export const lockOf = (draft) => `webmail-writing-${draft}`;

export function put(draft, value) {
  try {
    localStorage.setItem(keyOf(draft), JSON.stringify({ ...value, at: Date.now() }));
  } catch {
    // Full or forbidden: the server's copy is then the only one.
  }
}

export function take(draft) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(draft)));
  } catch {
    return null;
  }
}

export function drop(draft) {
  try {
    localStorage.removeItem(keyOf(draft));
  } catch {
    // Forbidden: then nothing was kept either.
  }
}

// The drafts of this person that something is kept of, newest first.
export function kept() {
  try {
    const mine = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}${user()}-`));
    return mine
      .map((key) => key.slice(`${PREFIX}${user()}-`.length))
      .filter((draft) => take(draft)?.fields)
      .sort((a, b) => (take(b).at ?? 0) - (take(a).at ?? 0));
  } catch {
    return [];
  }
}

export function dropAll() {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  } catch {
    // Forbidden: then nothing was kept either.
  }
}
