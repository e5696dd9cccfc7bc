// Addresses that a click may open.

/** Whether an address may be opened from the page: `javascript:` and the like would let the author of a message run code in the site. */
export function isSafe(url) {
  try {
    return /^(https?|mailto|tel|sms):$/.test(new URL(url, document.baseURI).protocol);
  } catch {
    return false;
  }
}

/** Opens what a click leads to. */
export function open(url, newTab) {
  if (!isSafe(url)) return;
  try {
    if (newTab) window.open(url, "_blank", "noopener");
    else location.assign(url);
  } catch {
    // Not an address after all.
  }
}
