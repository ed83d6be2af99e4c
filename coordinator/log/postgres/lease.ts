import { randomUUID } from 'node:crypto';
import type { Candidate, Leader, LeaseRegister, Taken } from '../leadership.js';
import type { Address } from './address.js';
import { Connection } from './connection.js';
import { isTimeout } from './errors.js';

/** A server that does not say within this who leads is not there any more, or as good as that. */
const SILENCE_MILLISECONDS = 3_000;

interface Row extends Leader {
  readonly free: boolean;
}

/**
 * The lease of a log in a row of its own: whoever changes it compares it in the same statement, and `now()`
 * of the server says whether it has run out.
 */
export class PostgresLease implements LeaseRegister {
  readonly #table: string;
  /** Of its own: a renewal must not wait behind an append. */
  readonly #connection: Connection;

  readonly #silent: () => void;

  /**
   * @param silent is told when the server has gone without a word: who leads is asked all the time, and
   *   answered at once
   */
  constructor(address: Address, patienceSeconds: number, silent: () => void) {
    this.#table = `${address.schema}.lease`;
    this.#silent = silent;
    this.#connection = new Connection({ address, patienceSeconds });
  }

  /** Makes its table where it is not there. */
  async open(): Promise<void> {
    await this.#connection.patiently(() =>
      this.#connection.query(`
        BEGIN;
        SELECT pg_advisory_xact_lock(hashtext('ridgepoint log'));
        CREATE TABLE IF NOT EXISTS ${this.#table} (
          one boolean PRIMARY KEY DEFAULT true CHECK (one),
          token uuid NOT NULL, holder text NOT NULL, grpc text NOT NULL, web text,
          until timestamptz NOT NULL, nodes jsonb NOT NULL, turn bigint NOT NULL DEFAULT 0
        );
        COMMIT;`),
    );
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async read(): Promise<Leader | null> {
    const question = {
      text: `SELECT holder, grpc, web, until <= clock_timestamp() AS free FROM ${this.#table}`,
      query_timeout: SILENCE_MILLISECONDS,
    };
    const [row] = await this.#connection.query<Row>(question).catch((error: unknown) => {
      if (isTimeout(error)) {
        this.#connection.break();
        this.#silent();
      }
      throw error;
    });
    return row === undefined || row.free ? null : { holder: row.holder, grpc: row.grpc, web: row.web };
  }

  async take({ holder, grpc, web, seconds }: Candidate): Promise<Taken | null> {
    const token = randomUUID();
    const [row] = await this.#connection.query<{ nodes: string[] }>({
      text: `INSERT INTO ${this.#table} AS held (token, holder, grpc, web, until, nodes)
             VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), '[]')
             ON CONFLICT (one) DO UPDATE SET token = excluded.token, holder = excluded.holder, grpc = excluded.grpc,
               web = excluded.web, turn = 0, until = clock_timestamp() + make_interval(secs => $5)
             WHERE held.until <= clock_timestamp()
             RETURNING nodes`,
      values: [token, holder, grpc, web, seconds],
    });
    this.#seconds = seconds;
    return row === undefined ? null : { token, nodesBefore: row.nodes };
  }

  async renew(token: string, nodes: readonly string[], turn: number): Promise<boolean> {
    const rows = await this.#connection.query<{ token: string }>({
      // One that has run out is not taken up again, though nobody has taken it: authority was lost.
      text: `UPDATE ${this.#table} SET until = clock_timestamp() + make_interval(secs => $2), nodes = $3::jsonb, turn = $4
             WHERE token = $1 AND turn <= $4 AND until > clock_timestamp() RETURNING token`,
      values: [token, this.#seconds, JSON.stringify(nodes), turn],
    });
    return rows.length > 0;
  }

  async release(token: string, nodes: readonly string[]): Promise<void> {
    await this.#connection.query({
      text: `UPDATE ${this.#table} SET until = clock_timestamp(), nodes = $2::jsonb WHERE token = $1`,
      values: [token, JSON.stringify(nodes)],
    });
  }

  #seconds = 0;
}
