/** Tells developers what went wrong that they did not call for. */
export const warn = (text, error) => console.warn(`[kindling] ${text}`, error);
