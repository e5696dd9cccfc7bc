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

/** As JSON, in the form of a record's members. */
export function describe(allowed) {
  const may = (property) => !Array.isArray(allowed) || allowed.includes(property);
  const said = {};
  // An iPad says that it is a Mac.
  if (may("os") && /Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1) said.os = "iPadOS";
  if (may("language")) said.language = navigator.language;
  if (may("timeZone")) said.time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (may("resolution")) [said.screen_width, said.screen_height] = [screen.width, screen.height];
  return JSON.stringify(said);
}
