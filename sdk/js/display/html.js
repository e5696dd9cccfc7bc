// HTML messages: a page in a frame that has no origin, so that nothing in it can reach the site. What it may ask for goes through a
// bridge: messages between windows, of which only those listed here are understood.

import { bridge } from "./bridge.js";
import { set } from "./element.js";

/** What the page may load: nothing but images, fonts and media, and no script or style from elsewhere. It can't send anything off. */
const POLICY =
  "default-src 'none'; img-src https: http: data:; media-src https: http: data:; font-src https: http: data:; " +
  "style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/** What one page may have recorded. A page that asks for more is broken. */
const MAX_RECORDS = 100;

/** So long after it was loaded its scripts may take to say that they run. */
const PATIENCE_MS = 500;

/** So long a frame that the server has may take to be there. */
const SERVER_PATIENCE_MS = 5_000;

/** Whether the site's Content-Security-Policy is known to forbid scripts in such a frame. It is the same as long as the site's page is. */
let isForbidden = false;

/** Draws the page into the dialog. `fallBack()` draws the message without it. */
export function drawPage(view, dialog, fallBack) {
  const { message, options, site, isOn } = view;
  const { html, header, body } = message.content;
  // Only the bridge knows it: another page to which the frame goes can't speak for this one.
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (number) => number.toString(36)).join("");
  const text = (base = "") => page(html, key, options.contentSecurityNonce, base);
  const frame = set(document.createElement("iframe"), { title: header ?? body, referrerpolicy: "no-referrer" });
  frame.setAttribute("sandbox", "allow-scripts");
  let timer;
  let runs = false;
  let records = 0;

  const record = (what) => {
    records += 1;
    if (records <= MAX_RECORDS) site.record(what);
  };
  const understood = {
    hello: () => (runs = true),
    close: () => view.dismiss(),
    escape: () => !options.requireExplicitInAppMessageDismissal && view.dismiss(),
    logClick(button) {
      records += 1;
      if (records > MAX_RECORDS) return;
      view.settle();
      view.click(undefined, button == null ? undefined : `${button}`, true);
    },
    logCustomEvent: (name, properties) => record({ type: "custom_event", name, properties }),
    setCustomUserAttribute: (name, value = null) => record({ type: "custom_attribute", name, op: "set", value }),
    openUrl: (url, newTab) => site.open(`${url}`, Boolean(newTab) || options.openInAppMessagesInNewTab),
    height: (pixels) => pixels > 0 && frame.style.setProperty("block-size", `${pixels}px`),
  };
  const listen = ({ source, data }) => {
    if (!isOn()) return removeEventListener("message", listen);
    if (source !== frame.contentWindow || data?.key !== key || !Object.hasOwn(understood, data.kindling)) return;
    try {
      understood[data.kindling](...data.said);
    } catch (error) {
      console.warn("[kindling]", error);
    }
  };
  addEventListener("message", listen);

  /** Waits for its scripts to say that they run, and does something else if they don't. */
  const expect = (ms, otherwise) => {
    clearTimeout(timer);
    timer = setTimeout(() => isOn() && !runs && otherwise(), ms);
  };
  const giveUp = () => {
    console.warn("[kindling] the site's Content-Security-Policy allows no HTML messages; this one is shown as text");
    frame.remove();
    fallBack();
  };
  /** The server has an empty page that takes any: there its own policy holds, not the site's. */
  const askServer = () => {
    isForbidden = true;
    if (!options.baseUrl) return giveUp();
    frame.removeAttribute("srcdoc");
    const hand = ({ source, data }) => {
      if (source !== frame.contentWindow || data?.kindling !== "ready") return;
      removeEventListener("message", hand);
      frame.contentWindow.postMessage({ page: text(`<base href="${document.baseURI.replace(/&/g, "&amp;")}">`) }, "*");
      expect(PATIENCE_MS, giveUp);
    };
    addEventListener("message", hand);
    frame.src = `${options.baseUrl.replace(/\/+$/, "")}/sdk/frame.html`;
    expect(SERVER_PATIENCE_MS, () => (removeEventListener("message", hand), giveUp()));
  };
  if (isForbidden) askServer();
  else {
    frame.srcdoc = trusted(text());
    frame.addEventListener("load", () => expect(PATIENCE_MS, askServer), { once: true });
  }
  dialog.append(frame);
}

/** The page as the frame gets it: the policy and the bridge come before anything of its own. */
function page(html, key, nonce, base) {
  let own = html.replace(/^\s*<!doctype[^>]*>/i, "");
  let mark = "";
  if (/^[\w+/=-]+$/.test(nonce ?? "")) {
    mark = ` nonce="${nonce}"`;
    own = own.replace(/<(script|style)\b/gi, `$&${mark}`);
  }
  const head = `<meta charset="utf-8">${base}<meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
  const style = `<style${mark}>body{margin:0;font:16px/1.5 system-ui,sans-serif}</style>`;
  return `<!doctype html>${head}${style}<script${mark}>${bridge(key)}</script>${own}`;
}

let policy;

/** Sites may ask for a sign that markup was looked at. This goes into a frame that can't reach them. */
function trusted(html) {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy("kindling", { createHTML: (text) => text });
  } catch {
    // The site does not allow it.
  }
  return policy ? policy.createHTML(html) : html;
}
