// The records that wait on this device.

import { byId, element } from "../element.js";
import { ago } from "./clock.js";
import { drawList } from "./keyed-list.js";
import { recordCells } from "./record-row.js";

// More would only make the panel slow. The count is of all of them.
const ROWS_MAX = 100;

export function startQueue(sdk) {
  return {
    refresh() {
      const records = sdk.getQueuedRecords();
      byId("queued-count").textContent = String(records.length);
      byId("panel-toggle-dot").dataset.waiting = String(records.length > 0);
      byId("queue-empty").hidden = records.length > 0;
      drawList(byId("queued-records"), records.slice(0, ROWS_MAX), {
        key: (record) => `${record.stream} ${record.seq}`,
        draw: (record) =>
          element(
            "li",
            { class: "row", "data-testid": "queued-record", "data-type": record.type, "data-seq": String(record.seq) },
            ...recordCells(record, ago(record.at)),
          ),
      });
    },
  };
}
