import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fact, Log } from '../../coordinator/log/log.js';
import { recorded } from '../unit/coordinator/log-facts.js';

export interface FillOptions {
  readonly records: number;
  /** Smallest and largest JSON of a record, in bytes; sizes between them go evenly by their logarithm. */
  readonly bytes: readonly [number, number];
  /** Records in one append; default 1. */
  readonly together?: number;
}

/** Digests of the facts that were appended, by the order of their positions. */
export type Filled = readonly string[];

/**
 * Appends results with raw samples that hardly compress. The log must be empty, or have what `digests` are
 * of.
 */
export async function fillStream(log: Log, options: FillOptions): Promise<Filled> {
  const { records, together = 1 } = options;
  const digests: string[] = [];
  let position = await log.end();
  for (let index = 0; index < records; index += together) {
    const facts = Array.from({ length: Math.min(together, records - index) }, (_, more) =>
      largeFact(`t${position}.${index + more}`, sizeOf(index + more, options)),
    );
    const outcome = await log.append(facts, position);
    if (!outcome.appended) throw new Error(`the log ends at ${outcome.position}, not at ${position}`);
    position = outcome.position;
    digests.push(...facts.map(digestOf));
  }
  return digests;
}

/**
 * Reads the whole log, waiting between entries, and checks each against what was appended.
 * @param between called after each entry, before the next is asked for; default: a millisecond's sleep every
 *   tenth.
 * @returns entries read.
 * @throws Error for an entry that is not what was written, and whatever the log throws.
 */
export async function readSlowly(
  log: Log,
  digests: Filled,
  between: (position: number) => Promise<void> = now,
): Promise<number> {
  let read = 0;
  for await (const { position, fact } of log.read(0, 'full')) {
    read += 1;
    if (position !== read) throw new Error(`entry ${position} came where ${read} belongs`);
    if (digestOf(fact) !== digests[position - 1])
      throw new Error(`entry ${position} is not what was written`);
    await between(position);
  }
  return read;
}

/** A result whose JSON has about so many bytes, nearly all of them raw samples. */
export function largeFact(trialId: string, bytes: number): Fact {
  const fact = recorded(trialId);
  if (fact.fact !== 'ResultRecorded') throw new Error('unreachable');
  // A random number takes some 19 characters with its comma.
  const samples = Array.from({ length: Math.ceil(bytes / 19) }, () => Math.random());
  return { ...fact, record: { ...fact.record, tokenSeconds: [samples] } };
}

function digestOf(fact: Fact): string {
  return createHash('sha1').update(JSON.stringify(fact)).digest('base64');
}

/** Sizes alternate between small and large: the fractional part of a multiple of the golden ratio. */
function sizeOf(index: number, { bytes: [least, most] }: FillOptions): number {
  return least * (most / least) ** ((index * 0.618_033_988_75) % 1);
}

async function now(position: number): Promise<void> {
  if (position % 10 === 0) await sleep(1);
}
