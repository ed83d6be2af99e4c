import { describe, expect, test } from 'vitest';
import { trialPower } from '../../../report/phase-power.js';
import { calmInput, recordOf, samplesWith, TRUTH, type TrialChanges } from '../judgement/trace.js';

const powerOf = (changes: Partial<TrialChanges> = {}) => trialPower(recordOf(calmInput(changes)));
const byName = (changes: Partial<TrialChanges> = {}) =>
  Object.fromEntries(powerOf(changes)!.byName.map((one) => [one.name, one]));

describe('what phases took', () => {
  test('is told of all phases of one name together, with their mean power', () => {
    const { prefill, decode } = byName();
    expect(prefill).toMatchObject({ count: 5, known: 5, reason: null });
    expect(prefill!.seconds).toBeCloseTo(5 * TRUTH.prefillSeconds, 9);
    expect(prefill!.joules).toBeCloseTo(5 * 2 * 200, 6);
    expect(prefill!.watts).toBeCloseTo(200, 6);
    expect(decode!.watts).toBeCloseTo(120, 6);
  });

  test('is net of what the idle machine would have taken', () => {
    expect(powerOf()).toMatchObject({ source: 'counter:gpu', idleWatts: 50 });
    expect(byName().prefill!.netJoules).toBeCloseTo(5 * 2 * (200 - 50), 6);
    expect(powerOf({ idleWatts: {} })!.idleWatts).toBeNull();
    expect(byName({ idleWatts: {} }).prefill!.netJoules).toBeNull();
  });

  test('is told phase by phase, too', () => {
    const second = powerOf()!.single.filter(({ phase }) => phase.name === 'decode')[1]!;
    expect(second.joules).toBeCloseTo(4 * 120, 6);
    expect(second.reason).toBeNull();
  });

  test('leaves out phases whose energy was not read, and says why', () => {
    const late = samplesWith({}).map((series) => ({
      ...series,
      seconds: series.seconds.filter((at) => at > 12),
      values: series.values.filter((_, i) => series.seconds[i]! > 12),
    }));
    const { prefill } = byName({ samples: late });
    expect(prefill!.count).toBe(5);
    expect(prefill!.known).toBe(3);
    expect(prefill!.joules).toBeCloseTo(3 * 400, 6);
    expect(prefill!.watts).toBeCloseTo(200, 6);
    expect(prefill!.reason).not.toBeNull();
  });
});

test('without a source there is nothing to tell', () => {
  expect(powerOf({ samples: samplesWith({ 'energyJoules:gpu': null, 'powerWatts:gpu': null }) })).toBeNull();
});
