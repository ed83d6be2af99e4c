// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not get through
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * @returns the text without anything that could move the cursor, colour the screen or turn the line around.
 */
export function printable(text: string): string {
  return text.replace(/\r?\n|\t/g, ' ').replace(CONTROL, '\ufffd');
}

/** @returns the lines of a text, each printable. */
export function printableLines(text: string): string[] {
  return text.split(/\r?\n/).map(printable);
}
