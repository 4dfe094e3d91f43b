// Sending later, and the reminder of an answer that does not come.

export function startLater(root, composer) {
  const menu = root.querySelector("[data-later]");
  const remind = root.querySelector("[name=remind_after]");
  const own = root.querySelector("[name=send_at]");
  const line = root.querySelector('[data-trouble-for="send_at"]');

  function trouble(text) {
    line.textContent = text;
    line.hidden = !text;
    if (text) own.setAttribute("aria-invalid", "true");
    else own.removeAttribute("aria-invalid");
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=later]");
    if (!button) return;
    event.preventDefault();
    if (button.value === "chosen" && !own.value) {
      trouble("Choose a day and a time.");
      own.focus();
      return;
    }
    trouble("");
    composer.send({ later: button.value, send_at: own.value });
  });
  own.addEventListener("input", () => trouble(""));
  own.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    menu.querySelector("button[value=chosen]").click();
  });
  remind.addEventListener("input", () => composer.saver.changed());

  return {
    collect: () => ({ remind_after: remind.value }),
    fill: (fields) => {
      remind.value = fields.remind_after ?? "0";
    },
    trouble(text, field) {
      if (field !== "send_at") return false;
      trouble(text);
      menu.open = true;
      own.focus();
      return true;
    },
  };
}
