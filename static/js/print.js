// Printing without leaving the page: the document for paper is loaded out of sight. Without this it opens in a tab.

export function startPrinting() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-print]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details.menu")?.removeAttribute("open");
    document.querySelector("iframe.for-paper")?.remove();
    const frame = document.createElement("iframe");
    frame.className = "for-paper";
    frame.title = "For paper";
    frame.tabIndex = -1;
    frame.setAttribute("aria-hidden", "true");
    frame.addEventListener("load", () => {
      try {
        frame.contentWindow.focus();
        frame.contentWindow.print();
      } catch {
        location.assign(link.href);
      }
    });
    frame.src = link.href;
    document.body.append(frame);
  });
}
