import type { QueryConfig } from 'pg';
import { chainOf, type Link } from './chain.js';
import { partsOf } from './detail.js';
import {
  type Candidate,
  checkTerm,
  type LeasedTerm,
  type Term,
  takeLease,
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
import { type Address, readAddress } from './postgres/address.js';
import { Connection } from './postgres/connection.js';
import { durabilityOf, type Settings } from './postgres/durability.js';
import { explain, lost, nameOf } from './postgres/errors.js';
import { PostgresLease } from './postgres/lease.js';
import { prepareSchema } from './postgres/schema.js';
import { PostgresSnapshots } from './postgres/snapshots.js';
import { closedError, EntryReader, type Source } from './reading.js';
import { COLUMNS, PAGE_ROWS, type Stored, storedEntry } from './stored.js';

export interface PostgresOptions {
  /** `postgres://USER@HOST:PORT/DATABASE?…` (postgres/address.ts). */
  readonly url: string;
  /** How long a server that is away is waited for. */
  readonly patienceSeconds: number;
  /** Whether the tables are made where they are not there. */
  readonly make?: boolean;
  /**
   * How often a follower that hears nothing asks again: notifications are lost while a connection is away.
   */
  readonly pollSeconds?: number;
}

/** Where the log ends, and who writes to it. Numbers of PostgreSQL's bigint come as text. */
interface Tail {
  readonly id: string;
  readonly position: string;
  readonly chain: string | null;
  /** Token of the term that claimed the log last; null = nobody did. */
  readonly writer: string | null;
}

/** A fact on its way into the table. */
interface Row {
  readonly trial: string | null;
  readonly content: readonly [head: string, row: string | null, raw: string | null];
}

/**
 * An append whose acknowledgement may have been lost: where it ends, and the checksum that is there when it
 * was written.
 */
interface Attempt {
  readonly position: number;
  readonly chain: string;
}

const POLL_SECONDS = 2;
/**
 * Most rows of one statement, of six values each: a power of two, as the others are, so that a few statements
 * are all that a server has to read.
 */
const ROWS_AT_ONCE = 128;

/**
 * The log in a PostgreSQL database (decision 0005). An append is one transaction that locks the one row of
 * `log`, compares position and writer there, and writes; so it is all or nothing, behind what its writer
 * knows, and never after somebody else's claim. An append whose acknowledgement was lost is recognised by its
 * checksum, and not written twice.
 */
export class PostgresLog extends EntryReader implements Log {
  protected override readonly pollSeconds: number;
  readonly snapshots: Snapshots;
  readonly #address: Address;
  /** Appends have a connection to themselves: a slow reader must not hold them up. */
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #lease: PostgresLease;
  /** The term under which this client writes. */
  #term: LeasedTerm | null = null;
  /** Of the log that was opened: another one under the same name is not this one. */
  #id: string | null = null;
  /** Last entry that was seen: a log that ends before it has lost entries. */
  #seen = 0;
  #appending: Promise<unknown> = Promise.resolve();

  private constructor(address: Address, patienceSeconds: number, kept: boolean, pollSeconds: number) {
    super();
    this.pollSeconds = pollSeconds;
    this.#address = address;
    const channel = channelOf(address);
    this.#lease = new PostgresLease(address, patienceSeconds, () => {
      this.#writer.break();
      this.#reader.break();
    });
    this.#writer = new Connection({ address, patienceSeconds, kept });
    this.#reader = new Connection({
      address,
      patienceSeconds,
      kept,
      channel,
      notified: () => this.appended.notify(),
    });
    this.snapshots = new PostgresSnapshots(address, patienceSeconds, this.#reader);
  }

  /**
   * Connects and makes the tables when they are not there.
   * @throws FailureError with one sentence: no server, a wrong password, tables of another release, …
   */
  static async open(options: PostgresOptions): Promise<PostgresLog> {
    const { url, patienceSeconds, make = true, pollSeconds = POLL_SECONDS } = options;
    const address = readAddress(url);
    const log = new PostgresLog(address, patienceSeconds, make, pollSeconds);
    try {
      // Not patiently: whoever starts is told at once where nothing answers.
      await log.#reader.query('SELECT 1');
      await prepareSchema(log.#reader, address, make);
      if (make) await log.#lease.open();
      await log.end();
      return log;
    } catch (error) {
      await log.close();
      throw explain(error, address);
    }
  }

  async lead(candidate: Candidate, waiting: Waiting): Promise<Term> {
    const term = await takeLease(this.#lease, candidate, {
      ...waiting,
      unheard: (error) => waiting.unheard?.(explain(error, this.#address)),
    });
    try {
      // From here on a transaction of a term before finds another writer than itself. A claim that comes late
      // finds another lease.
      await this.#explained(() =>
        this.#writer.patiently(() =>
          this.#writer.query({
            text: `WITH claimed AS (
                UPDATE ${this.#table('log')} SET writer = $1
                WHERE EXISTS (SELECT 1 FROM ${this.#table('lease')} WHERE token::text = $1) RETURNING 1
              ) SELECT pg_notify($2, '') FROM claimed`,
            values: [term.token, channelOf(this.#address)],
          }),
        ),
      );
      checkTerm(term);
    } catch (error) {
      await term.resign(term.nodesBefore);
      throw error;
    }
    this.#term = term;
    return term;
  }

  async end(): Promise<number> {
    const before = this.#known();
    const [tail] = await this.#explained(() => this.#reader.ask<Tail>(this.#tailOf()));
    return this.#learn(tail, before);
  }

  append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    const rows = facts.map((fact): Row => ({ trial: trialOf(fact), content: partsOf(fact) }));
    // One at a time: a transaction has its connection to itself.
    const outcome = this.#appending.then(() => this.#explained(() => this.#append(rows, expected, term)));
    this.#appending = outcome.catch(() => undefined);
    return outcome;
  }

  async *links(after: number): AsyncGenerator<Link> {
    for (let position = after; ; ) {
      const rows = await this.#page<Stored & { chain: string | null }>(`${COLUMNS.full}, chain`, [
        position,
        Number.MAX_SAFE_INTEGER,
        PAGE_ROWS.full,
      ]);
      if (rows.length === 0) return;
      for (const { position: at, head, row = null, raw = null, chain } of rows) {
        position = Number(at);
        yield { first: position, last: position, content: [head, row, raw], chain };
      }
    }
  }

  async probe(bytes: number): Promise<void> {
    if (this.#term !== null) checkTerm(this.#term);
    await this.#explained(async () => {
      try {
        await this.#writer.query('BEGIN');
        await this.#writer.query(
          'CREATE TEMPORARY TABLE IF NOT EXISTS ridgepoint_probe (bytes bytea) ON COMMIT DROP',
        );
        await this.#writer.query('ALTER TABLE ridgepoint_probe ALTER bytes SET STORAGE EXTERNAL');
        await this.#writer.query({
          text: "INSERT INTO ridgepoint_probe SELECT decode(repeat('00', $1), 'hex')",
          values: [bytes],
        });
      } finally {
        await this.#writer.query('ROLLBACK').catch(() => this.#writer.drop());
      }
    });
    await this.end();
    if (this.#term !== null) checkTerm(this.#term);
  }

  async durability(): Promise<Durability> {
    const [settings] = await this.#explained(() =>
      this.#writer.ask<Settings>(
        "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit, current_setting('synchronous_standby_names') AS standbys",
      ),
    );
    return durabilityOf(settings ?? { fsync: '', commit: '', standbys: '' });
  }

  async close(): Promise<void> {
    this.#term?.lose('its log was closed');
    const closing = [this.#writer.close(), this.#reader.close(), this.#lease.close()];
    this.appended.notify();
    await Promise.all(closing);
  }

  async #append(rows: readonly Row[], expected: number, term: Term | undefined): Promise<AppendOutcome> {
    if (term !== undefined) checkTerm(term);
    let attempt: Attempt | null = null;
    const outcome = await this.#writer.patiently(
      async () => {
        if (attempt !== null && (await this.#isWritten(attempt)))
          return { appended: true, position: attempt.position };
        return await this.#transact(rows, expected, term, (begun) => {
          attempt = begun;
        }).catch((error: unknown) => {
          // Whatever of the transaction stands there is undone with its connection.
          this.#writer.drop();
          throw error;
        });
      },
      () => term?.lasts !== false,
    );
    this.appended.notify();
    return outcome;
  }

  /**
   * One transaction.
   * @param begun is told what is there when it was written, before anything is sent that writes it.
   */
  async #transact(
    rows: readonly Row[],
    expected: number,
    term: Term | undefined,
    begun: (attempt: Attempt) => void,
  ): Promise<AppendOutcome> {
    const writer = this.#writer;
    const before = this.#known();
    const trials = rows.flatMap(({ trial }) => trial ?? []);
    const [, [tail]] = await allOf([
      writer.query('BEGIN'),
      writer.query<Tail & { known: string[] }>({
        name: 'tail',
        text: `SELECT id, position, chain, writer,
                 ARRAY(SELECT trial_id FROM ${this.#table('facts')} WHERE trial_id = ANY($1)) AS known
               FROM ${this.#table('log')} FOR UPDATE`,
        values: [trials],
      }),
    ]);
    const end = this.#learn(tail, before);
    if (term !== undefined) {
      if (tail?.writer !== term.token) this.#lose();
      checkTerm(term);
    }
    if (tail === undefined || end !== expected) {
      await writer.query('ROLLBACK');
      return { appended: false, position: end };
    }
    const fresh = withoutKnown(rows, ({ trial }) => trial, new Set(tail.known));
    if (fresh.length === 0) {
      await writer.query('ROLLBACK');
      return { appended: true, position: end };
    }
    let { chain } = tail;
    const values = fresh.map(({ trial, content }, index) => {
      const position = expected + index + 1;
      chain = chainOf(chain, { first: position, last: position, content });
      return [position, trial, ...content, chain];
    });
    const position = expected + fresh.length;
    begun({ position, chain: chain ?? '' });
    const inserts = [];
    for (let [from, rows] = [0, ROWS_AT_ONCE]; from < values.length; from += rows) {
      while (rows > values.length - from) rows /= 2;
      inserts.push(writer.query(this.#insert(values.slice(from, from + rows))));
    }
    // Where one of them fails, the server answers the others with errors, and undoes all at COMMIT.
    await allOf([
      ...inserts,
      writer.query({
        name: 'end',
        text: `WITH moved AS (UPDATE ${this.#table('log')} SET position = $1, chain = $2 RETURNING 1) SELECT pg_notify($3, '') FROM moved`,
        values: [position, chain, channelOf(this.#address)],
      }),
      writer.query('COMMIT'),
    ]);
    this.#seen = Math.max(this.#seen, position);
    return { appended: true, position };
  }

  #insert(rows: readonly (readonly unknown[])[]): QueryConfig {
    const places = rows.map((_, row) => {
      const [p, t, h, r, w, c] = [1, 2, 3, 4, 5, 6].map((column) => `$${6 * row + column}`);
      return `(${p}::bigint, ${t}, ${h}, ${r}, ${w}, ${c})`;
    });
    const text = `INSERT INTO ${this.#table('facts')} (position, trial_id, head, row_json, raw_json, chain) VALUES ${places.join(', ')}`;
    return { name: `insert ${rows.length}`, text, values: rows.flat() };
  }

  async #isWritten({ position, chain }: Attempt): Promise<boolean> {
    const rows = await this.#writer.query<{ chain: string | null }>({
      text: `SELECT chain FROM ${this.#table('facts')} WHERE position = $1`,
      values: [position],
    });
    return rows[0]?.chain === chain;
  }

  /** What an answer is compared with that is asked for now: other answers may come first. */
  #known(): { readonly seen: number; readonly term: LeasedTerm | null } {
    return { seen: this.#seen, term: this.#term };
  }

  /**
   * Takes in where the log ends and who writes to it.
   * @returns its end.
   * @throws FailureError when it is not the log that it was.
   */
  #learn(
    tail: Tail | undefined,
    before: { readonly seen: number; readonly term: LeasedTerm | null },
  ): number {
    if (tail === undefined) throw lost(this.#address, 'has no row in its table log');
    const position = Number(tail.position);
    this.#id ??= tail.id;
    if (tail.id !== this.#id) throw lost(this.#address, 'was deleted and made again');
    if (position < before.seen)
      throw lost(this.#address, `ends at entry ${position}, but had ${before.seen}`);
    this.#seen = Math.max(this.#seen, position);
    if (before.term !== null && before.term === this.#term && tail.writer !== before.term.token) this.#lose();
    return position;
  }

  #lose(): void {
    this.#term?.lose(`another has taken over ${nameOf(this.#address)}`);
  }

  protected source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    return {
      name: nameOf(this.#address),
      end: () => this.end(),
      entries: (after, end) => this.#entries(after, end, detail),
    };
  }

  async *#entries<D extends Detail>(after: number, end: number, detail: D): AsyncGenerator<EntryAt<D>> {
    let position = after;
    while (position < end) {
      const rows = await this.#page<Stored>(COLUMNS[detail], [position, end, PAGE_ROWS[detail]]);
      // Fewer than there should be: whoever counts them says so.
      if (rows.length === 0) return;
      for (const row of rows) {
        position = Number(row.position);
        yield storedEntry<D>({ ...row, position });
      }
    }
  }

  #page<Row extends object>(
    columns: string,
    values: readonly [after: number, end: number, most: number],
  ): Promise<Row[]> {
    const text = `SELECT ${columns} FROM ${this.#table('facts')} WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3`;
    return this.#explained(() => this.#reader.ask<Row>({ name: columns, text, values: [...values] }));
  }

  #tailOf(): string {
    return `SELECT id, position, chain, writer FROM ${this.#table('log')}`;
  }

  #table(name: 'log' | 'facts' | 'lease'): string {
    return `${this.#address.schema}.${name}`;
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#reader.closed) throw closedError(nameOf(this.#address));
      throw explain(error, this.#address);
    }
  }
}

function channelOf({ schema }: Address): string {
  return `ridgepoint_${schema}`;
}

/** Waits for all of them, whichever fails. @throws the first failure */
async function allOf<T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as { -readonly [K in keyof T]: Awaited<T[K]> };
}
