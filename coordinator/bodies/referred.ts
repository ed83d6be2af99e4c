import { bodiesOf } from '../../core/result/bodies.js';
import type { Log, LogEntry } from '../log/log.js';
import { type About, type BodyStore, hexOf, hexOfBytes, KEPT_SECONDS } from './store.js';

/** A file that an entry of a log refers to. */
interface Referred {
  readonly position: number;
  readonly trialId: string;
  readonly digest: string;
  /** Raw samples; else answers or calls, which may have stayed on their node. */
  readonly raw: boolean;
}

/** Something that a log refers to, and is not in the store as it should be. */
export interface BodyBreak extends Referred {
  readonly kind: 'missing' | 'changed';
}

/** @returns the files that an entry refers to, read at `row` from a log as it is stored. */
function referredBy({ position, head, fact }: LogEntry): Referred[] {
  if (head.fact !== 'ResultRecorded' || fact.fact !== 'ResultRecorded') return [];
  const { trialId, rawBody } = head.record;
  const answers = bodiesOf(fact.record).map(({ digest }) => ({ position, trialId, digest, raw: false }));
  return rawBody === undefined
    ? answers
    : [...answers, { position, trialId, digest: rawBody.digest, raw: true }];
}

/**
 * Reads every file that a log refers to. @yields those that are missing, or are not what their digest says
 */
export async function* brokenBodies(log: Pick<Log, 'read'>, store: BodyStore): AsyncGenerator<BodyBreak> {
  const whole = new Set<string>();
  for await (const entry of log.read(0, 'row')) {
    for (const referred of referredBy(entry)) {
      if (whole.has(referred.digest)) continue;
      const body = await store.open(hexOf(referred.digest) ?? '');
      if (body === null) {
        yield { ...referred, kind: 'missing' };
        continue;
      }
      if ((await hexOfBytes(body)) === hexOf(referred.digest)) whole.add(referred.digest);
      else yield { ...referred, kind: 'changed' };
    }
  }
}

const isOld = ({ at }: About, now: number): boolean => now - at > 1000 * KEPT_SECONDS;

/** Removes them, but for those that somebody has asked for since they were found. */
export async function removeUnreferred(
  store: BodyStore,
  files: readonly { readonly hex: string }[],
): Promise<void> {
  for (const { hex } of files) {
    const about = await store.statOf(hex);
    if (about !== null && isOld(about, Date.now())) await store.remove(hex);
  }
}

/**
 * @returns files of a store that none of the logs refers to, and that are older than `KEPT_SECONDS`
 * @param now milliseconds since 1970
 */
export async function unreferred(
  logs: readonly Log[],
  store: BodyStore,
  now: number,
): Promise<{ hex: string; bytes: number }[]> {
  // The store first: what comes meanwhile is young.
  const old = new Map<string, number>();
  for await (const file of store.list()) if (isOld(file, now)) old.set(file.hex, file.bytes);
  for (const log of logs) {
    for await (const entry of log.read(0, 'row'))
      for (const { digest } of referredBy(entry)) old.delete(hexOf(digest) ?? '');
  }
  return [...old].map(([hex, bytes]) => ({ hex, bytes }));
}
