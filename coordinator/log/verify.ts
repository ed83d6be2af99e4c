import { chainOf } from './chain.js';
import type { Log } from './log.js';

/** What is wrong with a log at a place; positions are of its entries. */
export interface Break {
  readonly kind: 'changed' | 'missing' | 'unsigned' | 'short';
  readonly first: number;
  readonly last: number;
}

export interface Verified {
  /** Entries that were read. */
  readonly entries: number;
  readonly breaks: readonly Break[];
}

/**
 * Reads a whole log and checks every checksum. A changed entry breaks its own link alone, since each is
 * checked against the checksum that is stored before it; one whose checksum was changed breaks the next link
 * as well.
 * @param read is told, now and then, how many entries were read.
 */
export async function verifyLog(
  log: Pick<Log, 'end' | 'links'>,
  read: (entries: number) => void = () => {},
): Promise<Verified> {
  const end = await log.end();
  const breaks: Break[] = [];
  let [entries, expected] = [0, 1];
  let before: string | null = null;
  for await (const link of log.links(0)) {
    const { first, last, chain } = link;
    if (first > expected) breaks.push({ kind: 'missing', first: expected, last: first - 1 });
    entries += last - first + 1;
    // After a gap nothing says what came before.
    const whole = first === expected;
    if (chain === null) join(breaks, 'unsigned', first, last);
    else if (whole && chainOf(before, link) !== chain) join(breaks, 'changed', first, last);
    before = chain;
    expected = last + 1;
    read(entries);
  }
  if (expected <= end) breaks.push({ kind: 'short', first: expected, last: end });
  return { entries, breaks };
}

/** Neighbours with the same fault are one. */
function join(breaks: Break[], kind: Break['kind'], first: number, last: number): void {
  const previous = breaks.at(-1);
  if (previous?.kind === kind && previous.last === first - 1)
    breaks[breaks.length - 1] = { ...previous, last };
  else breaks.push({ kind, first, last });
}

/** @returns a sentence: what is wrong, and where. */
export function breakSentence({ kind, first, last }: Break): string {
  const [entries, is, they] =
    first === last ? [`Entry ${first}`, 'is', 'it'] : [`Entries ${first} to ${last}`, 'are', 'they'];
  switch (kind) {
    case 'changed':
      return `${entries} ${is} not what was written: content and checksum do not agree.`;
    case 'missing':
      return `${entries} ${is} missing, though later ones are there.`;
    case 'unsigned':
      return `${entries} ${first === last ? 'has' : 'have'} no checksum: somebody else wrote ${they === 'it' ? 'it' : 'them'}.`;
    case 'short':
      return `${entries} ${is} missing at the end: the log says that ${they} ${first === last ? 'was' : 'were'} written.`;
  }
}
