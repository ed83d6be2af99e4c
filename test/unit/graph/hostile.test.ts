import { expect, test } from 'vitest';
import { MOST_NESTED } from '../../../core/nesting.js';
import { temporaryFolder } from '../../support/folder.js';
import { applicationsEnded } from '../../support/graph-run.js';

const ended = async (
  parse: object | string,
  answers: readonly string[],
  scored?: Parameters<typeof applicationsEnded>[3],
) => await applicationsEnded(temporaryFolder(), parse, answers, scored);

const nested = (deep: number) => '['.repeat(deep) + ']'.repeat(deep);

test('an answer that nests lists without end ends its application, and no other', async () => {
  expect(await ended('json', [nested(6000), '{"a": 1}', nested(MOST_NESTED)])).toEqual([
    ['0', 'failed', 'the answer nests JSON deeper than 100.'],
    ['1', 'complete', null],
    ['2', 'complete', null],
  ]);
});

test('references that are patterns are read as such before anything runs', async () => {
  const read = async (key: string) => await ended('text', ['a'], { scorers: ['regex'], key });
  expect(await read('(?:yes|no)')).toMatchObject([['0', 'complete', null]]);
  await expect(read('(a+)+$')).rejects.toThrow(/^item 1 of g: the pattern repeats a group/);
});

test('nor does one that is scored as it stands', async () => {
  expect(await ended('text', [nested(6000), `[${nested(6000)}]`, '[]'])).toMatchObject([
    ['0', 'complete', null],
    ['1', 'complete', null],
    ['2', 'complete', null],
  ]);
});
