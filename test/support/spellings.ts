const hex = (letter: string): string => letter.charCodeAt(0).toString(16);

/** Writes one character of a path in another way. */
const LETTERS: readonly ((letter: string) => string)[] = [
  (letter) => `%${hex(letter)}`,
  (letter) => `%${hex(letter).toUpperCase()}`,
  (letter) => `%25${hex(letter)}`,
  (letter) => `%2525${hex(letter)}`,
  (letter) => `%u00${hex(letter)}`,
  // Two and three bytes for a character that one byte holds: what a strict reader of UTF-8 refuses.
  (letter) =>
    `%c${(letter.charCodeAt(0) >> 6).toString(16)}%${(0x80 | (letter.charCodeAt(0) & 0x3f)).toString(16)}`,
  (letter) => `%e0%8${letter.charCodeAt(0) >> 6}%${(0x80 | (letter.charCodeAt(0) & 0x3f)).toString(16)}`,
  (letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()),
  // Full width forms, which some normalize.
  (letter) => encodeURIComponent(String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
];

/** Writes one slash of a path in another way. */
const SLASHES = [
  ...['//', '///', '/./', '/x/../', '/%2e/', '/x/%2e%2e/', '/x/.%2e/', '/.;/', '/..;/', '/;/', '/;a=b/'],
  ...['\\', '%2f', '%2F', '%5c', '%252f', '%c0%af', '%e0%80%af', '/%2f', '%2f/', '/\\', '/%00/', '/%20/'],
];

const ENDINGS = [
  ...'/ // /. /./ /..;/ /x/.. . .. ; ;a=b ;.json .json .html %20 + ~ %00 %0a %0d%0a %09 %2f %3f %23 ?'.split(
    ' ',
  ),
  ...'?? ?x ?; # #x % %zz %2 \\ %ff'.split(' '),
];

const STARTS = [
  ...'http://localhost https://localhost HTTP://localhost http://other.example http:// http:///'.split(' '),
  ...'https://user@localhost http://localhost:1 http:/ file:// //localhost ///localhost /\\localhost'.split(
    ' ',
  ),
  ...'/. /x/.. /%2e /%2e%2e /.. /; /;a=b /x/%2e%2e /index.html/.. /./. \\ /static/..'.split(' '),
];

/**
 * @returns ways to write a path that some reader or other takes for the same; all differ, the plain one is
 *   first.
 */
export function spellings(path: string): string[] {
  const at = (index: number, text: string): string => path.slice(0, index) + text + path.slice(index + 1);
  const all = [path];
  for (const [index, character] of [...path].entries()) {
    if (character === '/') all.push(...SLASHES.map((slash) => at(index, slash)));
    else if (/[a-z0-9.]/i.test(character)) all.push(...LETTERS.map((write) => at(index, write(character))));
  }
  all.push(...ENDINGS.map((ending) => path + ending));
  all.push(...STARTS.map((start) => start + path));
  for (const write of LETTERS)
    all.push([...path].map((one) => (/[a-z]/.test(one) ? write(one) : one)).join(''));
  return [...new Set(all)];
}
