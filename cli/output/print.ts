/** Writes data to stdout, with exactly one newline at its end. */
export function printData(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes a value as indented JSON to stdout. */
export function printJson(value: unknown): void {
  printData(JSON.stringify(value, null, 2));
}

/** Writes a line for people to stderr: progress, hints, where files went. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
