/** @returns what `--name=` says; null when it was not given. */
export function optionOf(name: string): string | null {
  const start = `--${name}=`;
  return process.argv.find((word) => word.startsWith(start))?.slice(start.length) ?? null;
}

/** @returns a whole number that `--name=` gives. */
export function countOf(name: string, otherwise: number): number {
  const word = optionOf(name);
  if (word === null) return otherwise;
  if (/^\d{1,9}$/.test(word)) return Number(word);
  throw new Error(`--${name}=${word} is no count`);
}
