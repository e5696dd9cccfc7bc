// Puts what its event says into a message whose templates name it: loaded when the device holds such a message, to be there when there is
// no network. What is simple is put in here; for all else the server is asked when the trigger fires.

/** A number between two characters of private use stands for a value. */
const VALUE = /\ue000(\d+)\ue001/g;

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** What a value is where it stands, by the name of the member. */
const escaped = (name, text) =>
  name === "html"
    ? text.replace(/[&<>"']/g, (char) => ESCAPES[char])
    : name === "url" || name === "image_url"
      ? encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      : text;

/** What the event says; what is empty, or no text, says nothing. */
function say({ path, default: otherwise = "" }, event) {
  let value = event;
  for (const name of path) value = typeof value === "object" && value !== null && Object.hasOwn(value, name) ? value[name] : undefined;
  return (typeof value === "string" && value) || typeof value === "number" || value === true ? `${value}` : otherwise;
}

/** The same value with what is said in it. */
function filled(value, name, said) {
  if (typeof value === "string") return value.replace(VALUE, (_, number) => escaped(name, said[number] ?? ""));
  if (Array.isArray(value)) return value.map((item) => filled(item, name, said));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, name, said)]));
}

/** The message with what the device itself can put in; nothing if it is not for the device. */
export function fill({ render, ...message }, event) {
  if (!render.device) return undefined;
  const said = render.device.map((value) => say(value, event));
  return { ...message, content: filled(message.content, "", said) };
}

/** The whole message, asked of the server at `url` with the head of a flush if need be. It throws if there is none to be had. */
export async function complete(message, event, url, head) {
  const whole = fill(message, event);
  if (whole) return whole;
  const { render, ...rest } = message;
  const ask = JSON.stringify({ campaign: message.id, variant: message.variant, event });
  const body = `${head().slice(0, -1)},"render":${ask}}`;
  const response = await fetch(url, { method: "POST", body, credentials: "omit", signal: AbortSignal.timeout?.(10_000) });
  if (!response.ok) throw new Error(`the server does not make the message: ${response.status}`);
  const { content } = await response.json();
  return { ...rest, content };
}
