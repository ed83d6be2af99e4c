import { expect, test } from 'vitest';
import { parseSweep } from '../../../core/sweep/parse.js';
import { file, sweepOf } from './documents.js';

/** @returns errors of a sweep, each behind the key that it is about. */
function errorsOf(spec: Record<string, unknown>): string[] {
  const parsed = parseSweep(file(spec));
  return parsed.ok ? [] : parsed.diagnostics.map(({ path, message }) => `${path}: ${message}`);
}

const none = (where: string, why: string) => `${where}: no row will have a number for it: ${why}`;
const SERVED = { runners: { kind: 'simulated-server' }, workloads: { kind: 'serving' } };

test.each<[string, Record<string, unknown>, string[]]>([
  [
    'quality that nobody asks for',
    { objectives: { perplexity: 'min', taskScoreRatio: 'max' } },
    [
      none(
        'spec.objectives.perplexity',
        'the sweep asks for no text: set quality.text, such as builtin:sample, or remove it here',
      ),
      none(
        'spec.objectives.taskScoreRatio',
        'the sweep asks no tasks: name some under quality.tasks, or remove it here',
      ),
    ],
  ],
  [
    'a base that answers are not compared with',
    {
      quality: { text: 'builtin:sample', base: false },
      objectives: { klDivergenceNats: 'min', perplexity: 'min' },
    },
    [none('spec.objectives.klDivergenceNats', 'quality.base is false: set it to true, or remove it here')],
  ],
  [
    'a metric of another workload, also as a bound',
    {
      objectives: { decodeTokensPerSecond: 'max' },
      search: { constraints: { systemTokensPerSecond: { atLeast: 1 } } },
    },
    [
      none(
        'spec.search.constraints.systemTokensPerSecond',
        'only the workload serving has it, and this sweep has latency; name a metric of that, such as decodeTokensPerSecond',
      ),
    ],
  ],
  [
    'what the options of the workload leave out',
    { workloads: { kind: 'latency', generateTokens: 0 }, objectives: { decodeTokensPerSecond: 'max' } },
    [
      none(
        'spec.objectives.decodeTokensPerSecond',
        'generateTokens is 0 in the workload latency; change that, or remove it here',
      ),
    ],
  ],
  [
    'goodput without an objective of latency',
    { ...SERVED, objectives: { goodputRequestsPerSecond: 'max' } },
    [
      none(
        'spec.objectives.goodputRequestsPerSecond',
        'slo is left out in the workload serving; change that, or remove it here',
      ),
    ],
  ],
  [
    'energy without meters, also as a budget',
    {
      measure: { meters: 'off' },
      objectives: { energyJoules: 'min' },
      search: { budget: { joules: 100 } },
    },
    ['spec.objectives.energyJoules', 'spec.search.budget.joules'].map((where) =>
      none(where, 'measure.meters is off, so that no energy is read; turn them on, or remove it here'),
    ),
  ],
  [
    'what one of several workloads has',
    {
      workloads: [{ kind: 'latency', generateTokens: 0 }, { kind: 'latency' }],
      objectives: { decodeTokensPerSecond: 'max' },
    },
    [],
  ],
])('a sweep is refused for %s', (_what, spec, errors) => {
  expect(errorsOf(spec)).toEqual(errors);
});

test('where a file names none, objectives are such that rows have', () => {
  const objectivesOf = (workloads: Record<string, unknown>) =>
    sweepOf(file({ workloads })).objectives.map(({ metric, better }) => `${metric} ${better}`);
  expect(objectivesOf({ kind: 'latency' })).toEqual(['decodeTokensPerSecond max']);
  expect(objectivesOf({ kind: 'latency', generateTokens: 0 })).toEqual(['prefillTokensPerSecond max']);
});
