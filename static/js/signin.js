// Ports follow the security chosen until somebody types another one, and a slow answer is announced.

const portsOf = (select) => new Map(select.dataset.ports.split(" ").map((pair) => pair.split(":")));

for (const select of document.querySelectorAll("select[data-ports]")) {
  const port = document.getElementById(select.id.replace("security", "port"));
  const ports = portsOf(select);
  select.addEventListener("change", () => {
    const usual = ports.get(select.value);
    port.placeholder = usual;
    if (port.value !== "" && [...ports.values()].includes(port.value)) port.value = usual;
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector(".button.primary");
  const label = button.textContent;
  form.addEventListener("submit", () => {
    button.setAttribute("aria-disabled", "true");
    button.textContent = form.dataset.busy;
  });
  // The browser shows the page as it was left when somebody comes back to it.
  addEventListener("pageshow", () => {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
  });
  form.addEventListener("click", (event) => {
    if (event.target.closest('[aria-disabled="true"]')) event.preventDefault();
  });
}

const wrong = document.querySelector('[aria-invalid="true"]');
const empty = document.querySelector("[data-focus] input:not([type=hidden])");
(wrong ?? empty)?.focus();
