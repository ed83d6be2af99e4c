/**
 * Words that no shell gives another meaning. Bash expands braces into several words, and zsh a leading = into
 * a path.
 */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/**
 * @returns a word as a POSIX shell reads it back, whatever is in it: nothing of it is expanded, and it stays
 *   one word.
 */
export function shellWord(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** @returns the path of a file as a word that no program takes for an option. */
export function pathWord(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/** @returns words as a command line that a shell reads back. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}
