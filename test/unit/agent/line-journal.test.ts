import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LineJournal, type Range } from '../../../agent/lines/journal.js';
import { temporaryFolder } from '../../support/folder.js';

interface Said {
  readonly n: number;
  readonly sitting: number;
}

function open(path: string, identity = 'a') {
  const seen: number[] = [];
  const journal = new LineJournal<Said>(path, {
    head: { journal: 1, identity },
    read(text) {
      try {
        const value = JSON.parse(text) as Said;
        return typeof value.n === 'number' ? value : null;
      } catch {
        return null;
      }
    },
    note({ n, sitting }) {
      seen.push(n);
      return sitting;
    },
  });
  return { journal, seen };
}

test('whoever opens it again goes on behind the last whole line; another head begins anew', () => {
  const path = join(temporaryFolder(), 'deep', 'journal.jsonl');
  const first = open(path);
  expect(first.journal.sitting).toBe(0);
  for (const n of [1, 2]) first.journal.append({ n, sitting: 0 });
  first.journal.close();
  appendFileSync(path, '{"n":3,"sitt');

  const second = open(path);
  expect([second.journal.sitting, second.seen]).toEqual([1, [1, 2]]);
  const place: Range = second.journal.append({ n: 4, sitting: 1 });
  expect([...second.journal.values()].map(({ n }) => n)).toEqual([1, 2, 4]);
  expect([...second.journal.values(place)].map(({ n }) => n)).toEqual([4]);
  second.journal.close();
  expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(4);

  const third = open(path);
  expect([third.journal.sitting, third.seen]).toEqual([2, [1, 2, 4]]);
  third.journal.close();
  const other = open(path, 'b');
  expect([other.journal.sitting, other.seen, [...other.journal.values()]]).toEqual([0, [], []]);
  other.journal.close();
});
