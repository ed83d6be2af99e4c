import { expect, test } from 'vitest';
import { commonLength } from '../../../core/serving/shared-beginnings.js';
import { type Place, Places } from '../../../engines/runners/server/places.js';

const head = 'An instruction that all of them begin with. '.repeat(8);

test('prompts that begin alike go into one place in turn, and others beside it', async () => {
  const places = new Places(2);
  const first = (await places.take(`${head}one`))!;
  let second: Place | null = null;
  void places.take(`${head}two`).then((place) => {
    second = place;
  });
  const other = (await places.take('something else'))!;
  await new Promise(setImmediate);
  expect([first.index, other.index, second]).toEqual([0, 1, null]);
  other.free();
  await new Promise(setImmediate);
  expect(second).toBeNull();
  first.free();
  await new Promise(setImmediate);
  expect(second).toMatchObject({ index: 0 });
});

test('a server that shares what it keeps has no places to choose', async () => {
  expect(await new Places(null).take('x')).toBeNull();
  expect(commonLength('abc', 'abd')).toBe(2);
});
