import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PRUNING_METHODS } from '../../../core/techniques/pruning/methods/index.js';
import {
  ALL_SETTINGS,
  fallbackOf,
  METHODS,
  methodsWith,
} from '../../../core/techniques/sparsity-settings.js';

const page = join(import.meta.dirname, '../../../docs/sparsity.md');

/** The table of settings as the page has to have it. */
function table(): string {
  const rows = Object.entries(ALL_SETTINGS).map(([name, setting]) => {
    const fallback = fallbackOf(name);
    const shown = fallback === '' ? '–' : fallback.replace(/(^|else )([^ ,]+)/g, '$1`$2`');
    return `| \`${name}\` | ${methodsWith(name)?.join(', ') ?? 'all'} | ${shown} | ${setting.help} |`;
  });
  return ['| setting | of | default | says |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

test('every file with a method is in the list of methods/index.ts', () => {
  const folder = join(import.meta.dirname, '../../../core/techniques/pruning/methods');
  const written = readdirSync(folder).flatMap((name) => [
    ...readFileSync(join(folder, name), 'utf8').matchAll(/^ {2}name: '([\w-]+)',[\s\S]*?satisfies Method</gm),
  ]);
  expect(written.map(([, word]) => word).toSorted()).toEqual([...METHODS].toSorted());
});

test('a default is told by method where methods differ', () => {
  const [, value, words = '', usual] = /^(\w+) of (.+), else (\w+)$/.exec(fallbackOf('outputError')) ?? [];
  for (const { name: word, calibrates } of PRUNING_METHODS) {
    expect(words.split(', ').includes(word) ? value : usual, word).toBe(String(calibrates === 'always'));
  }
  expect(fallbackOf('sequences')).toBe('128');
  expect(fallbackOf('exclude')).toBe('');
});

test('docs/sparsity.md has every setting as it is (UPDATE_DOCS=1 writes it)', () => {
  const text = readFileSync(page, 'utf8');
  const marked = /(<!-- settings -->\n)[\s\S]*?(<!-- end -->)/;
  const wanted = text.replace(marked, (_, begin, end) => `${begin}\n${table()}\n\n${end}`);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, wanted);
  expect(readFileSync(page, 'utf8')).toBe(wanted);
  for (const method of METHODS) expect(text).toContain(`| \`${method}\``);
});
