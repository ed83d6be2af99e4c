import { createReadStream } from 'node:fs';
import type { SnapshotDraft, Snapshots } from '../log.js';
import { draftFor, PIECE_BYTES } from '../snapshot-file.js';
import type { Address } from './address.js';
import { Connection } from './connection.js';

/** Snapshots in a table beside the log, in pieces; one transaction replaces them all. */
export class PostgresSnapshots implements Snapshots {
  readonly #address: Address;
  readonly #patienceSeconds: number;
  readonly #reader: Connection;
  readonly #table: string;

  constructor(address: Address, patienceSeconds: number, reader: Connection) {
    this.#address = address;
    this.#patienceSeconds = patienceSeconds;
    this.#reader = reader;
    this.#table = `${address.schema}.snapshot`;
  }

  async read(): Promise<AsyncIterable<Uint8Array> | null> {
    const [row] = await this.#reader.ask<{ there: boolean }>({
      text: 'SELECT to_regclass($1) IS NOT NULL AS there',
      values: [this.#table],
    });
    return row?.there === true ? this.#pieces() : null;
  }

  begin(): Promise<SnapshotDraft> {
    return draftFor((path) => this.#deliver(path));
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    const text = `SELECT bytes FROM ${this.#table} WHERE piece = $1`;
    for (let piece = 0; ; piece += 1) {
      const [row] = await this.#reader.ask<{ bytes: Uint8Array }>({ text, values: [piece] });
      if (row === undefined) return;
      yield row.bytes;
    }
  }

  /** A connection that breaks meanwhile leaves the one before, or pieces that are not taken for one. */
  async #deliver(path: string): Promise<void> {
    const connection = new Connection({ address: this.#address, patienceSeconds: this.#patienceSeconds });
    try {
      await connection.query('BEGIN');
      await connection.query(
        `CREATE TABLE IF NOT EXISTS ${this.#table} (piece integer PRIMARY KEY, bytes bytea NOT NULL)`,
      );
      await connection.query(`DELETE FROM ${this.#table}`);
      const text = `INSERT INTO ${this.#table} (piece, bytes) VALUES ($1, $2)`;
      let piece = 0;
      for await (const bytes of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
        await connection.query({ text, values: [piece, bytes] });
        piece += 1;
      }
      await connection.query('COMMIT');
    } finally {
      await connection.close();
    }
  }
}
