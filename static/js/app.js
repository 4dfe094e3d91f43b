// Everything works without this; with it nothing waits.
import { composeTo, forwardWhole, startComposing } from "./compose.js";
import { startQuestions } from "./dialogs.js";
import { startDragging, startSwiping } from "./drag.js";
import { startEvents } from "./events.js";
import { makeKeys } from "./keys.js";
import { saveLeftovers, startSigningOut } from "./leftover.js";
import { accountOf, conversationOf, folderOf, rowOf, rows, rowsOf } from "./list.js";
import { cursor, list, neighbour, refreshList, setCursor, startList } from "./list.js";
import { closeReader, currentId, inboxLink, markFolder } from "./navigate.js";
import { openConversation, openFolder, startNavigation } from "./navigate.js";
import { act, startOrganising, targets, toggle, toggleMute } from "./organise.js";
import { startMenus } from "./composer/menus.js";
import { choose, chooseTarget, folderChoices, startPalette } from "./palette.js";
import { startPanes } from "./panes.js";
import { startPeople } from "./people.js";
import { focusSearch, startSearch } from "./search.js";
import { adoptFrames, conversation, foldAll, reader, refreshReader, startReader } from "./reader.js";
import { startRest } from "./rest.js";
import { refreshNotices, refreshSidebar } from "./sidebar.js";
import { togglePicked, wholeFolder } from "./selection.js";
import { say, startToasts, undoLast } from "./toast.js";
import { startViewer } from "./viewer.js";
import "htmx.org";

const YEAR = 31536000;
const pathOf = (row) => row.querySelector(".row-link").href;

function step(by) {
  const open = currentId();
  const from = rowOf(open) ?? cursor();
  let next = from ? neighbour(from, by) : rows()[0];
  // The same conversation in another inbox is open already.
  while (open && next && conversationOf(next.dataset.id) === open) next = neighbour(next, by);
  if (!next) return;
  setCursor(next, { focus: !open });
  if (open) openConversation(pathOf(next));
}

function openCursor() {
  if (cursor()) openConversation(pathOf(cursor()));
}

function goTo(use) {
  const wanted = list().dataset.account || cursor()?.dataset.account;
  const account = document.querySelector(`.account[data-account="${wanted}"]`);
  const link = (account ?? document).querySelector(`.tree-link[data-use="${use}"]`);
  if (link) openFolder(link.pathname);
}

function goToInbox() {
  if (inboxLink()?.dataset.use === "inboxes") openFolder(inboxLink().pathname);
  else goTo("inbox");
}

function pick() {
  const row = cursor() ?? rows()[0];
  if (!row) return;
  setCursor(row);
  togglePicked(row);
}

const accountsOf = (ids) => {
  const { account } = list().dataset;
  if (account) return [account];
  if (wholeFolder()) return [...document.querySelectorAll(".sidebar .account")].map((part) => part.dataset.account);
  const told = (conversation()?.dataset.accounts ?? "").split(" ").filter(Boolean);
  return [...new Set(ids.flatMap((id) => (id === currentId() ? told : rowsOf(id).map(accountOf))))];
};

function moveSomewhere(ids = targets()) {
  if (!ids.length && !wholeFolder()) return;
  const sources = new Set(ids.flatMap((id) => rowsOf(id).map(folderOf)));
  if (!sources.size) sources.add(list().dataset.folder);
  // What comes from several folders may be brought together in any of them.
  const except = sources.size === 1 ? [...sources] : [];
  chooseTarget((folder) => act("move", ids, [["target", folder]]), { first: accountsOf(ids), except });
}

function press(key) {
  const button = (name) => conversation()?.querySelector(`[data-key="${name}"]`);
  if (key === "c") document.querySelector("form[data-compose] .compose-button")?.click();
  // Where there is nobody else, an answer to all is an answer.
  else (button(key) ?? button(key === "a" ? "r" : key))?.click();
}

function replyToList() {
  [...(conversation()?.querySelectorAll("[data-reply-list]") ?? [])].at(-1)?.click();
}

function showHelp() {
  document.getElementById("help").showModal();
}

function openContacts() {
  document.querySelector("[data-contacts]").click();
}

const ACTIONS = [
  ["Write a message", "c", () => press("c")],
  ["Reply", "r", () => press("r")],
  ["Reply to all", "a", () => press("a")],
  ["Reply to the list", "l", replyToList],
  ["Forward", "f", () => press("f")],
  ["Archive", "e", () => act("archive", targets())],
  ["Delete", "#", () => act("delete", targets())],
  ["Junk", "!", () => junk()],
  ["Star", "s", () => toggle("flagged", targets())],
  ["Mark as read", "Shift+I", () => act("seen", targets())],
  ["Mark as unread", "Shift+U", () => act("unseen", targets())],
  ["Move to…", "v", () => moveSomewhere()],
  ["Mute or unmute", "m", () => toggleMute(targets())],
  ["Merge into one conversation", "", () => act("merge", targets())],
  ["Expand all messages", ";", () => foldAll(true)],
  ["Fold all messages", ":", () => foldAll(false)],
  ["Undo", "z", undoLast],
  ["Outbox", "", () => location.assign("/outbox/")],
  ["Search mail", "/", focusSearch],
  ["Contacts", "g c", openContacts],
  ["Keyboard shortcuts", "?", showHelp],
];

function junk() {
  act(list().dataset.use === "junk" ? "not-junk" : "junk", targets());
}

function palette() {
  const actions = ACTIONS.map(([label, hint, run]) => ({ label, hint, run }));
  choose([...folderChoices((link) => openFolder(link.pathname)), ...actions], "Go to a folder or do something");
}

const onKey = makeKeys(
  {
    j: () => step(1),
    k: () => step(-1),
    o: openCursor,
    Enter: openCursor,
    u: closeReader,
    Escape: () => conversation() && closeReader(),
    x: pick,
    e: () => act("archive", targets()),
    "#": () => act("delete", targets()),
    Delete: () => act("delete", targets()),
    "!": junk,
    s: () => toggle("flagged", targets()),
    I: () => act("seen", targets()),
    U: () => act("unseen", targets()),
    v: () => moveSomewhere(),
    m: () => toggleMute(targets()),
    ";": () => foldAll(true),
    ":": () => foldAll(false),
    z: undoLast,
    c: () => press("c"),
    r: () => press("r"),
    a: () => press("a"),
    l: replyToList,
    f: () => press("f"),
    "?": showHelp,
    "/": focusSearch,
  },
  { gi: goToInbox, gs: () => goTo("sent"), gd: () => goTo("drafts"), gt: () => goTo("trash"), gc: openContacts },
  { k: palette },
);

const isInbox = (folder) => {
  const link = document.querySelector(`.sidebar [data-folder="${folder}"]`);
  return !link || link.dataset.use === "inbox";
};

// In the unified inbox also a folder that is not in the sidebar yet may turn out to be one.
function concerns({ folders = [], tree = false }) {
  if (list().dataset.folder === "search") return true;
  if (list().dataset.account) return folders.includes(Number(list().dataset.folder));
  return tree || folders.some(isInbox);
}

async function changed(hint) {
  const { folders = [], notices = false, everything = false } = hint;
  refreshSidebar();
  if (notices || everything || document.querySelector(".bulk-card")) refreshNotices();
  if (everything || concerns(hint)) refreshList();
  if (!conversation() || !(everything || folders.length) || (await refreshReader()) !== "gone") return;
  // Not where another one is being opened meanwhile.
  if (currentId() === conversation()?.dataset.conversation) closeReader();
}

function startMailbox(box) {
  startRest();
  startMenus(reader());
  startList();
  startReader({
    key: onKey,
    mailto: composeTo,
    seen: (id) => {
      for (const row of rowsOf(id)) row.classList.remove("unread");
      refreshSidebar();
    },
  });
  startNavigation();
  startOrganising({ chooseFolder: moveSomewhere, forward: forwardWhole });
  startPalette();
  startPanes();
  startPeople();
  startDragging({ move: (ids, folder) => act("move", ids, [["target", folder]]) });
  startSwiping({ act });
  startComposing();
  startSearch();
  markFolder();
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-help]")) showHelp();
    else if (event.target.closest?.("[data-palette]")) palette();
    const button = event.target.closest?.("[data-step]");
    if (button) step(Number(button.dataset.step));
  });
  startEvents(box.dataset, changed);
  saveLeftovers();
}

document.documentElement.classList.add("script");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `tz=${zone}; path=/; max-age=${YEAR}; samesite=lax`;
startToasts();
startQuestions();
startViewer();
startSigningOut();
const mailbox = document.getElementById("mailbox");
if (mailbox) startMailbox(mailbox);
for (const page of document.querySelectorAll(".enclosed-page")) adoptFrames(page);
