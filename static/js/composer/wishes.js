// Priority and receipts: saved with the draft.
export function startWishes(root, composer) {
  const wishes = [...root.querySelectorAll("[data-wish]")];
  const value = (wish) => (wish.type === "checkbox" ? (wish.checked ? "1" : "") : wish.value);
  for (const wish of wishes) wish.addEventListener("change", () => composer.saver.changed());
  return {
    collect: () => Object.fromEntries(wishes.map((wish) => [wish.name, value(wish)])),
    fill(fields) {
      for (const wish of wishes) {
        if (wish.type === "checkbox") wish.checked = fields[wish.name] === "1";
        else wish.value = fields[wish.name] ?? "";
      }
    },
  };
}
