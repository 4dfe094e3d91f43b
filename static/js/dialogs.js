// Questions before what cannot be taken back.

export function ask(title, text, yes = "Delete") {
  const dialog = document.getElementById("confirm");
  if (!dialog) return Promise.resolve(true);
  document.getElementById("confirm-title").textContent = title;
  document.getElementById("confirm-text").textContent = text;
  document.getElementById("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// Links to a page that asks: the same question in place.
export function startQuestions() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (!(await ask(link.dataset.ask, link.dataset.askText, link.dataset.askYes))) return;
    const form = document.createElement("form");
    form.method = "post";
    form.action = link.href;
    form.append(document.querySelector("input[name=csrfmiddlewaretoken]").cloneNode());
    document.body.append(form);
    form.submit();
  });
}
