// The gallery: any message, as its definition has it, shown by the SDK without a campaign. Nothing of it is recorded.

import { configuration } from "../configuration.js";
import { byId, element } from "../element.js";
import { SAMPLES } from "./samples.js";
import { openPhone } from "./phone.js";

const EVENTS_MAX = 12;

/** `sdk` is the loaded package. It need not be started. */
export function startGallery(sdk) {
  const sample = byId("gallery-sample");
  const editor = byId("gallery-editor");
  sample.replaceChildren(...SAMPLES.map(({ name }, place) => element("option", { value: String(place) }, name)));
  const fill = () => {
    editor.value = JSON.stringify(SAMPLES[Number(sample.value)].message, null, 2);
    check();
  };
  sample.addEventListener("change", fill);
  editor.addEventListener("input", check);
  fill();

  byId("gallery").addEventListener("submit", (event) => {
    event.preventDefault();
    const message = check();
    if (message) show(sdk, message);
  });
  byId("gallery-show").disabled = false;
}

/** The definition in the editor, if it is one; what is wrong with it is said. */
function check() {
  let message;
  let wrong = "";
  try {
    message = JSON.parse(byId("gallery-editor").value);
    if (typeof message?.body !== "string") wrong = "A message needs a body.";
  } catch (error) {
    wrong = error.message;
  }
  byId("gallery-editor").setAttribute("aria-invalid", String(wrong !== ""));
  byId("gallery-wrong").textContent = wrong;
  drawLanguages(message);
  return wrong ? undefined : message;
}

/** The languages of the message, for choosing one. */
function drawLanguages(message) {
  const select = byId("gallery-language");
  const before = select.value;
  const tags = Object.keys(message?.translations ?? {});
  select.replaceChildren(
    element("option", { value: "" }, message?.language ?? "as written"),
    ...tags.map((tag) => element("option", { value: tag }, tag)),
  );
  select.value = tags.includes(before) ? before : "";
  select.disabled = tags.length === 0;
}

async function show(sdk, message) {
  byId("gallery-events").replaceChildren();
  const chosen = new FormData(byId("gallery"));
  const { baseUrl } = await configuration;
  const options = {
    baseUrl,
    colorScheme: chosen.get("scheme"),
    direction: chosen.get("direction") || undefined,
    language: chosen.get("language") || undefined,
  };
  if (chosen.has("phone")) openPhone(message, options, told);
  else sdk.previewInAppMessage(message, { ...options, onEvent: told });
}

/** What would have happened. */
function told({ type, ...members }) {
  const list = byId("gallery-events");
  const said = Object.entries(members).filter(([, value]) => value !== undefined);
  const row = element(
    "li",
    { class: "row", "data-testid": "gallery-event", "data-type": type },
    element("span", { class: "row__number" }, "→"),
    element(
      "span",
      { class: "row__subject" },
      element("b", { class: "row__type", "data-type": type }, type),
      said.length > 0 && ` ${JSON.stringify(Object.fromEntries(said))}`,
    ),
  );
  list.append(row);
  while (list.children.length > EVENTS_MAX) list.firstChild.remove();
}
