import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { everyTick } from '../../../process/isolation/ticker.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('beats of several periods, begun whenever, share their wake-ups and keep their time', async () => {
  const wakeUps = new Set<number>();
  const counts = { fast: 0, slow: 0, late: 0 };
  const beat = (name: keyof typeof counts, periodSeconds: number) =>
    everyTick(periodSeconds, () => {
      counts[name] += 1;
      wakeUps.add(Math.round(monotonicSeconds() * 1000));
    });
  const ends = [beat('fast', 0.1), beat('slow', 0.5)];
  await vi.advanceTimersByTimeAsync(37);
  ends.push(beat('late', 0.1));
  await vi.advanceTimersByTimeAsync(1963);
  expect(counts).toEqual({ fast: 20, slow: 4, late: 20 });
  expect(wakeUps.size).toBe(20);
  for (const end of ends) end();
  expect(vi.getTimerCount()).toBe(0);
});

test('an ended beat is silent at once, even when another one ends it in the same wake-up', async () => {
  let calls = 0;
  const end = everyTick(0.1, () => endOther());
  const endOther = everyTick(0.1, () => {
    calls += 1;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(0);
  end();
  expect(vi.getTimerCount()).toBe(0);
});

test('one that begins while a later one is waited for is not late', async () => {
  let calls = 0;
  const ends = [everyTick(1000, () => {}), everyTick(0.05, () => (calls += 1))];
  await vi.advanceTimersByTimeAsync(500);
  expect(calls).toBe(10);
  for (const end of ends) end();
});
