// Addresses that a click may open.

/** Whether an address may be opened from the page: `javascript:` and the like would let the author of a message run code in the site. */
export function isSafe(url) {
  try {
    return /^(https?|mailto|tel|sms):$/.test(new URL(url, document.baseURI).protocol);
  } catch {
    return false;
  }
}
