import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareExperiments } from '../../../core/judgement/trials.js';
import type { Row } from '../../../report/rows.js';
import { type Run, runAgain } from '../reproduce/runs.js';

const METRIC = 'decodeTokensPerSecond';
/** Of the runner that waits as long as it is told. */
const SPEED = 1000;

/** Twins with the same speed, and of each one whose every step really takes longer by a share. */
export interface Delayed {
  readonly base: readonly Row[];
  readonly slower: ReadonlyMap<number, readonly Row[]>;
}

/** Runs one sweep of the fake runner: every twin at full speed and at each slowdown, so many starts each, in blocks that all share. */
export function runDelayed(
  out: string,
  {
    twins,
    starts,
    slowdowns,
  }: { readonly twins: number; readonly starts: number; readonly slowdowns: readonly number[] },
  say: (line: string) => void,
): Delayed {
  const speedOf = (slowdown: number) => Math.round(SPEED * (1 - slowdown));
  const sweep = join(out, 'delay.yaml');
  mkdirSync(out, { recursive: true });
  writeFileSync(
    sweep,
    JSON.stringify({
      apiVersion: 'ridgepoint.dev/v1',
      kind: 'Sweep',
      metadata: { name: 'delay' },
      spec: {
        models: 'builtin:tiny',
        runners: [{ kind: 'fake', fakeDecodeTokensPerSecond: [0, ...slowdowns].map(speedOf) }],
        workloads: [
          {
            ...{ kind: 'latency', generateTokens: 32 },
            promptTokens: Array.from({ length: twins }, (_, i) => 8 + i),
          },
        ],
        measure: { starts, minRepeats: 3, maxRepeats: 5, maxWarmups: 1, maxSeconds: 1 },
      },
    }),
  );
  const [run] = runAgain(sweep, join(out, 'delay'), 1, say);
  const rows = (slowdown: number) => rowsAt(run!, speedOf(slowdown));
  return { base: rows(0), slower: new Map(slowdowns.map((slowdown) => [slowdown, rows(slowdown)])) };
}

const rowsAt = ({ report }: Run, speed: number): Row[] =>
  report.rows.filter(
    ({ state, experiment }) =>
      state === 'valid' && experiment.runner.options.fakeDecodeTokensPerSecond === speed,
  );

/** Share of twins, so many starts each, that a comparison calls different. */
export function foundAmong(base: readonly Row[], candidate: readonly Row[], starts: number): number {
  const promptOf = (row: Row) => row.experiment.workload.options.promptTokens;
  const pairs = base.flatMap((row) => {
    const twin = candidate.find((other) => promptOf(other) === promptOf(row) && other !== row);
    return twin === undefined ? [] : [[row, twin] as const];
  });
  return share(pairs, starts);
}

/** The same of rows that differ in nothing that takes time in a step: each against its neighbour. */
export function foundAmongEqual(base: readonly Row[], starts: number): number {
  return share(
    base.slice(1).map((row, i) => [base[i]!, row] as const),
    starts,
  );
}

function share(pairs: readonly (readonly [Row, Row])[], starts: number): number {
  const found = pairs.filter(([a, b]) => {
    const { p } = compareExperiments(a.starts.slice(0, starts), b.starts.slice(0, starts), METRIC);
    return p !== null && p < 0.05;
  });
  return found.length / pairs.length;
}
