import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { followed, leftOf, sweepLeft, TimePromise } from '../../../cli/run/time-promise.js';
import { crowding } from '../../../process/device/crowding.js';
import { temporaryFolder } from '../../support/folder.js';

function promised(limit: number) {
  const said: string[] = [];
  const at = { now: 0 };
  const promise = new TimePromise(
    (sentence) => said.push(sentence),
    () => at.now,
  );
  promise.promise(limit);
  const look = (now: number) => {
    at.now = now;
    promise.look();
    return said;
  };
  return { promise, look };
}

const rows = { points: 2, starts: 1, trialsLeft: 2, trialSeconds: null, running: [] };

test('a promise that can be kept is silent to its last second', () => {
  const { promise, look } = promised(20);
  promise.expect(() => leftOf('no trial has begun yet', 10, 5));
  expect(look(14)).toEqual([]);
  promise.expect(() => followed(sweepLeft({ ...rows, trialsLeft: 0, trialSeconds: 4 }, 5), 2));
  expect(look(20)).toEqual([]);
  promise.end();
});

test('a promise is lost as soon as the first starts that are left cannot be made in it, and the new one holds', () => {
  const { promise, look } = promised(20);
  promise.expect(() => followed(sweepLeft({ ...rows, trialsLeft: 1, trialSeconds: 64 }, 5), 2));
  expect(look(0)).toEqual([
    'it takes longer than the 20 s that were promised, for 1 of 2 rows has no start yet: about 1 min 06 s, at most 1 min 23 s in all',
  ]);
  expect(look(12)).toHaveLength(1);
  expect(look(95)).toHaveLength(2);
  promise.end();
});

test('a first start that is late takes as long again, for all that is known', () => {
  const running = [{ elapsedSeconds: 18 }];
  const late = sweepLeft({ ...rows, running }, 5);
  expect(late.least).toBe(5);
  expect(late.likely).toBe(2 * 36 - 18);
});

test('starts after the first are no reason, for they are left out where time is short', () => {
  const sweep = { ...rows, starts: 3, trialsLeft: 4, trialSeconds: 64, running: [{ elapsedSeconds: 3 }] };
  expect(sweepLeft(sweep, 5)).toMatchObject({ least: 0, likely: 0 });
});

test('where nothing was promised nothing is lost', () => {
  const { promise, look } = promised(20);
  promise.end();
  promise.expect(() => leftOf('no trial has begun yet', 100, 0));
  expect(look(90)).toEqual([]);
  expect(promise.left).toBeNull();
});

test('crowding is what the scheduler says of the main thread, and 1 where it says nothing', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'self'));
  const says = (text: string) => {
    writeFileSync(join(folder, 'self/schedstat'), text);
    return crowding(folder);
  };
  expect(says('2000000000 12000000000 900\n')).toBe(7);
  expect(says('1000000 12000000000 3\n')).toBe(1);
  expect(crowding(join(folder, 'absent'))).toBe(1);
});
