// Who stands in a message, and who of them is a contact: shown below the addresses, added in place.
import { fragment, getHtml, post } from "./net.js";
import { say } from "./toast.js";

async function show(link) {
  const line = link.closest("p");
  if (line.nextElementSibling?.matches(".message-people")) return line.nextElementSibling.remove();
  try {
    line.after(fragment(await getHtml(link.href)));
  } catch (error) {
    say(error.message);
  }
  return undefined;
}

async function add(form) {
  try {
    const { ok, html } = await post(form.action, new FormData(form));
    if (!ok) return say("The contact could not be added. Try again.");
    const added = fragment(html);
    const link = added.querySelector("a");
    form.replaceWith(added);
    link?.focus();
  } catch (error) {
    say(error.message);
  }
  return undefined;
}

export function startPeople() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-people]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-add-contact]")) return;
    event.preventDefault();
    add(event.target);
  });
}
