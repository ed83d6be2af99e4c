import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { VERSION } from '../../process/package.js';
import type { Log, ResultHead, SnapshotDraft } from '../log/log.js';
import { Projection } from '../projection.js';
import type { SchedulerOptions } from '../scheduler/state.js';

/**
 * Raised when a snapshot holds something else, or when facts come to mean something else within a release.
 */
const FORMAT = 4;

/** What a snapshot is of. */
interface Head {
  readonly format: number;
  /** Of another release facts may mean something else. */
  readonly release: string;
  /** Last entry of the log that is in it, and the checksum of that. */
  readonly position: number;
  readonly chain: string;
}

/**
 * Writes what the log up to the projection's position has given; nothing may be applied meanwhile.
 * @param shown trials that are exported: what the exporter begins with after the next start.
 * @returns a draft to keep; null where the log has no checksum to know it again by: it is empty, or an append
 *   goes on behind the entry.
 */
export async function draftSnapshot(
  log: Log,
  projection: Projection,
  shown: Iterable<string>,
): Promise<SnapshotDraft | null> {
  const { position } = projection;
  const chain = log.snapshots === null ? null : await chainAt(log, position);
  if (log.snapshots === null || chain === null) return null;
  const head: Head = { format: FORMAT, release: VERSION, position, chain };
  const draft = await log.snapshots.begin();
  try {
    for (const frame of framesOf(withHead(head, projection.pieces(shown)))) await draft.add(frame);
    return draft;
  } catch (error) {
    await draft.drop();
    throw error;
  }
}

function* withHead(head: Head, pieces: Iterable<unknown>): Generator<unknown> {
  yield head;
  yield* pieces;
}

/**
 * What the log's snapshot gives, for a start that reads only the entries behind it. One that is missing says
 * nothing; one that is damaged, of another release or of another log is told in a sentence, and nothing of it
 * is used.
 * @param replayed is told the results that were shown when it was written.
 */
export async function openProjection(
  log: Log,
  options: SchedulerOptions,
  warn: (sentence: string) => void,
  replayed: (head: ResultHead, position: number) => void = () => {},
): Promise<Projection> {
  const fresh = () => new Projection(options, warn);
  try {
    const bytes = await log.snapshots?.read();
    if (bytes == null) return fresh();
    const { projection, shown, said } = await restored(fresh(), log, bytes);
    for (const sentence of said) warn(sentence);
    for (const { record, position } of shown) replayed(record, position);
    return projection;
  } catch (error) {
    const why = (error as Error).message.replace(/\.$/, '');
    warn(`The snapshot of the log is not used, and the whole log is read: ${why}.`);
    return fresh();
  }
}

/** @throws Error where it is no snapshot for this release and log */
async function restored(projection: Projection, log: Log, bytes: AsyncIterable<Uint8Array>) {
  const values = valuesIn(bytes);
  try {
    const head = (await values.next()).value as Partial<Head> | undefined;
    if (head?.format !== FORMAT || head.release !== VERSION) throw new Error('it is of another release');
    const { position = 0 } = head;
    if (position > (await log.end())) throw new Error('it knows more than the log holds');
    if ((await chainAt(log, position)) !== head.chain) throw new Error('it is of another log');
    const { said, shown } = await projection.restore(values, position, log);
    const heads: { readonly record: ResultHead; readonly position: number }[] = [];
    for (const at of shown) {
      const { head: fact } = await log.get(at, 'head');
      if (fact.fact === 'ResultRecorded') heads.push({ record: fact.record, position: at });
    }
    return { projection, said, shown: heads };
  } finally {
    await values.return(undefined);
  }
}

/** @returns the checksum of the log up to an entry; null where no checksum ends there. */
async function chainAt(log: Log, position: number): Promise<string | null> {
  if (position === 0) return null;
  for await (const { last, chain } of log.links(position - 1)) return last === position ? chain : null;
  return null;
}

const DIGEST_BYTES = 32;
const HEADER_BYTES = 4 + DIGEST_BYTES;
/** Says that everything is there. */
const END = 'end';

/**
 * Values as bytes, each in a frame: its length, SHA-256 over the checksum of the frame before and what
 * follows, and V8's serialization of the value. Maps, sets and typed arrays stay what they are.
 */
export function* framesOf(values: Iterable<unknown>): Generator<Buffer> {
  let before: Buffer = Buffer.alloc(0);
  for (const value of withEnd(values)) {
    const content = serialize(value);
    before = createHash('sha256').update(before).update(content).digest();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    // Apart: of a million results a copy of each content is a hundred megabytes of garbage.
    yield Buffer.concat([length, before]);
    yield content;
  }
}

/**
 * Values as they were put into frames; nothing is read of a frame whose checksum is another.
 * @throws Error where they are damaged, or end early
 */
export async function* valuesIn(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let rest: Buffer = Buffer.alloc(0);
  let before: Buffer = Buffer.alloc(0);
  let value: unknown = null;
  for await (const piece of bytes) {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= HEADER_BYTES && rest.length >= HEADER_BYTES + rest.readUInt32LE(0)) {
      const end = HEADER_BYTES + rest.readUInt32LE(0);
      const content = rest.subarray(HEADER_BYTES, end);
      const digest = createHash('sha256').update(before).update(content).digest();
      if (!digest.equals(rest.subarray(4, HEADER_BYTES))) throw new Error('it is damaged');
      before = digest;
      rest = rest.subarray(end);
      value = deserialize(content);
      if (value !== END) yield value;
    }
  }
  if (value !== END || rest.length > 0) throw new Error('it ends early');
}

function* withEnd(values: Iterable<unknown>): Generator<unknown> {
  yield* values;
  yield END;
}
