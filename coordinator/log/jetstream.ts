import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  credsAuthenticator,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  type StreamInfo,
} from 'nats';
import { FailureError, toFailure } from '../../core/errors.js';
import type { Link } from './chain.js';
import { entryOf } from './detail.js';
import {
  type Append,
  Assembler,
  chainIn,
  claimOf,
  headsOf,
  linkOf,
  type Outgoing,
  pack,
  unpack,
} from './jetstream/appends.js';
import { durabilityOf } from './jetstream/durability.js';
import { explain, isAway, isWrongSequence, lost, nameOf } from './jetstream/errors.js';
import { JetStreamLease } from './jetstream/lease.js';
import { type Stored, StreamReader } from './jetstream/reader.js';
import { JetStreamSnapshots } from './jetstream/snapshots.js';
import { bodyBytes, checkRoom, checkServer, ensureStream, subjectOf } from './jetstream/stream.js';
import {
  type Candidate,
  checkTerm,
  type LeasedTerm,
  type Term,
  takeLease,
  untilOver,
  type Waiting,
} from './leadership.js';
import {
  type AppendOutcome,
  type Detail,
  type Durability,
  type EntryAt,
  type Fact,
  type Log,
  type Snapshots,
  trialOf,
  withoutKnown,
} from './log.js';
import { closedError, EntryReader, type Source } from './reading.js';

export interface JetStreamOptions {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly replicas: number;
  readonly credentialsFile: string | null;
  /**
   * How long a reader waits for a server that is away; default: a server that is started again is back by
   * then.
   */
  readonly patienceSeconds?: number;
  /** Whether the stream is made when it is not there; default: it is. */
  readonly make?: boolean;
  /** Monitoring address of a server, `http://HOST:8222`, which says when it syncs; default: none is known. */
  readonly monitor?: string | null;
}

/** What is kept of an append. */
interface Known extends Pick<Append, 'first' | 'count' | 'fromSequence' | 'toSequence'> {
  /** Its headers have the heads of its facts. */
  readonly headed: boolean;
}

/** An append whose acknowledgement may be lost: its positions and its checksum. */
interface Attempt extends Pick<Append, 'first' | 'chain'> {
  readonly last: number;
}

/** A follower that hears nothing asks again after this long; other coordinators write too. */
const POLL_SECONDS = 0.5;
const PATIENCE_SECONDS = 30;
const PING_MILLISECONDS = 2_000;
const MOST_PAUSE_MILLISECONDS = 1_000;
/**
 * Others write only while a coordinator takes over. So what one of them wrote before an outage is among the
 * last appends.
 */
const RECENT_APPENDS = 64;
/** A claim may meet appends that the coordinator before it still writes. */
const CLAIM_TRIES = 20;

/**
 * The log as a NATS JetStream stream (decision 0005). One append is one message, or several that count when
 * all are there, so it is all or nothing; the expected last sequence makes it compare-and-append. Entries are
 * facts, messages are appends: two headers say which facts an append holds. An append can only succeed when
 * this client has seen the whole stream, so the set of trials it knows is complete then, and a trial is never
 * written twice, however old the first is.
 */
export class JetStreamLog extends EntryReader implements Log {
  protected override readonly pollSeconds = POLL_SECONDS;
  readonly snapshots: Snapshots;
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #reader: StreamReader;
  readonly #stream: string;
  readonly #created: string;
  readonly #bodyBytes: number;
  readonly #replicas: number;
  readonly #monitor: string | null;
  /** Milliseconds for which a server that is away is waited for. */
  readonly #patience: number;
  #closed = false;
  readonly #lease: JetStreamLease;
  readonly #assembler = new Assembler();
  /** Appends that hold facts, in order, without their data. */
  readonly #appends: Known[] = [];
  readonly #trials = new Set<string>();
  /** Last message that was taken in, whatever it was. */
  #sequence = 0;
  /** Checksum of the last append; null = it has none. */
  #chain: string | null = null;
  /**
   * Checksums of the last appends by their first positions: whether one whose acknowledgement was lost is
   * there.
   */
  readonly #recent = new Map<number, string>();
  /**
   * The term under which this client writes, and whether the stream has its claim: where it was full, the
   * next append tries again.
   */
  #term: { readonly term: LeasedTerm; claimed: boolean } | null = null;
  #catching: Promise<void> | null = null;
  #appending: Promise<unknown> = Promise.resolve();

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    info: StreamInfo,
    lease: JetStreamLease,
    patience: number,
    monitor: string | null,
  ) {
    super();
    this.#lease = lease;
    this.#replicas = info.config.num_replicas;
    this.#monitor = monitor;
    this.#connection = connection;
    this.#client = connection.jetstream();
    this.#manager = manager;
    this.#stream = info.config.name;
    this.#created = info.created;
    this.snapshots = new JetStreamSnapshots(this.#client, manager, this.#stream);
    this.#bodyBytes = bodyBytes(connection, info);
    this.#patience = 1000 * patience;
    this.#reader = new StreamReader(connection, manager, this.#stream, this.#patience);
  }

  /**
   * Connects and makes the stream when it is not there.
   * @throws FailureError with one sentence: no server, one that is too old, a stream that would lose facts, …
   */
  static async open(options: JetStreamOptions): Promise<JetStreamLog> {
    const { servers, stream, replicas, credentialsFile } = options;
    let connection: NatsConnection | null = null;
    try {
      connection = await connect({
        servers: [...servers],
        name: 'ridgepoint-coordinator',
        maxReconnectAttempts: -1,
        // One that is gone without a word is left for another within seconds.
        pingInterval: PING_MILLISECONDS,
        maxPingOut: 2,
        ...(credentialsFile === null
          ? {}
          : { authenticator: credsAuthenticator(readFileSync(credentialsFile)) }),
      });
      checkServer(connection);
      const manager = await connection.jetstreamManager();
      const make = options.make ?? true;
      const info = await ensureStream(manager, stream, replicas, make);
      const lease = new JetStreamLease(connection, manager, stream);
      if (make) await lease.open(replicas);
      const patience = options.patienceSeconds ?? PATIENCE_SECONDS;
      const log = new JetStreamLog(connection, manager, info, lease, patience, options.monitor ?? null);
      await log.#catchUp();
      return log;
    } catch (error) {
      await connection?.close();
      throw explain(error, stream, servers.join(', '));
    }
  }

  async lead(candidate: Candidate, waiting: Waiting): Promise<Term> {
    const term = await takeLease(this.#lease, candidate, {
      ...waiting,
      unheard: (error) => waiting.unheard?.(explain(error, this.#stream, 'NATS')),
    });
    this.#term = { term, claimed: false };
    // A stream that is full takes the claim later, with the first append.
    await this.#claim().catch(async (error: unknown) => {
      if (toFailure(error).code === 'disk-full') return;
      await term.resign(term.nodesBefore);
      throw error;
    });
    return term;
  }

  /**
   * Publishes the term's token into the stream of the log, behind all that is there: an append of a term
   * before expects a sequence number that is no longer the last one.
   */
  async #claim(): Promise<void> {
    const held = this.#term;
    for (let attempt = 0; held !== null && attempt < CLAIM_TRIES; attempt += 1) {
      await untilOver(this.#catchUp(), held.term);
      checkTerm(held.term);
      const sequence = this.#sequence;
      const claim = await claimOf(held.term.token, this.#end() + 1);
      // After an outage the next attempt sees whether it is there; a second claim of the same term changes
      // nothing.
      if ((await this.#patiently(() => this.#publish(claim, sequence, []), held.term)) !== null) return;
    }
    throw lost(this.#stream, 'is written to by coordinators that do not lead it');
  }

  async end(): Promise<number> {
    await this.#catchUp();
    return this.#end();
  }

  append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    // One at a time: an append in parts must not be interrupted by another of this process.
    const outcome = this.#appending.then(() => this.#append(facts, expected, term));
    this.#appending = outcome.catch(() => undefined);
    return outcome;
  }

  async *links(after: number): AsyncGenerator<Link> {
    const end = await this.end();
    if (after >= end) return;
    for await (const append of this.#read(this.#indexOf(after + 1), this.#appends.length - 1, false))
      yield linkOf(append);
  }

  async probe(bytes: number): Promise<void> {
    if (this.#term !== null) checkTerm(this.#term.term);
    try {
      await checkRoom(this.#manager, this.#stream, bytes);
    } catch (error) {
      throw explain(error, this.#stream, 'NATS');
    }
    // Limits of the server's own disk are stated nowhere: a message that holds no fact is written.
    if (this.#term !== null) await this.#claim();
  }

  async durability(): Promise<Durability> {
    return await durabilityOf(this.#monitor, this.#replicas);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#term?.term.lose('its log was closed');
    this.appended.notify();
    await this.#connection.close();
  }

  protected source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    return {
      name: nameOf(this.#stream),
      end: async () => {
        if (this.#closed) throw closedError(nameOf(this.#stream));
        return await this.end();
      },
      entries: (after, end) => this.#entries(after, end, detail),
    };
  }

  async #append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    let attempt: Attempt | null = null;
    const outcome = await this.#patiently(async (): Promise<AppendOutcome> => {
      for (;;) {
        if (term !== undefined && term === this.#term?.term && !this.#term.claimed) await this.#claim();
        else await untilOver(this.#catchUp(), term);
        // Written, though its acknowledgement was lost.
        if (attempt !== null && this.#isWritten(attempt)) return { appended: true, position: attempt.last };
        if (term !== undefined) checkTerm(term);
        const position = this.#end();
        if (position !== expected) return { appended: false, position };
        const fresh = withoutKnown(facts, trialOf, this.#trials);
        if (fresh.length === 0) return { appended: true, position };
        const written = await this.#write(fresh, position, (begun) => {
          attempt = begun;
        });
        if (written) return { appended: true, position: position + fresh.length };
        // Somebody else has written: entries, a claim, or this client in a message that came late.
      }
    }, term);
    this.appended.notify();
    return outcome;
  }

  /**
   * Publishes an append behind what is known.
   * @param begun is told what is there when it was written, before anything is sent.
   * @returns false when somebody else has written before.
   * @throws NatsError where it is open whether it is there
   */
  async #write(
    facts: readonly Fact[],
    position: number,
    begun: (attempt: Attempt) => void,
  ): Promise<boolean> {
    // Taken together with the position: what others append may be learned while this one waits.
    const [start, before] = [this.#sequence, this.#chain];
    const trials = facts.flatMap((fact) => trialOf(fact) ?? []);
    const parts = await pack(facts, position + 1, trials, this.#bodyBytes, randomUUID(), before);
    begun({ first: position + 1, last: position + facts.length, chain: chainIn(parts) });
    let sequence = start;
    for (const part of parts) {
      const written = await this.#publish(part, sequence, trials);
      if (written === null) return false;
      sequence = written;
    }
    return true;
  }

  #isWritten({ first, chain }: Attempt): boolean {
    return chain !== null && this.#recent.get(first) === chain;
  }

  /**
   * Does the work again as long as no server answers.
   * @throws what it threw last, in a sentence, when patience is over.
   */
  async #patiently<T>(work: () => Promise<T>, term?: Term): Promise<T> {
    const end = Date.now() + this.#patience;
    for (let pause = 50; ; pause = Math.min(2 * pause, MOST_PAUSE_MILLISECONDS)) {
      try {
        return await work();
      } catch (error) {
        // Under a term that is over nothing is written when the server is back.
        const late = Date.now() + pause > end || term?.lasts === false;
        if (this.#closed || !isAway(causeOf(error)) || late) throw explain(error, this.#stream, 'NATS');
      }
      await sleep(pause);
    }
  }

  /**
   * @param trials of the append that this message is or belongs to.
   * @returns the message's sequence number, or null when somebody else has written after `lastSequence`.
   * @throws NatsError
   */
  async #publish(
    { headers, body }: Outgoing,
    lastSequence: number,
    trials: readonly string[],
  ): Promise<number | null> {
    try {
      const publishing = this.#client.publish(subjectOf(this.#stream), body, {
        headers,
        expect: { lastSequence },
        // Random for each message: two appends of like facts must not pass for one.
        msgID: randomUUID(),
      });
      const { seq } = await this.#reader.whileConnected(publishing);
      // Unless a reader of ours was faster.
      if (this.#sequence === lastSequence)
        await this.#take({ sequence: seq, headers, data: NO_DATA }, trials);
      return seq;
    } catch (error) {
      if (isWrongSequence(error)) return null;
      throw error;
    }
  }

  #end(): number {
    const last = this.#appends.at(-1);
    return last === undefined ? 0 : last.first + last.count - 1;
  }

  /**
   * Reads what others have appended since; concurrent calls share one pass. A server that is away is waited
   * for.
   */
  #catchUp(): Promise<void> {
    this.#catching ??= this.#patiently(() => this.#readNew()).finally(() => {
      this.#catching = null;
    });
    return this.#catching;
  }

  async #readNew(): Promise<void> {
    const { state, created } = await this.#manager.streams.info(this.#stream);
    if (created !== this.#created) throw lost(this.#stream, 'was deleted and created again');
    if (state.last_seq < this.#sequence) {
      throw lost(this.#stream, `ends at message ${state.last_seq}, but had ${this.#sequence}`);
    }
    for await (const message of this.#reader.messages(this.#sequence + 1, state.last_seq, 'headers')) {
      // An acknowledgement of ours may have brought it meanwhile.
      if (message.sequence === this.#sequence + 1) await this.#take(message);
    }
  }

  /** Takes in the message after the last one. @param known trials of its append, where we wrote it. */
  async #take(message: Stored, known: readonly string[] | null = null): Promise<void> {
    this.#sequence = message.sequence;
    const append = this.#assembler.add(message);
    if (append === null) return;
    const { first, count, fromSequence, toSequence, leader } = append;
    this.#follows(append, this.#end() + 1);
    if (leader !== null) this.#learnLeader(leader);
    if (count === 0) return;
    this.#chain = append.chain;
    if (append.chain !== null) this.#recent.set(first, append.chain);
    this.#recent.delete(this.#appends.at(-RECENT_APPENDS)?.first ?? 0);
    this.#appends.push({ first, count, fromSequence, toSequence, headed: append.heads !== null });
    for (const trial of known ?? append.trials ?? (await this.#trialsOf(append))) this.#trials.add(trial);
  }

  /** Trials of an append whose headers have no room for them. */
  async #trialsOf(append: Append): Promise<string[]> {
    const data: Uint8Array[] = [];
    for await (const message of this.#reader.messages(append.fromSequence, append.toSequence, 'whole')) {
      data.push(message.data);
    }
    return (await unpack({ ...append, data }, this.#stream)).flatMap((fact) => trialOf(fact) ?? []);
  }

  #follows({ first, fromSequence }: Append, expected: number): void {
    if (first === expected) return;
    const what = `has entry ${first} in message ${fromSequence} where entry ${expected} belongs`;
    throw lost(this.#stream, what);
  }

  /** Of claims the last one counts. */
  #learnLeader(token: string): void {
    if (this.#term === null) return;
    if (token === this.#term.term.token) this.#term.claimed = true;
    else if (this.#term.claimed)
      this.#term.term.lose(`another has taken over the JetStream stream ${this.#stream}`);
  }

  async *#entries<D extends Detail>(after: number, end: number, detail: D): AsyncGenerator<EntryAt<D>> {
    if (after >= end) return;
    const last = this.#indexOf(end);
    let index = this.#indexOf(after + 1);
    while (index <= last) {
      // Heads are in the headers, where there is room for them: runs of such appends need no bodies.
      const { headed } = this.#appends[index]!;
      let until = index;
      while (until < last && this.#appends[until + 1]!.headed === headed) until += 1;
      for await (const append of this.#read(index, until, detail === 'head' && headed)) {
        for (const [offset, entry] of (await this.#entriesOf(append, detail)).entries()) {
          const position = append.first + offset;
          if (position > after && position <= end) yield entry;
        }
      }
      index = until + 1;
    }
  }

  /** The appends of these indices, each checked to be where it belongs. */
  async *#read(from: number, to: number, headersOnly: boolean): AsyncGenerator<Append> {
    const [start, last] = [this.#appends[from]!, this.#appends[to]!];
    const assembler = new Assembler();
    let next = start.first;
    try {
      const wanted = headersOnly ? 'headers' : 'whole';
      for await (const message of this.#reader.messages(start.fromSequence, last.toSequence, wanted)) {
        const append = assembler.add(message);
        if (append === null) continue;
        this.#follows(append, next);
        next += append.count;
        if (append.count > 0) yield append;
      }
    } catch (error) {
      throw explain(error, this.#stream, 'NATS');
    }
  }

  async #entriesOf<D extends Detail>(append: Append, detail: D): Promise<EntryAt<D>[]> {
    if (detail === 'head' && append.heads !== null) {
      // TypeScript does not narrow a type parameter by a value.
      return headsOf(append, this.#stream).map(
        (head, offset) => ({ position: append.first + offset, head }) as EntryAt<D>,
      );
    }
    const facts = await unpack(append, this.#stream);
    return facts.map((fact, offset) => entryOf(append.first + offset, fact, detail));
  }

  /** Index of the append that holds a position, by halving. */
  #indexOf(position: number): number {
    let [low, high] = [0, this.#appends.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#appends[middle]!.first <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const NO_DATA = new Uint8Array();

/** What the client library threw, of what was said in a sentence. */
function causeOf(error: unknown): unknown {
  return error instanceof FailureError ? error.cause : error;
}
