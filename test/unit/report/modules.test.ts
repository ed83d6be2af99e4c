import { expect, test } from 'vitest';
import { markdown } from '../../../cli/output/markdown.js';
import { renderTable } from '../../../cli/output/table.js';
import type { ProfiledPhase, ProfileRecord } from '../../../core/result/profile-record.js';
import { buildReport } from '../../../report/build.js';
import { modulesOf } from '../../../report/modules.js';
import { completeTrial } from '../../support/records.js';

const operator = (module: ProfiledPhase['operators'][number]['module'], seconds: number) => ({
  module,
  operator: `${module}_w`,
  op: 'MUL_MAT',
  calls: 2,
  seconds,
});

/** Of 10 s of decode: 6 in the mlp, 3 in attention, 1 around them. */
const PROFILE: ProfileRecord = {
  rounds: 5,
  phases: [
    {
      name: 'decode',
      tokens: 16,
      passes: 16,
      plainSeconds: 8,
      profiledSeconds: 10,
      operators: [operator('mlp', 4), operator('attention', 3), operator('mlp', 2)],
    },
  ],
};

// Whichever start was profiled.
const records = [1, 2].map((attempt) => ({
  ...completeTrial({ attempt, block: attempt }),
  profile: attempt === 2 ? PROFILE : null,
}));

test('modules of profiled rows stand below the table and in Markdown, as shares of the phase', () => {
  const report = buildReport(records, { sweepName: 'modules', objectives: [] });
  expect(modulesOf(report.rows)).toMatchObject([
    { phase: 'decode', modules: ['attention', 'mlp', 'around'], lines: [{ cost: 0.25 }] },
  ]);
  const table = renderTable(report, { width: 80, color: false, unicode: true });
  expect(table).toMatch(/^decode by module: % of its time/m);
  expect(table).toMatch(/ attention +mlp +around +cost\n.* 30\.0 +60\.0 +10\.0 +\+25\.0$/m);
  const { text } = markdown(report);
  expect(text).toMatch(
    /\| {2}\| attention \| mlp \| around \| cost \|\n\| --- \| ---: .*\n.*\| 30\.0 \| 60\.0 \| 10\.0 \| \+25\.0 \|/,
  );
});

test('rows that were not profiled have no such table', () => {
  expect(modulesOf(buildReport([completeTrial()], { sweepName: 'plain', objectives: [] }).rows)).toEqual([]);
});
