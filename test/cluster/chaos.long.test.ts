import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasChecker } from '../bench/chaos/check.js';
import { hasNatsServer } from '../support/nats-server.js';
import { hasPostgres } from '../support/postgres-server.js';

const BENCH = join(import.meta.dirname, '../bench/chaos.ts');

const stores = [
  ['jetstream', hasNatsServer],
  ['postgres', hasPostgres],
] as const;

/** Three small seeds for each store; `npm run bench -- chaos` has large ones. */
describe.skipIf(!hasChecker)(
  'A fleet under faults keeps its promises, as porcupine sees it (needs Go)',
  () => {
    for (const [log, there] of stores) {
      test.skipIf(!there)(
        `log in ${log}`,
        () => {
          const words = [
            '--import',
            'tsx',
            BENCH,
            `--log=${log}`,
            '--seeds=3',
            '--experiments=300',
            '--faults=15',
          ];
          const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
          expect(`${stdout}${stderr}`).toContain('7 of 7 hold');
          expect(status).toBe(0);
        },
        900_000,
      );
    }
  },
);
