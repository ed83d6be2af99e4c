import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { headers, type MsgHdrs } from 'nats';
import { failed } from '../../../core/errors.js';
import { chainOf, type Link } from '../chain.js';
import { headOf, jsonOf } from '../detail.js';
import type { Fact, FactHead } from '../log.js';
import { lost } from './errors.js';
import type { Stored } from './reader.js';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** Position of the append's first fact, and how many it has; 0 for a claim. */
const FIRST = 'Ridgepoint-First';
const COUNT = 'Ridgepoint-Count';
/** Trials that the append records, or IN_BODY. */
const TRIALS = 'Ridgepoint-Trials';
/** Heads of its facts as JSON, where there is room: what a restart reads. */
const HEADS = 'Ridgepoint-Heads';
/** `2/5`, of an append that is larger than one message may be; and which append that is. */
const PART = 'Ridgepoint-Part';
const GROUP = 'Ridgepoint-Group';
/** Checksum of the append, over the one before. */
const CHAIN = 'Ridgepoint-Chain';
/** Token of the term that writes from here on. */
const LEADER = 'Ridgepoint-Leader';

/** An append of more trials than a header should hold names them in its facts alone. */
const IN_BODY = '*';
const MOST_TRIALS_BYTES = 16 * 1024;
const MOST_HEADS_BYTES = 40 * 1024;
/** What headers of a message may take of its bytes; NATS itself takes 64 KiB. */
export const HEADER_BYTES = 60 * 1024;
/** Largest append after compression. */
const MOST_APPEND_BYTES = 64 * 1024 * 1024;
/** Facts of one append when they are unpacked again. */
const MOST_UNPACKED_BYTES = 1024 * 1024 * 1024;

/** One append as the stream keeps it: facts `first` … `first + count - 1` of the log. */
export interface Append {
  readonly first: number;
  readonly count: number;
  /** Trials that it records; null = they are in the facts only. */
  readonly trials: readonly string[] | null;
  /** JSON of a FactHead[]; null = it is to be made of the facts. */
  readonly heads: string | null;
  /** Its checksum; null = it has none, so somebody else wrote it. */
  readonly chain: string | null;
  /** The term that claimed the log with this message; null = it is no claim. */
  readonly leader: string | null;
  /** Its messages. */
  readonly fromSequence: number;
  readonly toSequence: number;
  readonly data: readonly Uint8Array[];
}

/** Facts on their way into the stream: headers and body of each message. */
export interface Outgoing {
  readonly headers: MsgHdrs;
  readonly body: Uint8Array;
}

/**
 * @param partBytes room for the body of one message.
 * @param before checksum of the append before.
 * @throws FailureError `too-large`
 */
export async function pack(
  facts: readonly Fact[],
  first: number,
  trials: readonly string[],
  partBytes: number,
  group: string,
  before: string | null,
): Promise<Outgoing[]> {
  // A level more costs twice the time and saves a tenth.
  const packed = await gzip(`[${facts.map(jsonOf).join(',')}]`, { level: 1 });
  if (packed.length > MOST_APPEND_BYTES) {
    const hint = 'Ask for fewer repeats or shorter generations, so that there are fewer raw samples.';
    const message = `A result of ${megabytes(packed.length)} MB after compression is larger than the ${megabytes(MOST_APPEND_BYTES)} MB that a JetStream log takes.`;
    throw failed('too-large', message, hint);
  }
  const parts = Math.ceil(packed.length / partBytes);
  const heads = headsIn(facts);
  const chain = chainOf(before, { first, last: first + facts.length - 1, content: [heads, packed] });
  return Array.from({ length: parts }, (_, index) => {
    const header = heading(first, facts.length);
    const last = index === parts - 1;
    if (parts > 1) {
      header.set(PART, `${index + 1}/${parts}`);
      header.set(GROUP, group);
    }
    if (last && trials.length > 0) header.set(TRIALS, listed(trials));
    if (last && heads !== null) header.set(HEADS, heads);
    if (last) header.set(CHAIN, chain);
    return { headers: header, body: packed.subarray(index * partBytes, (index + 1) * partBytes) };
  });
}

/** @returns the checksum of an append on its way. */
export function chainIn(parts: readonly Outgoing[]): string | null {
  return parts.at(-1)?.headers.get(CHAIN) || null;
}

/** The message by which a coordinator says that its term writes from here on; it holds no fact. */
export async function claimOf(leader: string, first: number): Promise<Outgoing> {
  const header = heading(first, 0);
  header.set(LEADER, leader);
  return { headers: header, body: await gzip('[]') };
}

/** @returns what the checksum of an append covers; its data has to be there. */
export function linkOf({ first, count, heads, data, chain }: Append): Link {
  return { first, last: first + count - 1, content: [heads, Buffer.concat(data)], chain };
}

/** @throws FailureError when the body is not what the headers say. */
export async function unpack(append: Append, stream: string): Promise<Fact[]> {
  const { fromSequence, count } = append;
  let facts: Fact[];
  try {
    const text = await gunzip(Buffer.concat(append.data), { maxOutputLength: MOST_UNPACKED_BYTES });
    facts = JSON.parse(text.toString()) as Fact[];
  } catch (error) {
    throw lost(stream, `has damaged facts in message ${fromSequence}: ${(error as Error).message}`);
  }
  if (facts.length === count) return facts;
  throw lost(stream, `has ${facts.length} facts instead of ${count} in message ${fromSequence}`);
}

/** @throws FailureError when the heads in the headers are not those of the append. */
export function headsOf({ heads, fromSequence, count }: Append, stream: string): FactHead[] {
  try {
    const list = JSON.parse(heads ?? '') as FactHead[];
    if (list.length === count) return list;
  } catch {
    // Said below.
  }
  throw lost(stream, `has damaged heads in message ${fromSequence}`);
}

/**
 * Makes appends of messages, which come one after the other. An append in parts is one when all its parts
 * follow each other; parts that something else interrupted belong to an append that was never made, and are
 * passed over by every reader alike. So is a message of somebody else: the positions of what follows show
 * that nothing is lost.
 */
export class Assembler {
  #group: string | null = null;
  #parts: Stored[] = [];

  /** @returns the append that this message completes, or null. */
  add(message: Stored): Append | null {
    const header = message.headers;
    const [first, count] = [numberOf(header, FIRST), numberOf(header, COUNT)];
    const place = placeOf(header);
    const group = header?.get(GROUP) || null;
    if (
      place === null ||
      place.part === 1 ||
      place.part !== this.#parts.length + 1 ||
      group !== this.#group
    ) {
      this.#parts = [];
      this.#group = group;
    }
    if (first === null || count === null || header === undefined) return null;
    if (place !== null && place.part !== this.#parts.length + 1) return null;
    this.#parts.push(message);
    if (place !== null && place.part < place.of) return null;
    const parts = this.#parts;
    this.#parts = [];
    const trials = header.get(TRIALS);
    return {
      first,
      count,
      trials: trials === IN_BODY ? null : trials === '' ? [] : trials.split(','),
      heads: header.get(HEADS) || null,
      chain: header.get(CHAIN) || null,
      leader: header.get(LEADER) || null,
      fromSequence: parts[0]!.sequence,
      toSequence: message.sequence,
      data: parts.map(({ data }) => data),
    };
  }
}

function heading(first: number, count: number): MsgHdrs {
  const header = headers();
  header.set(FIRST, String(first));
  header.set(COUNT, String(count));
  return header;
}

/** Headers end with their line: JSON has no line breaks of its own. */
function headsIn(facts: readonly Fact[]): string | null {
  let text = '[';
  for (const fact of facts) {
    text += `${text === '[' ? '' : ','}${JSON.stringify(headOf(fact))}`;
    if (text.length > MOST_HEADS_BYTES) return null;
  }
  return Buffer.byteLength(text) < MOST_HEADS_BYTES ? `${text}]` : null;
}

function listed(trials: readonly string[]): string {
  const text = trials.join(',');
  return Buffer.byteLength(text) <= MOST_TRIALS_BYTES ? text : IN_BODY;
}

function numberOf(header: MsgHdrs | undefined, name: string): number | null {
  const text = header?.get(name) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function placeOf(header: MsgHdrs | undefined): { part: number; of: number } | null {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(header?.get(PART) ?? '');
  return match === null ? null : { part: Number(match[1]), of: Number(match[2]) };
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
