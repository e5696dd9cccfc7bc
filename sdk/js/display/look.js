// Colours and direction: the message's own, the site's, or the SDK's.

/** The SDK's. `core/src/message/theme.rs` holds what definitions give against them. */
const COLORS = {
  light: { surface: "#fff", text: "#1d1b19", muted: "#5b5650", accent: "#b3431e", on_accent: "#fff", edge: "#dcd7d1" },
  dark: { surface: "#262320", text: "#f4efe9", muted: "#bcb3a9", accent: "#f0915f", on_accent: "#1d1b19", edge: "#4a4540" },
};

/** Languages that are written from right to left. */
const RTL = /^(ar|arc|ckb|dv|fa|he|iw|ks|nqo|ps|sd|syr|ug|ur|yi|[a-z]+-(arab|hebr))\b/i;

/** Gives the message its colours, and keeps up with what the visitor's system likes. Returns what ends that. */
export function dress(host, frame, content, { inAppMessageColorScheme: wanted }) {
  const { language, direction = language && (RTL.test(language) ? "rtl" : "ltr") } = content;
  if (language) frame.lang = language;
  if (direction) frame.dir = direction;

  const query = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const scheme = COLORS[wanted] ? wanted : query.matches ? "dark" : "light";
    const own = content.theme?.[scheme];
    host.style.setProperty("color-scheme", scheme);
    for (const [name, color] of Object.entries(COLORS[scheme])) {
      const variable = name.replace("_", "-");
      // Where a message has colours of its own, they are held against each other and the SDK's: the site's would spoil that.
      host.style.setProperty(`--${variable}`, own ? (own[name] ?? color) : `var(--kindling-${variable}, ${color})`);
    }
    for (const button of frame.querySelectorAll("[data-button]")) {
      const style = content.buttons[button.dataset.button].style?.[scheme] ?? {};
      for (const name of ["background", "text", "border"]) {
        button.style.setProperty(`--button-${name}`, style[name] ?? "");
      }
    }
  };
  paint();
  query.addEventListener("change", paint);
  return () => query.removeEventListener("change", paint);
}
