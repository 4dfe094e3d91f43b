// Keys as in Gmail. Nothing happens while somebody types or a dialog is open.

const typing = (node) => node?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
const SEQUENCE_MS = 1200;
let waiting = "";
let timer;

export function makeKeys(single, sequences, control) {
  return (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && control[event.key.toLowerCase()]) {
      event.preventDefault();
      control[event.key.toLowerCase()]();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest?.("a, button, summary, label, input")) return;
    const sequence = waiting + event.key;
    waiting = "";
    clearTimeout(timer);
    const run = sequences[sequence] ?? single[event.key];
    if (run) {
      event.preventDefault();
      run();
    } else if (Object.keys(sequences).some((known) => known.startsWith(event.key))) {
      waiting = event.key;
      timer = setTimeout(() => {
        waiting = "";
      }, SEQUENCE_MS);
    }
  };
}
