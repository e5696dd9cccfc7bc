// Ready: its constructor has returned. It tells nobody when it is.
import { OpenPanel } from "@openpanel/web";

let panel;

export async function init(base) {
  panel = new OpenPanel({ apiUrl: base, clientId: "bench" });
}

export const track = (name, properties) => panel.track(name, properties);
