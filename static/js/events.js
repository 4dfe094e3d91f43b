// What changed on the server. One tab listens for all tabs of the browser: each stream holds a connection.

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30000;
const BANNER_AFTER_MS = 4000;

function open(url, revision, { changed, up, down }) {
  let wait = FIRST_RETRY_MS;
  let lost = false;
  let known = revision;
  const connect = () => {
    const source = new EventSource(url);
    source.addEventListener("open", () => {
      wait = FIRST_RETRY_MS;
      if (lost) changed({ folders: [], notices: true, everything: true });
      lost = false;
      up();
    });
    // What changed between the making of the page and the opening of the stream was told to nobody.
    source.addEventListener("hello", (event) => {
      if (known && JSON.parse(event.data).revision !== Number(known)) changed({ everything: true });
      known = "";
    });
    source.addEventListener("change", (event) => {
      try {
        changed(JSON.parse(event.data));
      } catch {
        changed({ folders: [], notices: true, everything: true });
      }
    });
    source.addEventListener("error", () => {
      lost = true;
      down();
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_RETRY_MS);
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
    window.addEventListener("pageshow", (event) => event.persisted && location.reload(), { once: true });
  };
  connect();
}

export function startEvents({ eventsUrl: url, revision }, changed) {
  const banner = document.getElementById("offline");
  let timer;
  const up = () => {
    // A stream can outlive the network for a while.
    if (!navigator.onLine) return;
    clearTimeout(timer);
    timer = undefined;
    if (banner) banner.hidden = true;
  };
  const down = () => {
    timer ??= setTimeout(() => {
      if (banner) banner.hidden = false;
    }, BANNER_AFTER_MS);
  };
  const channel = new BroadcastChannel("mail-events");
  const handlers = {
    changed: (data) => {
      channel.postMessage({ changed: data });
      changed(data);
    },
    up: () => {
      channel.postMessage({ up: true });
      up();
    },
    down: () => {
      channel.postMessage({ up: false });
      down();
    },
  };
  channel.addEventListener("message", ({ data }) => {
    if (data.changed) changed(data.changed);
    else if (data.up) up();
    else down();
  });
  window.addEventListener("offline", down);
  window.addEventListener("online", () => {
    up();
    changed({ everything: true });
  });
  if (!navigator.locks) open(url, revision, handlers);
  // The lock lives as long as the promise: for ever, or until this tab closes and the next one takes over.
  else navigator.locks.request("mail-events", () => new Promise(() => open(url, revision, handlers)));
}
