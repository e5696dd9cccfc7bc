// What this device says of itself, as far as the site lets it.

/** What `devicePropertyAllowlist` can name. Browser and operating system are told by the User-Agent header. */
export const DeviceProperties = {
  BROWSER: "browser",
  BROWSER_VERSION: "browserVersion",
  OS: "os",
  RESOLUTION: "resolution",
  LANGUAGE: "language",
  TIME_ZONE: "timeZone",
  USER_AGENT: "userAgent",
};

/** What the server may take from the User-Agent header, as it names that; nothing said: everything. */
export const agent = (allowed) =>
  Array.isArray(allowed)
    ? ["browser", "browser_version", "os", "user_agent"].filter((name) =>
        allowed.includes(name.replace(/_(.)/, (_, letter) => letter.toUpperCase())),
      )
    : undefined;

/** A record without its place and time. */
export function describe({ devicePropertyAllowlist: allowed, appVersion, appVersionNumber }, origins) {
  const may = (property) => !Array.isArray(allowed) || allowed.includes(property);
  const said = { type: "device" };
  // An iPad says that it is a Mac.
  if (may("os") && /Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1) said.os = "iPadOS";
  if (may("language")) said.language = navigator.language;
  if (may("timeZone")) said.time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (may("resolution")) [said.screen_width, said.screen_height] = [screen.width, screen.height];
  if (appVersion) said.app_version = `${appVersion}`;
  if (appVersion && appVersionNumber) said.app_version_number = `${appVersionNumber}`;
  if (origins.length) said.sdk_metadata = origins.slice(0, 16);
  return said;
}
