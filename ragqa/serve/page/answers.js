// The answers that this tab was given, by address, so that going back shows them without asking again.

const KEPT = 30;
const given = new Map();

export function keepAnswer(address, answer, request) {
  given.delete(address);
  given.set(address, { answer, request });
  if (given.size > KEPT) given.delete(given.keys().next().value);
}

/** The answer that was given at an address with the request that it answers; undefined where there is none. */
export function givenAnswer(address) {
  return given.get(address);
}
