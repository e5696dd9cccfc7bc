// The newest records that the server has of this visitor.

import { byId, element } from "../element.js";
import { ago } from "./clock.js";
import { drawList } from "./keyed-list.js";
import { recordCells } from "./record-row.js";

export function startRecords() {
  return {
    clear() {
      show([]);
    },
    draw({ records, failure }) {
      // After a failure the last known ones are still true.
      if (!failure) show(records ?? []);
    },
  };
}

function show(records) {
  byId("records-empty").hidden = records.length > 0;
  drawList(byId("server-records"), records, {
    key: (record) => `${record.stream} ${record.seq}`,
    draw: (record) =>
      element(
        "li",
        { class: "row", "data-testid": "server-record", "data-type": record.type, "data-seq": String(record.seq) },
        ...recordCells(record, ago(record.at)),
      ),
  });
}
