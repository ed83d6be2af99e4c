import { describe, expect, test } from 'vitest';
import { duration, type Pace, secondsLeft, settledOf, stillRuns } from '../../../report/time-left.js';

const PACE: Pace = {
  points: 10,
  complete: 3,
  invalid: 1,
  failed: 2,
  trialsLeft: 4,
  running: [],
  trialSeconds: 60,
};
const running = (...seconds: number[]) => seconds.map((elapsedSeconds) => ({ elapsedSeconds }));

test('points that are complete, invalid or failed are settled', () => {
  expect(settledOf(PACE)).toBe(6);
});

describe('the time that is left', () => {
  test('is the trials that are left at the pace of those that ended', () => {
    expect(secondsLeft(PACE)).toBe(240);
    expect(secondsLeft({ ...PACE, trialsLeft: 0, trialSeconds: null })).toBe(0);
  });

  test('is shared by what runs side by side, without what that has spent', () => {
    expect(secondsLeft({ ...PACE, running: running(10, 50) })).toBe((240 - 60) / 2);
  });

  test('counts a trial that is late as nearly done, and no more', () => {
    expect(secondsLeft({ ...PACE, running: running(600) })).toBe(180);
  });

  test('is not known before the first trial ended', () => {
    expect(secondsLeft({ ...PACE, trialSeconds: null, running: running(5) })).toBeNull();
  });
});

test.each([
  [-3, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [125, '2 min 05 s'],
  [569, '9 min 29 s'],
  [570, '10 min'],
  [59 * 60, '59 min'],
  [59.6 * 60, '1 h 00 min'],
  [3 * 3600 + 300, '3 h 05 min'],
  [47.9 * 3600, '47 h 54 min'],
  [48 * 3600, '2 d 0 h'],
  [76 * 3600, '3 d 4 h'],
])('%d s read as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('a pause says what it leaves going on', () => {
  expect(stillRuns(0)).toBe('nothing of it runs');
  expect(stillRuns(1)).toBe('the trial that runs is finished');
  expect(stillRuns(2)).toBe('the 2 trials that run are finished');
});
