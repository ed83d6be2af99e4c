import { afterEach, expect, test, vi } from 'vitest';
import { openSweep, strictSweep } from '../../../cli/sweep-file.js';
import { exitCodeOf, sayGrades } from '../../../cli/watch/watch.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { SweepState, type SweepStatus } from '../../../proto/gen/ridgepoint/v1/control.js';

const status = (change: Partial<SweepStatus>) =>
  ({
    state: SweepState.SWEEP_STATE_DONE,
    points: 12,
    complete: 12,
    disturbed: 0,
    invalid: 0,
    failed: 0,
    disturbedBy: [],
    invalidBy: [],
    ...change,
  }) as unknown as SweepStatus;

/** What is said of a status. */
function said(change: Partial<SweepStatus>, how?: Parameters<typeof sayGrades>[2]): string {
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  sayGrades(status(change), 'Again.', how);
  return lines.join('');
}

afterEach(() => vi.restoreAllMocks());

test('rows that were disturbed end with 0; every reason is counted, and the one that would help most is named with what to do', () => {
  const disturbed = {
    disturbed: 3,
    disturbedBy: [
      { code: 'shared-core', points: 3 },
      { code: 'cpu-steal', points: 1 },
    ],
  };
  expect(exitCodeOf(status(disturbed))).toBe(0);
  const text = said(disturbed);
  expect(text).toContain('12 of 12 rows: 9 clean, 3 disturbed\n');
  expect(text).toContain('disturbed by shared-core (3 rows), cpu-steal (1 row): these rows count');
  expect(text).toMatch(/The most frequent reason is shared-core: .*dedicated cores.*docs\/noisy\.md/);
  expect(text).not.toContain('Again.');
  // Below a table, whose notes have said it.
  const below = said(disturbed, { explained: true });
  expect(below).toContain('The most frequent reason is shared-core, see its note above. docs/noisy.md');
  expect(below).not.toContain('dedicated cores');
  const more = said(disturbed, { marked: 5 });
  expect(more).toContain('12 of 12 rows: 7 clean, 5 disturbed\n');
  expect(more).toContain(
    'cpu-steal (1 row), neighbours that numbers are adjusted for considerably (2 rows): these rows count',
  );
});

test('invalid rows end with 4 and say how they are tried again; rows that are all clean say nothing', () => {
  const invalid = { complete: 11, invalid: 1, invalidBy: [{ code: 'not-known-here', points: 1 }] };
  expect(exitCodeOf(status(invalid))).toBe(4);
  expect(said(invalid)).toBe(
    '12 of 12 rows: 11 clean, 1 invalid\ninvalid by not-known-here (1 row): not to be compared. Again.\n',
  );
  expect(said({})).toBe('');
});

test('--strict asks for strict gates and leaves open what the file leaves open', () => {
  const written = openSweep('builtin:tiny');
  const { document, sweep } = strictSweep(written);
  expect(sweep.measure.gates).toBe('strict');
  expect(parseSweep(document)).toMatchObject({
    ok: true,
    sweep: { name: sweep.name, measure: { gates: 'strict' } },
  });
  expect(document).not.toContain('workloads');
});
