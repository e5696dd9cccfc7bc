// What an HTML message finds as `kindling`, and what makes its links and the Escape key work. It runs in the message's frame and stands
// here as text, so that no bundler of a site makes something else of it.

/** The script. It proves by the key that it is the one that was put there. */
export const bridge = (key) => `(() => {
  const ask = (what, ...said) => parent.postMessage({ kindling: what, key: "${key}", said }, "*");
  const functions = {};
  for (const name of ["close", "logClick", "logCustomEvent", "setCustomUserAttribute", "openUrl"]) {
    functions[name] = (...said) => ask(name, ...said);
  }
  window.kindling = Object.freeze(functions);
  ask("hello");
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    const to = link.getAttribute("href");
    if (to[0] === "#") return document.getElementById(to.slice(1))?.scrollIntoView();
    ask("logClick", link.dataset.button);
    ask("openUrl", to, link.target === "_blank");
  });
  addEventListener("keydown", (event) => event.key === "Escape" && ask("escape"));
  const watch = () => {
    const root = document.documentElement;
    const tell = () => ask("height", Math.ceil(root.getBoundingClientRect().height));
    new ResizeObserver(tell).observe(root);
    tell();
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", watch);
  else watch();
})()`;
