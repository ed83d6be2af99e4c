import { randomUUID } from 'node:crypto';
import {
  DiscardPolicy,
  headers,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  RetentionPolicy,
  StorageType,
} from 'nats';
import type { Candidate, Leader, LeaseRegister, Taken } from '../leadership.js';
import { isStreamNotFound, isWrongSequence } from './errors.js';

/** NATS: the stream has no such message. */
const NO_MESSAGE = 10037;
/** More names than that are not kept: the next leader then waits for everybody. */
const MOST_NAMES_BYTES = 64 * 1024;
/** Whoever waits for this node waits as long as leases last. */
const EVERYBODY = '*';

/** What the message says. */
interface Lease extends Leader {
  readonly token: string;
  /** 0 = let go. */
  readonly seconds: number;
  readonly nodes: readonly string[];
}

interface Kept {
  readonly lease: Lease;
  readonly sequence: number;
  /** By the server's clock. */
  readonly runsOut: number;
}

/**
 * The lease of a log in a stream beside it, STREAM_LEADER: the newest message of one subject is the lease,
 * the expected sequence number makes taking and renewing it a compare-and-set. When it runs out is told by
 * the times of the server: that of the message, and that of its answer.
 */
export class JetStreamLease implements LeaseRegister {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  /** The message by which we hold it. */
  #own: { readonly lease: Lease; sequence: number } | null = null;

  /** @param log the stream of the log */
  constructor(connection: NatsConnection, manager: JetStreamManager, log: string) {
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = `${log}_LEADER`;
  }

  /** Makes the stream when it is not there yet. */
  async open(replicas: number): Promise<void> {
    try {
      await this.#manager.streams.info(this.#stream);
    } catch (error) {
      if (!isStreamNotFound(error)) throw error;
      await this.#manager.streams.add({
        name: this.#stream,
        subjects: [this.#subject],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        max_msgs_per_subject: 1,
        num_replicas: replicas,
      });
    }
  }

  async read(): Promise<Leader | null> {
    const [kept, now] = await this.#look();
    return kept === null || now >= kept.runsOut ? null : leaderOf(kept.lease);
  }

  async take({ holder, grpc, web, seconds }: Candidate): Promise<Taken | null> {
    const [kept, now] = await this.#look();
    if (kept !== null && now < kept.runsOut) return null;
    const nodesBefore = kept?.lease.nodes ?? [];
    const lease = { holder, grpc, web, seconds, token: randomUUID(), nodes: nodesBefore };
    const sequence = await this.#write(lease, kept?.sequence ?? 0);
    if (sequence === null) return null;
    this.#own = { lease, sequence };
    return { token: lease.token, nodesBefore };
  }

  /** Of its turn the sequence number knows. */
  async renew(token: string, nodes: readonly string[]): Promise<boolean> {
    const own = this.#own;
    if (own?.lease.token !== token) return false;
    const lease = { ...own.lease, nodes: named(nodes) };
    let sequence = await this.#write(lease, own.sequence);
    if (sequence === null) {
      // A renewal whose answer did not come is there all the same.
      const [kept] = await this.#look();
      if (kept?.lease.token !== token || kept.lease.seconds === 0) return false;
      sequence = await this.#write(lease, kept.sequence);
    }
    if (sequence === null) return false;
    own.sequence = sequence;
    return true;
  }

  async release(token: string, nodes: readonly string[]): Promise<void> {
    const own = this.#own;
    if (own?.lease.token !== token) return;
    this.#own = null;
    await this.#write({ ...own.lease, seconds: 0, nodes: named(nodes) }, own.sequence);
  }

  get #subject(): string {
    return `${this.#stream}.lease`;
  }

  /** @returns the lease that is kept, and what time it is there, in milliseconds since 1970. */
  async #look(): Promise<[kept: Kept | null, now: number]> {
    const kept = await this.#keptLease();
    // Later than the message was read: who renewed it meanwhile is found by the sequence number.
    const info = (await this.#manager.streams.info(this.#stream)) as { readonly ts?: string };
    return [kept, info.ts === undefined ? Date.now() : Date.parse(info.ts)];
  }

  async #keptLease(): Promise<Kept | null> {
    try {
      const message = await this.#manager.streams.getMessage(this.#stream, { last_by_subj: this.#subject });
      const lease = message.json<Lease>();
      return { lease, sequence: message.seq, runsOut: message.time.getTime() + 1000 * lease.seconds };
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === NO_MESSAGE) return null;
      throw error;
    }
  }

  /** @returns its sequence number; null when the lease has changed since `last`. */
  async #write(lease: Lease, last: number): Promise<number | null> {
    try {
      const { seq } = await this.#connection.jetstream().publish(this.#subject, JSON.stringify(lease), {
        headers: headers(),
        timeout: 1000 * Math.max(1, lease.seconds),
        expect: { lastSubjectSequence: last },
      });
      return seq;
    } catch (error) {
      if (isWrongSequence(error)) return null;
      throw error;
    }
  }
}

function leaderOf({ holder, grpc, web }: Lease): Leader {
  return { holder, grpc, web };
}

function named(nodes: readonly string[]): readonly string[] {
  return JSON.stringify(nodes).length <= MOST_NAMES_BYTES ? nodes : [EVERYBODY];
}
