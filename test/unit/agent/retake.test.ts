import { expect, test } from 'vitest';
import { Retaking } from '../../../agent/cores/retake.js';

/** A machine whose other processes use so many cores in each turn, as readings before and after it say. */
function machine(foreignCores: readonly number[]) {
  let reading = 0;
  let [seconds, busyCpuSeconds] = [0, 0];
  return () => {
    if (reading++ % 2 === 1) {
      seconds += 1;
      busyCpuSeconds += foreignCores[Math.floor((reading - 1) / 2)] ?? 0;
    }
    return { seconds, busyCpuSeconds, stealCpuSeconds: 0, totalCpuSeconds: 2 * seconds, ownCpuSeconds: 0 };
  };
}

test('a stretch is taken again until nothing else uses the machine', async () => {
  let turn = 0;
  const retaking = new Retaking(60, undefined, machine([1.5, 0.5, 0, 1]));
  expect(await retaking.take(2, () => ++turn)).toEqual([1, 2, 3]);
  expect(retaking.disturbed).toBeNull();
});

test('without a budget for another turn it is marked with the reason', async () => {
  const retaking = new Retaking(0, undefined, machine([0, 1.5, 0]));
  for (const name of ['quiet', 'loud', 'quiet again'])
    expect(await retaking.take(2, () => name)).toEqual([name]);
  expect(retaking.disturbed).toMatch(
    /^1 of 3 stretches of benches were disturbed in every turn: other processes used 1\.50 cores/,
  );
});

test('a stretch after which CPUs lie elsewhere is taken again, and each begins where they lie as usual', async () => {
  const far = [['the core-to-core latency was 5 times the usual'], []];
  let settled = 0;
  const cores = { settle: async () => void settled++, disturbed: () => far.shift() ?? [] };
  const retaking = new Retaking(60, cores, machine([0, 0]));
  let turn = 0;
  expect(await retaking.take(2, () => ++turn)).toEqual([1, 2]);
  expect(settled).toBe(2);
  expect(retaking.disturbed).toBeNull();
});

test('waiting is on the same budget: when it is spent nothing is waited for', async () => {
  let settled = 0;
  const settle = async () => {
    settled++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const retaking = new Retaking(0.01, { settle, disturbed: () => [] }, machine([0, 0, 0]));
  for (let stretch = 0; stretch < 3; stretch++) await retaking.take(2, () => stretch);
  expect(settled).toBe(1);
});
