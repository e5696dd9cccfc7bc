// What is wrong with calls, for developers: loaded when there is something to say. The module's own tests hold the list to it: it is JSON.

/** What is wrong with a call, from 1. What only servers find out is left out. */
export const WRONGS = [
  "",
  "there is no such call",
  "that is not a message of this SDK",
  "properties must be an object",
  "a currency must be an ISO 4217 code, like EUR",
  "a number must be finite",
  "a user id must have 1 to 997 bytes and no control characters",
  "a subscription must be opted_in, subscribed or unsubscribed",
  "a group must be subscribed or unsubscribed",
  "only an object can be merged",
  "a place needs a latitude and a longitude",
  "initialize() was called without enableSdkAuthentication",
  "a signature must have 1 to 8192 bytes",
  "nobody is signed in",
  "",
  "a name must have 1 to 255 characters and may not start with $",
  "a value may be nested at most 16 levels deep",
  "properties, or the value of an attribute, may have at most 50 KiB as JSON",
  "a string may have at most 8 KiB",
  "a price must be from 0 to 10,000,000",
  "a quantity must be a whole number from 1 to 100",
  "the value is not of the attribute's form",
  "an increment must be from -10^18 to 10^18",
  "",
  "a latitude must be from -90 to 90, a longitude from -180 to 180, an accuracy not negative"
];
