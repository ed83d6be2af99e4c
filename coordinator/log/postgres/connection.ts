import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError, type QueryConfig } from 'pg';
import type { Address } from './address.js';
import { isAway } from './errors.js';

/** A server that says nothing for this long is taken for gone; what waits is asked again. */
const CONNECT_MILLISECONDS = 5_000;
const MOST_PAUSE_MILLISECONDS = 1_000;
const GOODBYE_MILLISECONDS = 1_000;
/**
 * A coordinator that stands still in the middle of an append must not keep others from writing for longer.
 */
const IDLE_IN_TRANSACTION_MILLISECONDS = 3_000;

export interface ConnectionOptions {
  readonly address: Address;
  /**
   * Seconds for which a server that is away is waited for, and after which one that does not answer is taken
   * for gone.
   */
  readonly patienceSeconds: number;
  /**
   * Whether what is read must be durable. A server that was killed shows, at its restart, entries that it had
   * not acknowledged, because a synchronous standby had not received them. They are gone if that standby is
   * promoted.
   */
  readonly kept?: boolean;
  /** Listens here; null = to nothing. */
  readonly channel?: string | null;
  /** Something was notified, or may have been while nobody listened. */
  readonly notified?: () => void;
}

/**
 * One connection, made when it is needed and again after it broke. Statements are sent in their order,
 * without waiting for each other.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #client: Promise<Client> | null = null;
  readonly #sockets = new WeakMap<Client, Socket>();
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends one statement, once.
   * @throws what the driver throws; whether it was carried out is open then, unless the server itself says
   *   no.
   */
  async query<Row extends object = never>(statement: string | QueryConfig): Promise<Row[]> {
    const client = await this.#connected();
    return (await client.query<Row>(statement as QueryConfig)).rows;
  }

  /** The same for what changes nothing: a server that is away is waited for, and asked again. */
  ask<Row extends object>(statement: string | QueryConfig): Promise<Row[]> {
    return this.patiently(() => this.query<Row>(statement));
  }

  /**
   * Does the work again as long as no server answers, and there is still a reason to.
   * @throws what it threw last, when patience is over.
   */
  async patiently<T>(work: () => Promise<T>, wanted: () => boolean = () => true): Promise<T> {
    const end = Date.now() + 1000 * this.#options.patienceSeconds;
    for (let pause = 20; ; pause = Math.min(2 * pause, MOST_PAUSE_MILLISECONDS)) {
      try {
        return await work();
      } catch (error) {
        if (this.#closed || !isAway(error) || Date.now() + pause > end || !wanted()) throw error;
        // A standby, or a transaction that was undone, may still be connected.
        this.drop();
      }
      await sleep(pause);
    }
  }

  /** Connects anew for what comes next. */
  drop(): void {
    const client = this.#client;
    this.#client = null;
    void client?.then((one) => one.end()).catch(() => undefined);
  }

  /**
   * Breaks it, for the server has gone without a word: what waits for an answer there waits in vain, and is
   * asked again elsewhere.
   */
  break(): void {
    const client = this.#client;
    this.#client = null;
    void client?.then((one) => this.#sockets.get(one)?.destroy()).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => null);
    this.#client = null;
    if (client == null) return;
    // A server that is gone does not take the goodbye either.
    await Promise.race([
      client.end().catch(() => undefined),
      sleep(GOODBYE_MILLISECONDS, null, { ref: false }),
    ]);
    this.#sockets.get(client)?.destroy();
  }

  async #connected(): Promise<Client> {
    if (this.#closed) throw new Error('the connection is closed');
    const connecting = this.#client ?? this.#connect();
    this.#client = connecting;
    return await connecting.catch((error: unknown) => {
      if (this.#client === connecting) this.#client = null;
      throw error;
    });
  }

  /**
   * Asks all servers at once: one that is gone may not even refuse.
   * @returns the first that will do.
   * @throws why the last one will not
   */
  async #connect(): Promise<Client> {
    const { hosts } = this.#options.address;
    const tries = [...hosts.keys()].map((index) => this.#tried(index, hosts.length > 1));
    try {
      const found = await Promise.any(tries);
      for (const one of tries)
        one.then((client) => (client === found ? undefined : client.end())).catch(() => undefined);
      return found;
    } catch (error) {
      throw (error as AggregateError).errors.at(-1);
    }
  }

  async #tried(index: number, several: boolean): Promise<Client> {
    const client = await this.#open(index);
    try {
      if (several) {
        const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
        if (rows[0]?.standby !== false) throw new Error('every server that answers is a standby');
      }
      await this.#keep(client);
      return client;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Waits until the synchronous standbys, where there are any, have all that is seen here: a commit waits for
   * them, and for what is before it.
   */
  async #keep(client: Client): Promise<void> {
    if (this.#options.kept !== true) return;
    try {
      await client.query(
        "SELECT pg_logical_emit_message(true, 'ridgepoint', '') WHERE current_setting('synchronous_standby_names') <> '' AND NOT pg_is_in_recovery()",
      );
    } catch (error) {
      if (error instanceof DatabaseError) throw error;
      throw new Error('its synchronous standby does not answer', { cause: error });
    }
  }

  async #open(index: number): Promise<Client> {
    const { address, patienceSeconds, channel = null, notified } = this.#options;
    const socket = new Socket();
    const client = new Client({
      ...address.clientConfig(index),
      stream: () => socket,
      application_name: 'ridgepoint',
      keepAlive: true,
      pipeline: true,
      connectionTimeoutMillis: CONNECT_MILLISECONDS,
      query_timeout: 1000 * patienceSeconds,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    });
    const onClosed = (): void => {
      void this.#client?.then(
        (one) => {
          if (one === client) this.#client = null;
        },
        () => undefined,
      );
      notified?.();
    };
    this.#sockets.set(client, socket);
    client.on('error', onClosed);
    client.on('end', onClosed);
    if (notified !== undefined) client.on('notification', notified);
    await client.connect();
    // Some servers are set to acknowledge before anything is on a disk; what a log acknowledges has to be.
    await client.query(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    );
    if (channel !== null) await client.query(`LISTEN ${channel}`);
    return client;
  }
}
