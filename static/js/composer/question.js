// A question that stands in the composer, not before it: asked once, answered or left alone.

export function makeQuestion(root) {
  const line = root.querySelector("[data-question]");
  const [text, yes, no] = [line.querySelector("span"), line.querySelector("[data-yes]"), line.querySelector("[data-no]")];
  let settle = null;
  const answer = (value) => {
    line.hidden = true;
    const done = settle;
    settle = null;
    done?.(value);
  };
  yes.addEventListener("click", () => answer(true));
  no.addEventListener("click", () => answer(false));
  line.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    answer(false);
  });
  return (question, { yes: yesText, no: noText }) => {
    answer(false);
    text.textContent = question;
    yes.textContent = yesText;
    no.textContent = noText;
    line.hidden = false;
    yes.focus();
    return new Promise((resolve) => {
      settle = resolve;
    });
  };
}
