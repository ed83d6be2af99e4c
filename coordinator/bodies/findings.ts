import type { Log } from '../log/log.js';
import { type Break, breakSentence, type Verified, verifyLog } from '../log/verify.js';
import { type BodyBreak, brokenBodies } from './referred.js';
import type { BodyStore } from './store.js';

/** What is wrong with a log and with what it refers to, each place with a sentence for people. */
export interface Findings extends Verified {
  readonly breaks: readonly (Break & { readonly sentence: string })[];
  readonly bodies: readonly (BodyBreak & { readonly sentence: string })[];
}

/**
 * Checks a log, and the files that it refers to where there is a store of them.
 * @param read is told, now and then, how many entries were read.
 */
export async function findBreaks(
  log: Pick<Log, 'end' | 'links' | 'read'>,
  store: BodyStore | null,
  read: (entries: number) => void,
): Promise<Findings> {
  const verified = await verifyLog(log, read);
  const breaks = verified.breaks.map((one) => ({ ...one, sentence: breakSentence(one) }));
  const bodies: (BodyBreak & { sentence: string })[] = [];
  // A log that lacks entries cannot be read to its end.
  if (store === null || breaks.length > 0) return { ...verified, breaks, bodies };
  for await (const one of brokenBodies(log, store))
    bodies.push({ ...one, sentence: bodySentence(one, store) });
  return { ...verified, breaks, bodies };
}

/** @returns at how many places something is wrong. */
export function wrongPlaces({ breaks, bodies }: Findings): number {
  // Answers that are missing may be where they were given: on their node.
  return breaks.length + bodies.filter(({ kind, raw }) => raw || kind === 'changed').length;
}

function bodySentence({ kind, raw, position, digest }: BodyBreak, store: BodyStore): string {
  const what = raw ? 'raw samples' : 'answers';
  const wrong = kind === 'changed' ? 'is not what was put there' : 'is missing';
  return `Entry ${position} has ${what} in ${digest} of ${store.name}, which ${wrong}.`;
}
