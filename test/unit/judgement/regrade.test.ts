import { describe, expect, test } from 'vitest';
import type { Gates } from '../../../core/experiment/experiment.js';
import type { ResultRecord } from '../../../core/result/result.js';
import {
  gradeOf,
  gradingCodesOf,
  type Severity,
  WARNINGS,
  type WarningCode,
  warn,
} from '../../../core/result/warnings.js';
import { regraded } from '../../../judgement/regrade.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';

const experiment = experimentOf({ quantization: 'q8_0', flashAttention: true, parallel: 1 });
const at = { experiment, position: 0, sweepName: 'graded' };

const claiming = (code: WarningCode, severity: Severity, valid: boolean): ResultRecord => ({
  ...completeTrial(at),
  warnings: [{ code, severity, message: '' }],
  valid,
});
const under = (gates: Gates) => ({
  experiment: { ...experiment, measure: { ...experiment.measure, gates } },
});

describe('grades', () => {
  test('the worst warning gives them, and strict gates take a disturbance for a fault', () => {
    const of = (...codes: WarningCode[]) => codes.map((code) => warn(code, ''));
    expect(gradeOf([], 'strict')).toBe('clean');
    expect(gradeOf(of('clock-change', 'power-cap'), 'strict')).toBe('clean');
    expect(gradeOf(of('clock-change', 'cpu-steal'), 'warn')).toBe('disturbed');
    expect(gradeOf(of('cpu-steal'), 'strict')).toBe('invalid');
    expect(gradeOf(of('cpu-steal', 'provider-fallback'), 'warn')).toBe('invalid');
    expect(gradingCodesOf(of('clock-change', 'cpu-steal', 'shared-core', 'cpu-steal'))).toEqual([
      'cpu-steal',
      'shared-core',
    ]);
    expect(gradingCodesOf(of('cpu-steal', 'provider-fallback'))).toEqual(['provider-fallback']);
  });

  test('of every code are those of the issue: what the machine did disturbs, what is not what the row says is a fault', () => {
    const graded = (wanted: string) =>
      Object.entries(WARNINGS).flatMap(([code, { severity }]) => (severity === wanted ? [code] : []));
    expect(graded('disturbed').sort()).toEqual([
      'cpu-steal',
      'distant-cores',
      'drift-trend',
      'foreign-process',
      'generator-late',
      'high-spread',
      'power-throttle',
      'quota-throttle',
      'shared-core',
      'thermal-throttle',
    ]);
    expect(graded('invalid').sort()).toEqual([
      'answers-differ',
      'clock-backwards',
      'length-forced',
      'most-failed',
      'nothing-served',
      'output-cached',
      'prompts-known',
      'provider-fallback',
      'rate-missed',
      'setting-not-held',
    ]);
  });
});

describe('a record', () => {
  test('is graded by its codes, whatever it says of itself', () => {
    const shared = claiming('shared-core', 'invalid', false);
    expect(regraded(shared)).toMatchObject({ valid: true, warnings: [{ severity: 'disturbed' }] });
    const claims = claiming('provider-fallback', 'note', true);
    expect(regraded(claims)).toMatchObject({ valid: false, warnings: [{ severity: 'invalid' }] });
    expect(regraded(failedTrial({ ...at, attempt: 1 })).valid).toBe(false);
    const fine = completeTrial(at);
    expect(regraded(fine)).toBe(fine);
  });
});

describe('strict gates', () => {
  const disturbed = completeTrial({ ...at, warnings: [warn('cpu-steal', '')] });

  test('are those that a trial was measured under, or those that who reads asks for', () => {
    expect(regraded(disturbed).valid).toBe(true);
    expect(regraded({ ...disturbed, ...under('strict') }).valid).toBe(false);
    const asked = regraded(disturbed, 'strict');
    expect(asked.valid).toBe(false);
    expect(asked.experiment).toEqual({ ...experiment, measure: { ...experiment.measure, gates: 'strict' } });
    expect(regraded(asked, 'warn')).toEqual(disturbed);
    expect(regraded(completeTrial(at), 'strict').valid).toBe(true);
  });
});
