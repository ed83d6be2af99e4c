import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isWrittenCode, trackedFiles } from './support/size.js';
import { vagueNames } from './support/vague-names.js';

const root = join(import.meta.dirname, '..');

/** Where such names still stand. Nothing is added here. */
const STILL: readonly string[] = [];

test('no function of the product is named by a pronoun, an adverb or a preposition', () => {
  const product = trackedFiles(root).filter(
    (file) =>
      isWrittenCode(file) &&
      /\.tsx?$/.test(file) &&
      !['test/', ...STILL].some((beginning) => file.startsWith(beginning)),
  );
  const found = product.flatMap((file) => vagueNames(file, readFileSync(join(root, file), 'utf8')));
  expect(found.map(({ file, line, name }) => `${file}:${line}: ${name}`)).toEqual([]);
});

test('and where one is, it is found', () => {
  const planted = `
    function together() {}
    const of = (a: number) => a;
    class Known { #within() {} with() {} at(index: number) {} whole = () => 1; }
    interface Named { about(): void }
    const all = [1].map((one) => one), has = () => true, combine = function () {};
    function outer() { const at = () => 1; }
  `;
  expect(vagueNames('a.ts', planted).map(({ line, name }) => `${line} ${name}`)).toEqual([
    '2 together',
    '3 of',
    '4 within',
    '4 with',
    '4 whole',
    '5 about',
    '7 at',
  ]);
});
