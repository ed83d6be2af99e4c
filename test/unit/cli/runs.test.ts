import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRunFolder } from '../../../cli/run/folder.js';
import { listedRuns } from '../../../cli/runs/runs.js';
import { type WarningCode, warn } from '../../../core/result/warnings.js';
import { experimentOf } from '../../support/experiments.js';
import { temporaryFolder } from '../../support/folder.js';
import { completeTrial, failedTrial } from '../../support/records.js';

test('what was run is listed with its rows by grade, and what has no end yet without', () => {
  const place = temporaryFolder();
  const document = 'metadata: { name: kv }\nspec: { models: "builtin:small" }\n';
  const ended = openRunFolder(join(place, 'kv'), { document, typed: 'sweeps/kv.yaml' }, false);
  ended.release();
  const of = (quantization: string, ...codes: WarningCode[]) =>
    completeTrial({
      experiment: experimentOf({ quantization }),
      warnings: codes.map((code) => warn(code, code)),
    });
  const records = [
    of('f16', 'clock-change'),
    of('q8_0', 'cpu-steal'),
    of('q6_k', 'provider-fallback'),
    failedTrial({ experiment: experimentOf({ quantization: 'q2_k' }) }),
  ];
  writeFileSync(join(place, 'kv/results.jsonl'), records.map((one) => JSON.stringify(one)).join('\n'));
  const running = openRunFolder(join(place, 'other'), { document, typed: 'builtin:small' }, false);
  running.release();
  mkdirSync(join(place, 'no run'));
  expect(listedRuns(place)[0]).toMatchObject({ state: 'interrupted', rows: { all: 4 } });
  ended.end();
  expect(listedRuns(place)).toMatchObject([
    {
      name: 'kv',
      folder: join(place, 'kv'),
      state: 'done',
      rows: { all: 4, clean: 1, disturbed: 1, invalid: 1, failed: 1 },
      file: 'sweeps/kv.yaml',
    },
  ]);
  writeFileSync(join(place, 'other/log.sqlite'), '');
  expect(listedRuns(place)[1]).toMatchObject({ state: 'interrupted', rows: null, file: 'builtin:small' });
  expect(listedRuns(join(place, 'nowhere'))).toEqual([]);
});
