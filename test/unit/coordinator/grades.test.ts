import { describe, expect, test } from 'vitest';
import type { Ending } from '../../support/wire-records.js';
import { aView, runAll, Simulation, status, type ViewChange } from './simulation.js';

/** Runs a sweep in which every start ends alike. @returns the attempts of its leases. */
function attempts(sim: Simulation, view: ViewChange, ending: Ending): number[] {
  sim.submit(aView({ count: 1, ...view }));
  return runAll(sim, 'node-a', () => ending).map(({ attempt }) => attempt);
}

const joined = (): Simulation => {
  const sim = new Simulation();
  sim.join();
  return sim;
};
const shared: Ending = { warnings: ['clock-change', 'shared-core', 'cpu-steal'] };
const THREE = { starts: 3, maxStarts: 3, retryInvalid: 2 };

describe('a start that was disturbed', () => {
  test('counts, and nothing is tried again for it: the row is complete, with every reason of any of its starts', () => {
    const sim = joined();
    sim.submit(aView({ count: 2, startsPolicy: THREE }));
    const leases = runAll(sim, 'node-a', ({ position, start }) =>
      position === 0 && start === 2
        ? shared
        : position === 0 && start === 3
          ? { warnings: ['high-spread'] }
          : {},
    );
    expect(leases).toHaveLength(6);
    expect(status(sim)).toMatchObject({
      state: 'done',
      complete: 2,
      disturbed: 1,
      invalid: 0,
      invalidBy: [],
      disturbedBy: expect.arrayContaining([
        { code: 'shared-core', points: 1 },
        { code: 'cpu-steal', points: 1 },
        { code: 'high-spread', points: 1 },
      ]),
    });
  });

  test('is a fault under strict gates: tried again, and without a better one the row is invalid by all of it', () => {
    const sim = joined();
    const strict = { gates: 'strict', startsPolicy: { ...THREE, starts: 1, maxStarts: 1 } } as const;
    expect(attempts(sim, strict, shared)).toEqual([1, 2, 3]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 0, invalid: 1, disturbed: 0 });
    expect(status(sim).invalidBy).toEqual([
      { code: 'shared-core', points: 1 },
      { code: 'cpu-steal', points: 1 },
    ]);
  });

  test('says the same after a restart', () => {
    const sim = joined();
    attempts(sim, { startsPolicy: THREE }, shared);
    const before = status(sim);
    sim.restart();
    expect(status(sim)).toEqual(before);
    expect(before).toMatchObject({ complete: 1, disturbed: 1 });
  });
});

describe('experiments measured under other gates are the same ones', () => {
  test('a strict sweep takes over what was clean, and a usual one what strict gates let through', () => {
    const sim = joined();
    sim.submit(aView({ sweepId: 's1', count: 2 }));
    runAll(sim, 'node-a', ({ position }) => (position === 0 ? shared : {}));
    sim.submit(aView({ sweepId: 's2', count: 2, gates: 'strict' }));
    expect(runAll(sim).map(({ position }) => position)).toEqual([0]);
    expect(status(sim, 's2')).toMatchObject({ complete: 2, disturbed: 0, reused: 1 });
    sim.submit(aView({ sweepId: 's3', count: 2 }));
    expect(runAll(sim)).toEqual([]);
    expect(status(sim, 's3')).toMatchObject({ complete: 2, reused: 2 });
  });

  test('a disturbed start that is taken over disturbs the row that takes it', () => {
    const sim = joined();
    attempts(sim, { sweepId: 's1' }, shared);
    attempts(sim, { sweepId: 's2' }, {});
    expect(status(sim, 's2')).toMatchObject({ complete: 1, reused: 1, disturbed: 1 });
  });
});
