import { describe, expect, test } from 'vitest';
import { driftOf } from '../../../core/judgement/drift.js';
import { recordFront } from '../../../core/judgement/pareto.js';
import { bestTrial, compareTrials, repeatSamples, trialSamples } from '../../../core/judgement/trials.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { calmInput, phasesOf, recordOf } from './trace.js';

/** A trial that is `slower` times slower than the calm one, with a little noise of its own. */
function trial(trialId: string, slower = 1, changes: Partial<ResultRecord> = {}): ResultRecord {
  const phases = phasesOf((r) => slower * (1 + ((r * 7) % 3) / 1000));
  return recordOf(calmInput({ phases, samples: [] }), { trialId, ...changes });
}

describe('which trial speaks for an experiment', () => {
  const failed = recordOf(calmInput({ outcome: null }), { trialId: 'failed' });
  const invalid = trial('invalid', 1, { valid: false });

  test('the first complete valid one, however fast later ones are', () => {
    expect(bestTrial([failed, invalid, trial('a'), trial('b', 0.5)])?.trialId).toBe('a');
    expect(bestTrial([failed, invalid])?.trialId).toBe('invalid');
    expect(bestTrial([failed])).toBeNull();
    expect(bestTrial([])).toBeNull();
  });

  test('three valid trials on both sides are compared as trials, else the repeats of one', () => {
    const metric = 'decodeTokensPerSecond';
    const base = [trial('a'), invalid, trial('b', 1.01), trial('c', 0.99)];
    const slow = [trial('d', 1.3), trial('e', 1.29), trial('f', 1.31)];
    expect(compareTrials(base, slow, metric)).toMatchObject({ unit: 'trial', verdict: 'slower' });
    expect(trialSamples(base, metric)).toHaveLength(3);
    const few = compareTrials(base, slow.slice(0, 2), metric);
    expect(few).toMatchObject({ unit: 'repeat', verdict: 'slower' });
    expect(few.ratio).toBeCloseTo(1 / 1.3, 3);
    expect(repeatSamples(base, metric)).toHaveLength(5);
  });

  test('seconds and bytes are better when smaller; what is missing is unclear', () => {
    expect(compareTrials([trial('a')], [trial('b', 1.3)], 'timeToFirstTokenSeconds').verdict).toBe('slower');
    expect(compareTrials([trial('a')], [trial('b')], 'energyJoules')).toMatchObject({
      verdict: 'unclear',
      reason: 'one side has no values',
    });
    expect(repeatSamples([trial('a')], 'modelBytes')).toEqual([8_500_000]);
    expect(repeatSamples([failed], 'modelBytes')).toEqual([]);
  });

  test('invalid and failed trials are never on the Pareto front', () => {
    const marks = recordFront(
      [invalid, trial('slow', 2), trial('fast'), failed],
      [
        { metric: 'decodeTokensPerSecond', better: 'max' },
        { metric: 'modelBytes', better: 'min' },
      ],
    );
    expect(marks.map((m) => m.onFront)).toEqual([false, false, true, false]);
    expect(marks[1]!.dominatedBy).toBe(2);
  });
});

describe('drift of the control', () => {
  const sweep = (block: number, purpose: 'measure' | 'control') => ({
    id: 's1',
    name: 'test',
    position: 0,
    block,
    purpose,
    attempt: 1,
  });
  const at = (minute: number) => ({ startedAt: `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z` });

  test('marks every trial of the block whose control changed, and no other', () => {
    const records = [
      trial('c2', 1.1, { sweep: sweep(0, 'control'), ...at(9) }),
      trial('c1', 1, { sweep: sweep(0, 'control'), ...at(1) }),
      trial('m1', 1, { sweep: sweep(0, 'measure'), ...at(5) }),
      trial('d1', 1, { sweep: sweep(1, 'control'), ...at(11) }),
      trial('m2', 1, { sweep: sweep(1, 'measure'), ...at(15) }),
      trial('d2', 1.001, { sweep: sweep(1, 'control'), ...at(19) }),
      trial('e1', 1, { sweep: sweep(2, 'control'), ...at(20) }),
    ];
    const drift = driftOf(records);
    expect([...drift.keys()].sort()).toEqual(['c1', 'c2', 'm1']);
    const warnings = drift.get('m1')!;
    expect(warnings.map((w) => w.code)).toEqual(['drift', 'drift']);
    expect(warnings[0]!.message).toMatch(/prefill t\/s changed by −9\.1 %/);
    expect(warnings[0]!.severity).toBe('note');
  });

  test('blocks of different nodes do not mix', () => {
    const other = { name: 'n2', hostname: 'n2', cpuModel: 'test', cores: 4, memoryBytes: 8e9 };
    const records = [
      trial('a', 1, { sweep: sweep(0, 'control'), ...at(1) }),
      trial('b', 2, { sweep: sweep(0, 'control'), ...at(2), node: other }),
    ];
    expect(driftOf(records).size).toBe(0);
  });
});
