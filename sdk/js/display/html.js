// HTML messages: a page in a frame that has no origin, so that nothing in it can reach the site. What it may ask for goes through a
// bridge: messages between windows, of which only those listed here are understood.

import { BRIDGE } from "./bridge.js";
import { set } from "./element.js";

/** What the page may load: nothing but images, fonts and media, and no script or style from elsewhere. It can't send anything off. */
const POLICY =
  "default-src 'none'; img-src https: http: data:; media-src https: http: data:; font-src https: http: data:; " +
  "style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/** What one page may have recorded. A page that asks for more is broken. */
const MAX_RECORDS = 100;

/** So long it may take until the page says how high it is. */
const PATIENCE_MS = 1_500;

/** Draws the page into the dialog. */
export function drawPage(view, dialog) {
  const { html, header, body } = view.message.content;
  const frame = document.createElement("iframe");
  set(frame, { sandbox: "allow-scripts", title: header ?? body, referrerpolicy: "no-referrer" });
  frame.srcdoc = trusted(page(html, view.options.contentSecurityNonce));
  dialog.append(frame);

  let records = 0;
  const record = (what) => {
    records += 1;
    if (records <= MAX_RECORDS) view.site.record(what);
  };
  const understood = {
    close: () => view.dismiss(),
    escape: () => !view.options.requireExplicitInAppMessageDismissal && view.dismiss(),
    logClick(button) {
      view.settle();
      records += 1;
      if (records <= MAX_RECORDS) view.click(undefined, button == null ? undefined : `${button}`, true);
    },
    logCustomEvent: (name, properties) => record({ type: "custom_event", name, properties }),
    setCustomUserAttribute: (name, value = null) => record({ type: "custom_attribute", name, op: "set", value }),
    openUrl: (url, newTab) => view.site.open(`${url}`, Boolean(newTab) || view.options.openInAppMessagesInNewTab),
    height(pixels) {
      clearTimeout(timer);
      if (pixels > 0) frame.style.setProperty("block-size", `${pixels}px`);
    },
  };
  const timer = setTimeout(() => {
    if (!view.isOn()) return;
    console.warn("[kindling] scripts of HTML messages don't run: the page's Content-Security-Policy may not allow them");
    frame.classList.add("high");
  }, PATIENCE_MS);

  const listen = ({ source, data }) => {
    if (!view.isOn()) return removeEventListener("message", listen);
    if (source !== frame.contentWindow || !Array.isArray(data?.said) || !Object.hasOwn(understood, data.kindling)) return;
    try {
      understood[data.kindling](...data.said);
    } catch (error) {
      console.warn("[kindling]", error);
    }
  };
  addEventListener("message", listen);
  // Once, when it is there. Another time it would be another page, which was not written by those who wrote this one.
  let loads = 0;
  frame.addEventListener("load", () => {
    loads += 1;
    if (loads > 1) view.dismiss();
  });
}

/** The page as the frame gets it: the policy and the bridge come before anything of its own. */
function page(html, nonce) {
  let own = html.replace(/^\s*<!doctype[^>]*>/i, "");
  let mark = "";
  if (/^[\w+/=-]+$/.test(nonce)) {
    mark = ` nonce="${nonce}"`;
    own = own.replace(/<(script|style)\b/gi, `$&${mark}`);
  }
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><style${mark}>body{margin:0;font:16px/1.5 system-ui,sans-serif}</style><script${mark}>${BRIDGE}</script>${own}`;
}

let policy;

/** Sites may ask for a sign that markup was looked at. This goes into a frame that can't reach them. */
function trusted(html) {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy("kindling", { createHTML: (text) => text });
  } catch {
    // The site does not allow it, and so maybe no HTML messages.
  }
  return policy ? policy.createHTML(html) : html;
}
