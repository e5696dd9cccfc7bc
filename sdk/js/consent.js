// Whether this device takes part. It is asked before anything is loaded or stored.

/** What the visitor said lasts, and is all that is stored of somebody who does not take part. */
const KEY = "kindling.consent";
const YES = "yes";
const NO = "no";

/** Programs that read pages, as they name themselves. */
const CRAWLERS = /bot\b|crawl|spider|slurp|bingpreview|facebookexternalhit/i;

let said = null; // where storage is blocked, for the life of the page

/** Notes what the visitor said. */
export function setConsent(takesPart) {
  said = takesPart ? YES : NO;
  try {
    localStorage.setItem(KEY, said);
  } catch {
    // It holds for this page.
  }
}

/** Whether nothing may be recorded: the visitor said no, or has not been asked where that is needed. */
export function isRefused(options) {
  let answer = said;
  try {
    answer = localStorage.getItem(KEY) ?? said;
  } catch {
    // What was said on this page counts.
  }
  if (answer !== null) return answer !== YES;
  return Boolean(options?.requireConsent || (options?.respectGlobalPrivacyControl && navigator.globalPrivacyControl));
}

/** Whether a program reads the page. */
export const isCrawler = () => CRAWLERS.test(navigator.userAgent);
