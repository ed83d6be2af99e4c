import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProgressPace } from '../../../agent/progress-pace.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test('the last progress of a trial is passed on though it came soon after another and nothing follows; none once it is over', () => {
  const passed: string[] = [];
  const pace = new ProgressPace<string>(1, (progress) => passed.push(progress));
  pace.say('a', 'the trial');
  pace.say('a', 'load');
  pace.say('a', 'warm-up');
  pace.say('b', 'the quantization');
  expect(passed).toEqual(['the trial', 'the quantization']);
  vi.advanceTimersByTime(1000);
  expect(passed.slice(2)).toEqual(['warm-up']);
  // The next period began with that.
  pace.say('a', 'prefill');
  vi.advanceTimersByTime(900);
  expect(passed.slice(3)).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(passed.slice(3)).toEqual(['prefill']);

  pace.say('a', 'decode');
  pace.forget('a');
  vi.advanceTimersByTime(5000);
  expect(passed.slice(4)).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  pace.say('a', 'load');
  expect(passed.slice(4)).toEqual(['load']);
});
