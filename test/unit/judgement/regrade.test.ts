import { describe, expect, test } from 'vitest';
import type { Gates } from '../../../core/experiment/experiment.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { gradeOf, gradingCodesOf, WARNINGS, type WarningCode, warn } from '../../../core/result/warnings.js';
import { regraded } from '../../../judgement/regrade.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';

const experiment = experimentOf({ quantization: 'q8_0', flashAttention: true, parallel: 1 });
const at = { experiment, position: 0, sweepName: 'graded' };
type Old = { code: string; severity: string; message: string };

/** A record as a release wrote it whose catalogue was another one. */
const written = (warnings: readonly Old[], valid: boolean, changes: object = {}) =>
  ({ ...completeTrial(at), warnings, valid, ...changes }) as ResultRecord;
const under = (gates: Gates) => ({
  experiment: { ...experiment, measure: { ...experiment.measure, gates } },
});
const codes = ({ warnings }: ResultRecord) => warnings.map(({ code, severity }) => `${code} ${severity}`);

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

describe('records of before', () => {
  test('are graded by the codes of today, whatever they say of themselves', () => {
    const shared = written(
      [{ code: 'shared-core', severity: 'invalid', message: 'half of its core' }],
      false,
    );
    expect(regraded(shared)).toMatchObject({ valid: true, warnings: [{ severity: 'disturbed' }] });
    const claims = written([{ code: 'provider-fallback', severity: 'note', message: '' }], true);
    expect(regraded(claims)).toMatchObject({ valid: false, warnings: [{ severity: 'invalid' }] });
    expect(regraded(failedTrial({ ...at, attempt: 1 })).valid).toBe(false);
    const fine = completeTrial(at);
    expect(regraded(fine)).toBe(fine);
  });

  test('a code that was of two things is told apart by what it said, or by what was asked', () => {
    const throttled = (message: string) =>
      codes(regraded(written([{ code: 'power-throttle', severity: 'invalid', message }], false)));
    expect(throttled('software power cap in 3 of 50 readings while measuring')).toEqual(['power-cap note']);
    expect(throttled('hardware power brake in 3 of 50 readings')).toEqual(['power-throttle disturbed']);
    expect(throttled('software power cap, hardware power brake in 3 of 50')).toEqual([
      'power-throttle disturbed',
    ]);
    const short = (kind: string, exactLength: boolean) =>
      regraded(
        written([{ code: 'length-mismatch', severity: 'note', message: '50 %' }], true, {
          experiment: {
            ...experiment,
            runner: { kind, options: {} },
            workload: { kind: 'serving', options: { exactLength } },
          },
        }),
      );
    expect(codes(short('vllm', true))).toEqual(['length-forced invalid']);
    expect(short('vllm', true).valid).toBe(false);
    expect(codes(short('vllm', false))).toEqual(['length-mismatch note']);
    expect(codes(short('openai', true))).toEqual(['length-mismatch note']);
  });

  test('of a newer release keep what it said of a code that is not known here', () => {
    const newer = written([{ code: 'not-yet-known', severity: 'invalid', message: '' }], false);
    expect(regraded(newer)).toBe(newer);
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
