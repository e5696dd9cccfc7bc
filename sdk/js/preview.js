// Shows what somebody is writing, as visitors would see it. Nothing is recorded, and nothing leads away from the page: it is told instead.

import { makeDisplay } from "./display.js";

let display; // of the preview that is shown

/** The texts of a message in one of its languages. */
function inLanguage(content, language) {
  const { translations, ...first } = content;
  const texts = translations?.[language];
  if (!texts) return first;
  const { buttons = {}, options = {}, low, high, placeholder, ...plain } = texts;
  const translated = (list, by) => list?.map((each) => ({ ...each, text: by[each.id] ?? each.text }));
  const question = first.question && { ...first.question, options: translated(first.question.options, options) };
  for (const [name, text] of Object.entries({ low, high, placeholder })) if (text) question[name] = text;
  return { ...first, direction: undefined, language, ...plain, buttons: translated(first.buttons, buttons), question };
}

/** Shows a message as a definition has it. Gives what takes it away again. */
export function preview(content, { baseUrl, colorScheme, direction, language, parentElement, onEvent }) {
  display?.clear();
  const tell = (event) => onEvent?.(event);
  const mine = (display = makeDisplay(
    { baseUrl, inAppMessageColorScheme: colorScheme },
    {
      record: tell,
      open: (url, newTab) => tell({ type: "open_url", url, new_tab: Boolean(newTab) }),
      askForPush: () => tell({ type: "request_push" }),
    },
  ));
  const said = inLanguage(content, language);
  mine.show({
    message: { id: "preview", content: direction ? { ...said, direction } : said },
    parent: parentElement ?? undefined,
    onDisplay: () => tell({ type: "displayed" }),
    told: (what) => what === "dismissed" && tell({ type: "dismissed" }),
  });
  return { close: () => mine.clear() };
}
