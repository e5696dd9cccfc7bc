// Images of messages: there before the message is, or not at all.

/** So long a message waits for its image. It is shown without one then. */
const PATIENCE_MS = 3_000;

/** Images that are fetched before anybody knows whether their message will be shown. */
const MAX_FETCHED = 20;

/** They are kept, so that they are there without a network, whatever their server says of caching. */
const fetched = new Map();

/** Fetches what messages will need, unless the visitor wants to save data. */
export function fetchImages(urls) {
  if (navigator.connection?.saveData) return;
  for (const url of urls) {
    if (url == null || fetched.has(url) || fetched.size >= MAX_FETCHED) continue;
    fetched.set(url, load(url, ""));
  }
}

function load(url, alt) {
  const image = new Image();
  image.alt = alt ?? "";
  image.src = url;
  return image;
}

/** The image, as soon as it can be painted; nothing if it does not come in time. */
export async function preload(url, alt) {
  const image = load(url, alt);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    return await Promise.race([image.decode().then(() => image), late]);
  } catch {
    return undefined; // There is no such image.
  }
}
