import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  ErrorCode,
  Events,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  nanos,
} from 'nats';
import { closedError } from '../reading.js';
import { lost, nameOf } from './errors.js';

/** What a message is read for: its headers alone, or its body as well. */
export type Wanted = 'headers' | 'whole';

/** One message as the stream keeps it; `data` is empty where only headers were wanted. */
export interface Stored {
  readonly sequence: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** Messages of the first page and of the largest: most readers of few entries stop early. */
const FIRST_PAGE = 1;
const LARGEST_PAGE = 512;
/** Bytes of a page, which is what a slow reader makes us keep; a larger message has a page of its own. */
const PAGE_BYTES = 4 * 1024 * 1024;
const MOST_BYTES = 128 * 1024 * 1024;
/** The server answers a page within this; a page that says nothing for a second more is lost. */
const PAGE_MILLISECONDS = 5_000;
const MOST_PAUSE_MILLISECONDS = 1_000;
/** A message that so many new consumers pass over is not there. */
const SURE = 3;
/** The server forgets a consumer that was not asked for this long; the reader then makes another. */
const IDLE_MILLISECONDS = 30_000;

/** How a page ended when it did not bring all that was asked for. */
type Ending = 'full' | 'too-large' | 'nothing' | 'broken';

interface Page {
  readonly messages: readonly Stored[];
  readonly ending: Ending;
  /** First sequence that came in the place of a missing one; null = none is missing. */
  readonly passedTo: number | null;
}

/**
 * Reads a stream by sequence number, page by page, each page asked for when the one before has been taken:
 * what waits for a slow reader is bounded in bytes, and nothing is sent that nobody asked for. Every message
 * is checked against the one before; after a page that broke off (a lost message, a connection or server that
 * went away) it reads again from where it was, with a new consumer.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #patience: number;
  readonly #interrupts = new Set<() => void>();

  /** @param patience milliseconds after which a reader that gets nothing new fails. */
  constructor(connection: NatsConnection, manager: JetStreamManager, stream: string, patience: number) {
    this.#patience = patience;
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = stream;
    void this.#watch();
  }

  /**
   * Messages `from` … `to`, each of them, in order.
   * @throws FailureError: one is missing, the connection was closed, or the server gave nothing for too long.
   */
  async *messages(from: number, to: number, wanted: Wanted): AsyncGenerator<Stored> {
    let next = from;
    let consumer: string | null = null;
    let most = FIRST_PAGE;
    let bytes = PAGE_BYTES;
    let passed = 0;
    let pause = 10;
    let heard = Date.now();
    try {
      while (next <= to) {
        let page: Page;
        try {
          consumer ??= await this.#consume(next, wanted);
          page = await this.#page(consumer, next, Math.min(most, to - next + 1), bytes);
        } catch (error) {
          if (this.#connection.isClosed()) throw closedError(nameOf(this.#stream));
          page = { messages: [], ending: 'broken', passedTo: null };
          if (Date.now() - heard > this.#patience) throw error;
        }
        for (const message of page.messages) {
          yield message;
          next = message.sequence + 1;
        }
        if (page.messages.length > 0) {
          [passed, pause, heard] = [0, 10, Date.now()];
          most = Math.min(4 * most, LARGEST_PAGE);
        }
        if (page.ending === 'full') continue;
        if (page.ending === 'too-large' && page.messages.length > 0) continue;
        if (page.ending === 'too-large' && bytes < MOST_BYTES) {
          bytes *= 2;
          continue;
        }
        if (consumer !== null) this.#forget(consumer);
        consumer = null;
        if (page.passedTo !== null) {
          passed += 1;
          if (passed >= SURE) throw lost(this.#stream, missing(next, page.passedTo - 1));
        }
        if (Date.now() - heard > this.#patience) {
          throw lost(this.#stream, `does not give message ${next} of ${to}`);
        }
        await sleep(pause);
        pause = Math.min(2 * pause, MOST_PAUSE_MILLISECONDS);
      }
    } finally {
      if (consumer !== null) this.#forget(consumer);
    }
  }

  /**
   * What is asked of the server, as long as the connection holds: an answer that was on its way when it broke
   * never comes.
   * @throws NatsError
   */
  whileConnected<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => reject(new NatsError('the connection broke', ErrorCode.Disconnect));
      this.#interrupts.add(interrupt);
      answer.then(resolve, reject).finally(() => this.#interrupts.delete(interrupt));
    });
  }

  async #consume(from: number, wanted: Wanted): Promise<string> {
    const { name } = await this.#manager.consumers.add(this.#stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      headers_only: wanted === 'headers',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(IDLE_MILLISECONDS),
    });
    return name;
  }

  /** A consumer that is not deleted goes away by itself. */
  #forget(consumer: string): void {
    if (this.#connection.isClosed()) return;
    void this.#manager.consumers.delete(this.#stream, consumer).catch(() => false);
  }

  /** Asks for messages and collects what comes; only messages that follow each other are kept. */
  #page(consumer: string, from: number, most: number, bytes: number): Promise<Page> {
    const inbox = createInbox();
    return new Promise((resolve) => {
      const messages: Stored[] = [];
      let passedTo: number | null = null;
      const finish = (ending: Ending): void => {
        clearTimeout(timer);
        this.#interrupts.delete(interrupt);
        subscription.unsubscribe();
        resolve({ messages, ending, passedTo });
      };
      const interrupt = (): void => finish('broken');
      const subscription = this.#connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return finish('broken');
          const sequence = sequenceOf(message);
          if (sequence === null) return finish(endingOf(message));
          timer.refresh();
          const next = from + messages.length;
          if (sequence < next) return;
          if (sequence > next) {
            passedTo = sequence;
            return finish('broken');
          }
          messages.push({ sequence, headers: message.headers, data: message.data });
          if (messages.length === most) finish('full');
        },
      });
      const timer = setTimeout(interrupt, PAGE_MILLISECONDS + 1_000);
      this.#interrupts.add(interrupt);
      const ask = { batch: most, max_bytes: bytes, expires: nanos(PAGE_MILLISECONDS) };
      this.#connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${consumer}`, JSON.stringify(ask), {
        reply: inbox,
      });
    });
  }

  /**
   * What was on its way when a connection broke does not come any more; nor does anything after it was
   * closed.
   */
  async #watch(): Promise<void> {
    const interrupt = (): void => {
      for (const stop of [...this.#interrupts]) stop();
    };
    void this.#connection.closed().then(interrupt);
    for await (const { type } of this.#connection.status()) {
      if (type === Events.Disconnect || type === Events.Reconnect) interrupt();
    }
  }
}

/** @returns the sequence number in a delivery's reply subject; null for a status of the server. */
function sequenceOf({ reply }: Msg): number | null {
  const tokens = reply?.split('.') ?? [];
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return null;
  // $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE…, in newer releases with domain and account before the stream.
  return Number(tokens.length === 9 ? tokens[5] : tokens[7]);
}

function endingOf({ headers }: Msg): Ending {
  if (headers?.code === 409 && /exceeds maxbytes/i.test(headers.description)) return 'too-large';
  return headers?.code === 404 || headers?.code === 408 ? 'nothing' : 'broken';
}

function missing(first: number, last: number): string {
  return first === last ? `lacks message ${first}` : `lacks messages ${first} to ${last}`;
}
