// Requests to our own server. Fragments are asked for as htmx does, so that a view answers both alike.

export class Unreachable extends Error {}

// The cookie knows of a sign-in in another tab; the forms of a page that stood open do not.
export function token() {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie?.[1] ?? document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

async function send(url, options = {}) {
  let response;
  try {
    response = await fetch(url, {
      ...options,
      credentials: "same-origin",
      headers: { "HX-Request": "true", ...options.headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("No connection to the server.", { cause: error });
  }
  // A session that has ended answers with the sign-in page.
  if (response.redirected && new URL(response.url).pathname.includes("sign-in")) {
    location.reload();
    throw new Unreachable("You have been signed out.");
  }
  return response;
}

export async function getHtml(url, signal) {
  const response = await send(url, { signal });
  if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { status: response.status });
  return response.text();
}

export async function post(url, fields) {
  const body = fields instanceof FormData ? fields : new FormData();
  if (!(fields instanceof FormData)) {
    for (const [name, value] of fields) body.append(name, value);
  }
  const response = await send(url, { method: "POST", body, headers: { "X-CSRFToken": token() } });
  return { ok: response.ok, status: response.status, html: await response.text() };
}

export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
