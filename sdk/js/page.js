// What users and messages need of the SDK, which puts its functions in here: `record`, `refuse` and `externalId`; `subscribe`,
// `removeSubscription`, `subscriptions` and `close`.
export const page = {};
