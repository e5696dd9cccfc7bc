// What the numbers mean that facade and module exchange. The module's own tests hold the list of reasons to it: it is JSON.

/** What the module is asked to do or to say. Calls that are kept for the next page have these numbers, so they stay. */
export const ASKS = {
  begin: 0,
  tick: 1,
  hidden: 2,
  online: 3,
  openSession: 4,
  wipe: 5,
  logOut: 6,
  log: 7,
  changeUser: 8,
  setSignature: 9,
  describe: 10,
  flush: 11,
  adopt: 12,
  storageChanged: 13,
  reply: 14,
  recordTime: 15,
  interests: 16,
  canTest: 17,
  checkMessage: 18,
  defer: 19,
  takeDeferred: 20,
  deviceId: 21,
  externalId: 22,
  heldMessages: 23,
  queuedRecords: 24,
  end: 25,
  head: 26,
  notShown: 27,
};

/** Why a flush failed, or records were dropped, as `FlushProblem` in `index.d.ts` has it. */
export const REASONS = [
  "unreachable",
  "not_kindling",
  "unknown_key",
  "busy",
  "unreadable",
  "queue_full",
  "sdk_authentication_failed"
];
