// Asks the shop's backend what Kindling knows of this visitor, whenever that may have changed.

const RECORDS = 25;
// Segments also change when only time passes.
const RELOAD_EVERY_MS = 15_000;

/**
 * `parts` draw what was found: `{ profile, records }` with the visitor's data, or with `null` when the server has not met
 * the visitor, or `{ failure }` with a sentence.
 */
export function startServerView(sdk, parts) {
  let shownFor = null;
  let isLoading = false;
  let isOutdated = false;

  async function load() {
    // One question at a time. What happens meanwhile leads to one more.
    if (isLoading) {
      isOutdated = true;
      return;
    }
    const user = reference(sdk);
    if (user === null) return;
    isLoading = true;
    // The profile of somebody else must not stand there while the right one is on its way.
    if (shownFor !== user) for (const part of parts) part.clear();
    shownFor = user;
    const found = await ask(user);
    // Someone may have signed in while the answer was on its way.
    if (reference(sdk) === user) for (const part of parts) part.draw(found);
    else isOutdated = true;
    isLoading = false;
    if (isOutdated) {
      isOutdated = false;
      load();
    }
  }

  document.getElementById("profile-refresh").addEventListener("click", load);
  setInterval(() => {
    const isSeen = !document.hidden && document.documentElement.dataset.panel === "open";
    if (isSeen && sdk.isInitialized()) load();
  }, RELOAD_EVERY_MS);

  return {
    load,
    onActivity({ type }) {
      if (type === "flush_succeeded" || type === "user_changed") load();
    },
  };
}

/** How the visitor is named to the server: by account, or by device while anonymous. */
function reference(sdk) {
  const externalId = sdk.getUser()?.getUserId();
  const deviceId = sdk.getDeviceId();
  if (externalId) return `external_id:${externalId}`;
  return deviceId ? `device_id:${deviceId}` : null;
}

async function ask(user) {
  const address = `/shop/kindling/users/${encodeURIComponent(user)}`;
  try {
    const profile = await get(address);
    const page = profile && (await get(`${address}/records?limit=${RECORDS}`));
    return { profile, records: page?.records ?? null };
  } catch (error) {
    return { failure: error instanceof TypeError ? "The shop’s backend does not answer." : error.message };
  }
}

/** The answer's JSON, or `null` when the server does not know the user. */
async function get(address) {
  const response = await fetch(address, { headers: { accept: "application/json" } });
  if (response.status === 404) return null;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? `The shop’s backend answered ${response.status}.`);
  return answer;
}
