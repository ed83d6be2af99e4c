import { printable } from '../../core/input/printable.js';
import { invalid } from '../../proto/errors.js';
import type { By } from '../audit.js';

/** Of a reason or a name that somebody gives. */
const MOST_CHARACTERS = 1_000;

/** @returns the reason that somebody gives, or who it was. @throws WireError `invalid` */
export function reasonOf(reason: string, done: string, by: By): string {
  bounded('reason', reason);
  return reason === '' ? `${done} by ${by.name}` : reason;
}

/**
 * What people write beside what they ask for is kept in the log and shown to everybody, on terminals, too.
 * @throws WireError `invalid`
 */
export function bounded(what: string, text: string): void {
  if (printable(text) !== text) {
    throw invalid(`The ${what} has control characters or line breaks: write it as one line of plain text.`);
  }
  if (text.length <= MOST_CHARACTERS) return;
  throw invalid(`The ${what} has ${text.length} characters: write ${MOST_CHARACTERS} at most.`);
}
