import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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

describe('a summary of the lines so far', () => {
  const PIECE = 'x'.repeat(300_000);

  /** Lines of 300 kB, whose summary is their number and sum. */
  function summed(path: string) {
    const seen: number[] = [];
    let [count, sum] = [0, 0];
    const journal = new LineJournal<Said>(path, {
      head: { journal: 1 },
      read: (text) =>
        (JSON.parse(text) as Partial<Said>).n === undefined ? null : (JSON.parse(text) as Said),
      note({ n, sitting }) {
        seen.push(n);
        [count, sum] = [count + 1, sum + n];
        return sitting;
      },
      summary: {
        give: () => ({ count, sum }),
        take(given) {
          const known = given as { count: number; sum: number };
          if (!Number.isFinite(known.count)) throw new Error('it is another one');
          ({ count, sum } = known);
        },
      },
    });
    const add = (n: number) => {
      const said = { n, sitting: journal.sitting, text: PIECE };
      journal.append(said);
      [count, sum] = [count + 1, sum + n];
    };
    return { journal, seen, add, known: () => [count, sum] };
  }

  test('spares whoever opens it again the lines before it, at whatever byte it was cut', () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    const first = summed(path);
    for (let n = 1; n <= 10; n++) first.add(n);
    first.journal.close();
    const whole = readFileSync(path);

    const second = summed(path);
    expect(second.seen.length).toBeLessThan(5);
    expect([second.known(), second.journal.sitting]).toEqual([[10, 55], 1]);
    expect([...second.journal.values()].map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    second.journal.close();

    const lines = whole.toString('latin1').split('\n');
    const summary = whole.lastIndexOf('{"summary"');
    for (const bytes of [whole.length - 1, summary + 5, summary - 1, summary - 400_000, 300_100, 40]) {
      writeFileSync(path, whole.subarray(0, bytes));
      const left = whole.subarray(0, bytes).toString('latin1').split('\n').slice(1, -1);
      const kept = left.filter((line) => line.startsWith('{"n"')).map((line) => JSON.parse(line).n as number);
      const again = summed(path);
      expect(again.known()).toEqual([kept.length, kept.reduce((a, b) => a + b, 0)]);
      again.add(100);
      expect([...again.journal.values()].map(({ n }) => n)).toEqual([...kept, 100]);
      again.journal.close();
    }
    expect(lines.filter((line) => line.startsWith('{"summary"'))).toHaveLength(2);
  });

  test('that cannot be taken costs time alone', () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    const first = summed(path);
    for (let n = 1; n <= 6; n++) first.add(n);
    first.journal.close();
    writeFileSync(path, readFileSync(path, 'utf8').replace('"count":', '"other":'));
    const second = summed(path);
    expect(second.seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect([second.known(), second.journal.sitting]).toEqual([[6, 21], 1]);
    second.journal.close();
  });
});
