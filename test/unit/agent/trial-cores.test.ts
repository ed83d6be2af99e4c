import { describe, expect, test } from 'vitest';
import { liesAsUsual } from '../../../agent/cores/usual.js';
import type { CoresFound } from '../../../agent/native/cores.js';
import { type TrialCores, trialCores } from '../../../agent/trial/cores.js';
import type { TrialReport } from '../../../agent/trial/job.js';
import { policy } from '../judgement/trace.js';

const usualCores = { widths: { 0: 9.7, 1: 9.7 }, latencies: { '0-1': 1e-7 } };
const near: CoresFound = { widths: [9.7, 9.7], latencies: [1e-7] };
const far: CoresFound = { widths: [9.7, 9.7], latencies: [5e-7] };
const shared: CoresFound = { widths: [9.7, 4.9], latencies: [1e-7] };

/** Settles where the cores lie so, after one rest or reading after the other and the last for ever. */
async function settled(
  found: CoresFound[],
  {
    request = {},
    stop = null,
    by = 'rests',
    afterwards = () => {},
  }: {
    request?: object;
    stop?: string | null;
    by?: 'rests' | 'readings';
    afterwards?: (cores: TrialCores) => void;
  } = {},
) {
  const sent: TrialReport[] = [];
  let [asked, rests, waited] = [0, 0, 0];
  const cores = await trialCores(
    {
      ...{ deviceClass: 'cpu', cpus: [0, 1], measure: policy, usualCores },
      ...{ runner: { kind: 'llama-cpp', options: {} }, ...request },
    },
    { send: (report) => void sent.push(report), stopReason: () => stop },
    async () => () => {
      const at = { rests, readings: asked++ }[by];
      return found[Math.min(at, found.length - 1)]!;
    },
    async (seconds) => {
      rests++;
      waited += seconds;
    },
  );
  await cores.settle();
  afterwards(cores);
  return { sent, asked, waited };
}

describe('after a repeat', () => {
  const look = async (found: CoresFound[]) => {
    const { sent, asked } = await settled(found, { by: 'readings', afterwards: (cores) => cores.look() });
    return { told: sent.at(-1), asked: asked - 1 };
  };

  test('what somebody else has of a core is told as it is seen first: he may be gone when one looks again', async () => {
    expect(await look([near, shared, near])).toMatchObject({ asked: 1, told: shared });
  });

  test.each([
    ['lie far from each other', far],
    ['are on one core, for one of them just woke up', { widths: [4.9, 4.9], latencies: [0.5e-7] }],
  ])('CPUs that %s are asked again at once', async (_, found) => {
    expect(await look([near, found, found, near])).toMatchObject({ asked: 3, told: near });
  });
});

describe('before a trial is measured', () => {
  test('CPUs that lie as usual are not waited for, and how they lie is told', async () => {
    const { sent, waited } = await settled([near]);
    expect(waited).toBe(0);
    expect(sent).toMatchObject([{ type: 'cores', ...near }]);
  });

  test.each([
    ['far from each other', far],
    ['on a core with somebody else', shared],
  ])('CPUs %s are waited for until they are back, and only that is told', async (_, apart) => {
    const { sent, waited } = await settled([apart, apart, near]);
    expect(waited).toBe(1);
    expect(sent).toMatchObject([{ type: 'cores', ...near }]);
  });

  test('CPUs that share a core only until their host has seen them busy are read again at once', async () => {
    const { sent, waited, asked } = await settled([shared, shared, near], { by: 'readings' });
    expect([waited, asked]).toEqual([0, 3]);
    expect(sent).toMatchObject([{ type: 'cores', ...near }]);
  });

  test('the wait has an end, at once where the trial is to stop; then they are told as they lie', async () => {
    expect(await settled([far])).toMatchObject({ waited: 5, sent: [{ type: 'cores', ...far }] });
    expect(await settled([far], { stop: 'cancelled' })).toMatchObject({ waited: 0, sent: [far] });
  });

  test('nothing is waited for where nothing is known, nor asked where the trial runs elsewhere', async () => {
    expect(await settled([far], { request: { usualCores: undefined } })).toMatchObject({
      waited: 0,
      sent: [far],
    });
    const fake = { runner: { kind: 'fake', options: {} } };
    for (const request of [{ deviceClass: 'cuda' }, { measure: { ...policy, meters: 'off' } }, fake])
      expect(await settled([far], { request })).toMatchObject({ asked: 0, sent: [] });
  });

  test('one thread waits for no other, and not for CPUs that lie apart either', async () => {
    const request = { runner: { kind: 'llama-cpp', options: { threads: 1 } } };
    expect(await settled([far], { request })).toMatchObject({ waited: 0, sent: [far] });
    expect(await settled([shared, near], { request })).toMatchObject({ waited: 0.5, sent: [near] });
  });

  test('what a policy allows is not waited for', async () => {
    const allowed = { ...policy, maxCoreLatencyRatio: 10, maxStealRatio: 0.6 };
    for (const apart of [far, shared])
      expect(await settled([apart, near], { request: { measure: allowed } })).toMatchObject({ waited: 0 });
  });

  test('of several pairs and CPUs none may be out of place', () => {
    const cpus = [0, 1, 2];
    const widths = [9.7, 9.7, 9.7];
    const usual = { widths: { 2: 9.7 }, latencies: { '0-1': 1e-7, '1-2': 4e-7 } };
    expect(liesAsUsual({ cpus, widths, latencies: [1e-7, 4e-7] }, usual, policy)).toBe(true);
    expect(liesAsUsual({ cpus, widths, latencies: [4e-7, 1e-7] }, usual, policy)).toBe(false);
    expect(liesAsUsual({ cpus, widths: [1, 1, 5], latencies: [1e-7, 4e-7] }, usual, policy)).toBe(false);
  });
});
