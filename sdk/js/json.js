// What a page says, as JSON: dates keep their type, and what JSON would change or leave out without a word is refused.

/** Reads as `this[name]` what the engine has already made a text of. */
function plain(name, value) {
  const given = this[name];
  if (given instanceof Date) {
    if (isNaN(given)) throw "a date must be valid";
    return { $time: +given };
  }
  // Half of a pair of surrogates is no character.
  if (typeof value === "string") return value.replace(/\p{Cs}/gu, "\ufffd");
  if (typeof value === "number" && !isFinite(value)) throw "a number must be finite";
  if (/bi|fu|sy/.test(typeof value)) throw "only what JSON has, and dates, can be stored";
  return value;
}

/** Throws what is wrong with a value. */
export const toJson = (value) => JSON.stringify(value, plain);
