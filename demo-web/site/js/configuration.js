// What the shop's backend says about Kindling: the public SDK key and the address of the server.

/** Resolves to `{ sdkKey, baseUrl }`. */
export const configuration = fetch("/config.json").then((response) => {
  if (!response.ok) throw new Error(`/config.json answered ${response.status}`);
  return response.json();
});
