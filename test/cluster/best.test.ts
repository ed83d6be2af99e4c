import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../support/coordinator.js';
import { fillLog } from '../support/filled-log.js';
import { sharedFolder } from '../support/folder.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();

test('ridge best prints the best rows of a model out of the log; a model without any is said', async () => {
  const path = join(folder, 'log.sqlite');
  await fillLog(path, { results: 3 });
  const { grpcAddress: at } = await start({ log: { kind: 'sqlite', path } });
  const { stdout } = await ridgeHere(['results', '--json', '-c', at]);
  const { rows } = JSON.parse(stdout) as {
    rows: { experimentId: string; measurements: Record<string, { value: number }> }[];
  };
  const speeds = rows.map(
    (row) => [row.experimentId, row.measurements.decodeTokensPerSecond!.value] as const,
  );
  const [first, second] = speeds.toSorted((a, b) => b[1] - a[1]);
  const best = await ridgeHere(['best', 'tiny', '-c', at, '--most', '2', '--json']);
  const printed = JSON.parse(best.stdout) as { rows: { experimentId: string; sweeps: string[] }[] };
  expect(printed.rows.map(({ experimentId }) => experimentId)).toEqual([first![0], second![0]]);
  expect(printed.rows[0]!.sweeps).toEqual(['filled']);
  const table = await ridgeHere(['best', 'tiny', '-c', at, '--metric', 'decodeTokensPerSecond']);
  expect(table.stdout.trim().split('\n')).toHaveLength(4);
  const none = await ridgeHere(['best', 'elsewhere', '-c', at]);
  expect([none.code, none.stderr]).toEqual([
    2,
    expect.stringContaining('no valid result of the model elsewhere'),
  ]);
});
