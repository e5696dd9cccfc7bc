// Images of messages: there before the message is, or not at all.

/** So long a message waits for its image. It is shown without one then. */
const PATIENCE_MS = 3_000;

/** The image, as soon as it can be painted; nothing if it does not come in time. */
export async function preload(url, alt) {
  const image = new Image();
  image.alt = alt ?? "";
  image.src = url;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    return await Promise.race([image.decode().then(() => image), late]);
  } catch {
    return undefined; // There is no such image.
  }
}
