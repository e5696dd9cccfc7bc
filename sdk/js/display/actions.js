// What a click does, beside closing the message.

/** Carries out an action. What this version does not know does nothing. */
export function carryOut(action, options, site) {
  switch (action?.type) {
    case "open_url":
      site.open(action.url, action.new_tab || options.openInAppMessagesInNewTab);
      break;
    case "log_event":
      site.record({ type: "custom_event", name: action.name, properties: action.properties });
      break;
    case "set_attributes":
      for (const [name, value] of Object.entries(action.attributes)) {
        site.record({ type: "custom_attribute", name, op: "set", value });
      }
      break;
    case "request_push":
      site.askForPush();
      break;
    case "all":
      for (const each of action.of) carryOut(each, options, site);
  }
}
