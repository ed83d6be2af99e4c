import { type FailureError, failed } from '../../../core/errors.js';
import { sentence } from '../reading.js';
import type { Address } from './address.js';
import type { Connection } from './connection.js';
import { nameOf } from './errors.js';

/** Raised when the tables change in a way that another release would misread. */
const POSTGRES_SCHEMA_VERSION = 1;

/** The tables, which are made once; one transaction makes all of them. */
const TABLES = (schema: string): string => `
  BEGIN;
  SELECT pg_advisory_xact_lock(hashtext('ridgepoint log'));
  DO $$ BEGIN IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF; END $$;
  CREATE TABLE IF NOT EXISTS ${schema}.log (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    version integer NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    chain text,
    writer text
  );
  CREATE TABLE IF NOT EXISTS ${schema}.facts (
    position bigint PRIMARY KEY, trial_id text UNIQUE, head text NOT NULL, row_json text, raw_json text, chain text NOT NULL
  );
  INSERT INTO ${schema}.log (version) VALUES (${POSTGRES_SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
  COMMIT;`;

/**
 * Makes the tables where they are not there.
 * @param make false = they have to be there.
 * @throws FailureError for tables of another version.
 */
export async function prepareSchema(connection: Connection, address: Address, make: boolean): Promise<void> {
  const { schema } = address;
  const there = await connection.ask<{ there: boolean }>({
    text: 'SELECT to_regclass($1) IS NOT NULL AS there',
    values: [`${schema}.log`],
  });
  if (there[0]?.there !== true) {
    if (!make) throw noLog(address);
    await connection.patiently(() => connection.query(TABLES(schema)));
  }
  const [row] = await connection.ask<{ version: number }>(`SELECT version FROM ${schema}.log`);
  if (row?.version === POSTGRES_SCHEMA_VERSION) return;
  throw failed(
    'internal',
    `${sentence(nameOf(address))} has schema version ${row?.version ?? 'unknown'}; this Ridgepoint reads ${POSTGRES_SCHEMA_VERSION}.`,
    'Use the release that wrote it, or name another schema.',
  );
}

function noLog({ text, schema }: Address): FailureError {
  return failed(
    'internal',
    `${text} has no log in its schema ${schema}.`,
    'Name another one by `?schema=NAME`.',
  );
}
