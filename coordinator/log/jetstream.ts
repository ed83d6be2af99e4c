import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import {
  connect,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  headers,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
} from 'nats';
import { FailureError, failure } from '../../core/errors.js';
import { Arrivals } from './arrivals.js';
import { entryOf } from './detail.js';
import { type AppendOutcome, type Detail, type EntryAt, type Fact, type Log, trialOf } from './log.js';
import { closedError, followEntries, getEntry, readEntries, type Source } from './reading.js';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

export interface JetStreamOptions {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly replicas: number;
  readonly credentialsFile: string | null;
}

/** NATS: "wrong last sequence", the answer when somebody else has appended. */
const WRONG_LAST_SEQUENCE = 10071;
/** Messages fetched at a time; each is one append with all its facts. */
const PAGE_MESSAGES = 64;
/** A follower that hears nothing asks again after this long; other coordinators write too. */
const POLL_SECONDS = 0.5;

const FIRST = 'Ridgepoint-First';
const COUNT = 'Ridgepoint-Count';
const TRIALS = 'Ridgepoint-Trials';

/** One append as the stream keeps it: facts `first` … `first + count - 1` of the log. */
interface Batch {
  readonly sequence: number;
  readonly first: number;
  readonly count: number;
}

/**
 * The log as a NATS JetStream stream. One append is one message, so it is all or nothing; the expected last
 * sequence makes it compare-and-append. Entries are facts, messages are appends: two headers say which facts a
 * message holds. An append can only succeed when this client has seen the whole stream, so the set of trials it
 * knows is complete then, and a trial is never written twice, however old the first is.
 */
export class JetStreamLog implements Log {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #arrivals = new Arrivals();
  readonly #closed = new AbortController();
  readonly #batches: Batch[] = [];
  readonly #trials = new Set<string>();
  #catching: Promise<void> | null = null;

  private constructor(connection: NatsConnection, manager: JetStreamManager, stream: string) {
    this.#connection = connection;
    this.#client = connection.jetstream();
    this.#manager = manager;
    this.#stream = stream;
  }

  /** Connects and makes the stream when it is not there. @throws FailureError with one sentence. */
  static async open(options: JetStreamOptions): Promise<JetStreamLog> {
    const { servers, stream, replicas, credentialsFile } = options;
    let connection: NatsConnection | null = null;
    try {
      connection = await connect({
        servers: [...servers],
        name: 'ridgepoint-coordinator',
        maxReconnectAttempts: -1,
        ...(credentialsFile === null
          ? {}
          : { authenticator: credsAuthenticator(readFileSync(credentialsFile)) }),
      });
      const manager = await connection.jetstreamManager();
      await ensureStream(manager, stream, replicas);
      const log = new JetStreamLog(connection, manager, stream);
      await log.#catchUp();
      return log;
    } catch (error) {
      await connection?.close();
      throw explain(error, stream, servers.join(', '));
    }
  }

  async end(): Promise<number> {
    await this.#catchUp();
    return this.#end();
  }

  async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    await this.#catchUp();
    const position = this.#end();
    // Taken together with the position: another append of this process may be learned while this one waits.
    const lastSequence = this.#batches.at(-1)?.sequence ?? 0;
    if (position !== expected) return { appended: false, position };
    const fresh = this.#withoutKnown(facts);
    if (fresh.length === 0) return { appended: true, position };
    const trials = fresh.flatMap((fact) => trialOf(fact) ?? []);
    const header = headers();
    header.set(FIRST, String(position + 1));
    header.set(COUNT, String(fresh.length));
    if (trials.length > 0) header.set(TRIALS, trials.join(','));
    const body = await gzip(JSON.stringify(fresh));
    try {
      const ack = await this.#client.publish(`${this.#stream}.facts`, body, {
        headers: header,
        expect: { lastSequence },
        // Random for each append: two appends of like facts must not pass for one message.
        msgID: randomUUID(),
      });
      this.#learn({ sequence: ack.seq, first: position + 1, count: fresh.length }, trials);
    } catch (error) {
      if (!isWrongSequence(error)) throw explain(error, this.#stream, 'NATS');
      await this.#catchUp();
      return { appended: false, position: this.#end() };
    }
    this.#arrivals.notify();
    return { appended: true, position: this.#end() };
  }

  read<D extends Detail>(after: number, detail: D): AsyncGenerator<EntryAt<D>> {
    return readEntries(this.#source(detail), after);
  }

  follow<D extends Detail>(after: number, signal: AbortSignal, detail: D): AsyncGenerator<EntryAt<D>> {
    return followEntries(this.#source(detail), after, signal, this.#arrivals, POLL_SECONDS);
  }

  get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>> {
    return getEntry(this.#source(detail), position);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#arrivals.notify();
    await this.#connection.close();
  }

  get #name(): string {
    return `the log in the stream ${this.#stream}`;
  }

  #source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    return {
      name: this.#name,
      end: async () => {
        if (this.#closed.signal.aborted) throw closedError(this.#name);
        return await this.end();
      },
      entries: (after, end) => this.#entries(after, end, detail),
    };
  }

  #end(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : last.first + last.count - 1;
  }

  #withoutKnown(facts: readonly Fact[]): Fact[] {
    const here = new Set<string>();
    return facts.filter((fact) => {
      const trial = trialOf(fact);
      if (trial === null) return true;
      if (this.#trials.has(trial) || here.has(trial)) return false;
      here.add(trial);
      return true;
    });
  }

  #learn(batch: Batch, trials: readonly string[]): void {
    if (batch.sequence <= (this.#batches.at(-1)?.sequence ?? 0)) return;
    this.#batches.push(batch);
    for (const trial of trials) this.#trials.add(trial);
  }

  /** Reads what others have appended since; concurrent calls share one pass. */
  #catchUp(): Promise<void> {
    this.#catching ??= this.#readNew().finally(() => {
      this.#catching = null;
    });
    return this.#catching;
  }

  async #readNew(): Promise<void> {
    const { state } = await this.#manager.streams.info(this.#stream);
    const from = (this.#batches.at(-1)?.sequence ?? 0) + 1;
    if (from > state.last_seq) return;
    for await (const message of this.#messages(from, state.last_seq)) {
      const trials = message.headers?.get(TRIALS) ?? '';
      this.#learn(batchOf(message), trials === '' ? [] : trials.split(','));
    }
  }

  async *#entries<D extends Detail>(after: number, end: number, detail: D): AsyncGenerator<EntryAt<D>> {
    const start = this.#batches.find((batch) => batch.first + batch.count - 1 > after);
    const last = this.#batches.findLast((batch) => batch.first <= end);
    if (start === undefined || last === undefined || after >= end) return;
    for await (const message of this.#messages(start.sequence, last.sequence)) {
      const { first } = batchOf(message);
      const facts = JSON.parse((await gunzip(message.data)).toString()) as Fact[];
      for (const [index, fact] of facts.entries()) {
        const position = first + index;
        if (position > after && position <= end) yield entryOf(position, fact, detail);
      }
    }
  }

  /** Messages with these sequence numbers, through an ordered consumer that goes away by itself. */
  async *#messages(from: number, to: number): AsyncGenerator<JsMsg> {
    const consumer = await this.#client.consumers.get(this.#stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
    });
    let next = from;
    try {
      while (next <= to) {
        if (this.#closed.signal.aborted) throw closedError(this.#name);
        const want = Math.min(PAGE_MESSAGES, to - next + 1);
        const page = await consumer.fetch({ max_messages: want, expires: 5000 });
        for await (const message of page) {
          next = message.seq + 1;
          yield message;
        }
      }
    } finally {
      await consumer.delete().catch(() => false);
    }
  }
}

async function ensureStream(manager: JetStreamManager, stream: string, replicas: number): Promise<void> {
  try {
    await manager.streams.info(stream);
    return;
  } catch (error) {
    if (!(error instanceof NatsError && error.api_error?.err_code === 10059)) throw error;
  }
  await manager.streams.add({
    name: stream,
    subjects: [`${stream}.facts`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // A full stream refuses new facts; it must never forget old ones.
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    duplicate_window: nanos(120_000),
    deny_delete: true,
    deny_purge: true,
  });
}

function batchOf(message: JsMsg): Batch {
  const number = (name: string): number => Number(message.headers?.get(name));
  return { sequence: message.seq, first: number(FIRST), count: number(COUNT) };
}

function isWrongSequence(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE;
}

function explain(error: unknown, stream: string, where: string): unknown {
  if (error instanceof FailureError || !(error instanceof Error)) return error;
  const code = error instanceof NatsError ? error.code : '';
  const api = error instanceof NatsError ? error.api_error : undefined;
  const cause = { cause: error };
  if (code === 'MAX_PAYLOAD_EXCEEDED') {
    const hint = 'Raise max_payload of the NATS server, for example to 8MB.';
    return new FailureError(
      failure('internal', 'A result is larger than the NATS server takes.', { hint }),
      cause,
    );
  }
  if (api !== undefined && /maximum|insufficient/.test(api.description)) {
    const hint = 'Give the stream or the server more storage; nothing was half-written.';
    return new FailureError(
      failure('disk-full', `The JetStream stream ${stream} is full: ${api.description}.`, { hint }),
      cause,
    );
  }
  const hint = 'Check that the server runs with JetStream and that this user may use it.';
  const what = api?.description ?? error.message;
  return new FailureError(
    failure('internal', `The log on ${where} cannot be used: ${what}.`, { hint }),
    cause,
  );
}
