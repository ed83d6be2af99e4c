import { withoutEnding } from '../core/models/formats.js';
import { headOf } from '../core/techniques/spelling.js';

/** Characters of a technique's word in a table; the full word is in the details and in every export of data. */
const ROOM = 26;

/**
 * Words of techniques carry all their settings (`wanda:60%?dsnot=strict&tokens=256`) and paths of files: too
 * much for a column. Here each keeps what tells it from the others of its column, and of the rest what fits.
 * @returns one text per word, in order; different words have different texts.
 */
export function shortWords(spellings: readonly string[]): string[] {
  const short = spellings.map((spelling) => shortWord(spelling, spellings));
  const twice = (text: string, at: number) =>
    short.some((other, i) => other === text && spellings[i] !== spellings[at]);
  return short.map((text, i) => (twice(text, i) ? (spellings[i] ?? text) : text));
}

/**
 * Long names that begin or end alike keep what tells them apart: `Llama-3.2-1B-Instruct-Q4_K_M` beside `…-3B-…` is `…1B…`.
 * @returns one text per name, in order; different names have different texts.
 */
export function distinctParts(names: readonly string[]): string[] {
  if (names.length < 2 || names.every((name) => name.length <= ROOM)) return [...names];
  const parts = names.map((name) => name.split(/(?<=[-./: ])/));
  const shortest = Math.min(...parts.map(({ length }) => length));
  const alike = (at: (part: readonly string[], i: number) => string | undefined, most: number) => {
    let count = 0;
    while (count < most && new Set(parts.map((part) => at(part, count))).size === 1) count += 1;
    return count;
  };
  const head = alike((part, i) => part[i], shortest - 1);
  const tail = alike((part, i) => part.at(-1 - i), shortest - 1 - head);
  const short = parts.map((part) => {
    const middle = part.slice(head, part.length - tail).join('');
    return `${head > 0 ? '…' : ''}${middle.replace(/[-./: ]$/, '')}${tail > 0 ? '…' : ''}`;
  });
  return new Set(short).size === new Set(names).size ? short : [...names];
}

function shortWord(spelling: string, all: readonly string[]): string {
  const head = headOf(spelling);
  const settings = settingsOf(spelling);
  const rivals = all.filter((other) => other !== spelling && headOf(other) === head).map(settingsOf);
  const telling = (key: string) => rivals.some((other) => other.get(key) !== settings.get(key));
  const first = [...settings.keys()].filter(telling);
  const later = [...settings.keys()].filter((key) => !telling(key));
  let text = shortHead(head);
  for (const key of first) text += ` ${key}=${lastPart(settings.get(key) ?? '')}`;
  for (const key of later) {
    const longer = `${text} ${key}=${lastPart(settings.get(key) ?? '')}`;
    if (longer.length <= ROOM) text = longer;
  }
  return text;
}

/** `builtin:small-pgdoc-r4*0.5+adapters/r8.gguf` → `small-pgdoc-r4*0.5+r8`; heads that are no files stay. */
function shortHead(head: string): string {
  return head
    .split('+')
    .map((part) =>
      lastPart(part.replace(/^(builtin|synthetic|file|hf):/, '')).replace(/^[^*]+/, withoutEnding),
    )
    .join('+');
}

function lastPart(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? path;
}

function settingsOf(spelling: string): Map<string, string> {
  const query = spelling.slice(headOf(spelling).length + 1);
  return new Map(
    (query === '' ? [] : query.split('&')).map((pair) => {
      const [key = '', value = ''] = pair.split(/=(.*)/s);
      return [key, value] as const;
    }),
  );
}
