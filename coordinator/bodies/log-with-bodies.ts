import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type FailureError, failed, toFailure } from '../../core/errors.js';
import { cutFields } from '../log/cut.js';
import { isRaw, joinJson, partsOf, readRecord } from '../log/detail.js';
import type { Detail, EntryAt, Fact, Log, LogEntry, RawBody } from '../log/log.js';
import type { KeptBodies } from './open.js';
import { hexOf } from './store.js';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

export interface BodiesOfLog {
  /** null = there is no store: what was put in one cannot be read in full. */
  readonly bodies: KeptBodies | null;
  /** Raw parts of more characters are kept in the store; null = none are. */
  readonly rawBytes: number | null;
  readonly warn: (sentence: string) => void;
}

/**
 * The log, with the raw parts of large results in the store of bodies: the record refers to its raw part,
 * which is read back where all of it is asked for. It is kept before the record is appended; where the store
 * takes nothing it stays in the record, and nothing is lost.
 */
export function withBodies(log: Log, { bodies, rawBytes, warn }: BodiesOfLog): Log {
  let failing = false;
  const refer = async (fact: Fact): Promise<Fact> => {
    if (fact.fact !== 'ResultRecorded' || bodies === null || rawBytes === null) return fact;
    // Parts take a while to cut: whoever has the JSON at hand knows how long it is.
    if (fact.json !== undefined && fact.json.length <= rawBytes) return fact;
    const [, row, raw] = partsOf(fact);
    if (row === null || raw === null || raw.length <= rawBytes) return fact;
    try {
      const digest = await bodies.incoming.keep(await pack(raw));
      failing = false;
      const json = joinJson(`${row.slice(0, -1)},"rawBody":${JSON.stringify({ digest } satisfies RawBody)}}`);
      return { fact: 'ResultRecorded', record: JSON.parse(json), json };
    } catch (error) {
      if (!failing) warn(`raw samples stay in the log: ${toFailure(error).message}`);
      failing = true;
      return fact;
    }
  };
  const rawOf = async (trialId: string, { digest }: RawBody): Promise<string> => {
    const body = await bodies?.store.open(hexOf(digest) ?? '');
    if (body == null) throw missingBody(trialId, digest, bodies);
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece as Buffer);
    const bytes = Buffer.concat(pieces);
    if (createHash('sha256').update(bytes).digest('hex') !== hexOf(digest))
      throw missingBody(trialId, digest, bodies);
    return (await unpack(bytes)).toString();
  };
  const resolve = async <D extends Detail>(entry: EntryAt<D>, detail: D): Promise<EntryAt<D>> => {
    const { position } = entry;
    if (entry.head.fact !== 'ResultRecorded' || entry.head.record.rawBody === undefined) return entry;
    const { rawBody, ...record } = entry.head.record;
    const head = { ...entry.head, record };
    if (detail === 'head') return { position, head } as EntryAt<D>;
    const isElsewhere = (key: string): boolean => isRaw(key) || key === 'rawBody';
    const row = cutFields((entry as LogEntry).recordJson!, isElsewhere)![0];
    const raw = detail === 'full' ? await rawOf(record.trialId, rawBody) : undefined;
    const recordJson = joinJson(row, raw);
    const whole: LogEntry = {
      position,
      head,
      recordJson,
      get fact(): Fact {
        return { fact: 'ResultRecorded', record: readRecord(recordJson) };
      },
    };
    // TypeScript does not narrow a type parameter by a value.
    return whole as EntryAt<D>;
  };
  async function* resolved<D extends Detail>(entries: AsyncIterable<EntryAt<D>>, detail: D) {
    for await (const entry of entries) yield await resolve(entry, detail);
  }
  return {
    append: async (facts, expected, term) => log.append(await Promise.all(facts.map(refer)), expected, term),
    read: (after, detail) => resolved(log.read(after, detail), detail),
    follow: (after, signal, detail) => resolved(log.follow(after, signal, detail), detail),
    get: async (position, detail) => resolve(await log.get(position, detail), detail),
    end: () => log.end(),
    links: (after) => log.links(after),
    lead: (candidate, waiting) => log.lead(candidate, waiting),
    durability: () => log.durability(),
    probe: (bytes) => log.probe(bytes),
    close: () => log.close(),
    snapshots: log.snapshots,
  };
}

function missingBody(trialId: string, digest: string, bodies: KeptBodies | null): FailureError {
  const where =
    bodies === null
      ? 'a store that is not known here'
      : `${bodies.store.name}, where they are missing or damaged`;
  return failed(
    'internal',
    `The raw samples of ${trialId} (${digest}) are in ${where}.`,
    'Name the store as `bodies` of the coordinator, and ask that one; `ridge log verify` lists what is missing.',
  );
}
