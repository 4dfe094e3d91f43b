// Addresses of lists and of conversations in them. A search carries its question along, a folder nothing.

const PLACE = /^(.*\/(?:folder\/\d+|inbox|search)\/)(?:conversation\/(m?\d+|\d+-m?\d+)\/)?$/;

// `list` and `page` are written in one way only, so that they can be compared; null for any other address.
export function placeOf(address) {
  const url = new URL(address, location.href);
  const found = PLACE.exec(url.pathname);
  if (!found) return null;
  const [, path, id = ""] = found;
  const question = path.endsWith("/search/") ? `?${new URLSearchParams({ q: url.searchParams.get("q") ?? "" })}` : "";
  return { list: path + question, page: (id ? `${path}conversation/${id}/` : path) + question, id };
}

export function below(list, tail) {
  const [path, question] = list.split("?");
  return path + tail + (question === undefined ? "" : `?${question}`);
}

export function withParameter(address, name, value) {
  return `${address}${address.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(value)}`;
}
