import { describe, expect, it } from 'vitest';
import { MAX_DIAGNOSTICS } from '../../../core/input/diagnostic.js';
import { nearest } from '../../../core/input/suggest.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { LONG } from '../../support/cases.js';

const HEAD = 'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: {name: hostile}\n';
/** Documents may have a million characters, which the long run tries. */
const SHARE = LONG ? 1 : 0.1;
const LENGTH = SHARE * 990_000;
/** Of processor time; what each costs when it is read in more than linear time is minutes at the full length. */
const MOST_SECONDS = LONG ? 10 : 1;

/** A text of about `length` characters made of lines. */
function lines(line: (i: number) => string, length = LENGTH): string {
  const all: string[] = [];
  for (let i = 0, size = 0; size < length; i++) {
    const text = line(i);
    all.push(text);
    size += text.length;
  }
  return all.join('');
}

const list = (count: number, entry: (i: number) => string, between = ', ') =>
  Array.from({ length: count }, (_, i) => entry(i)).join(between);

const HOSTILE: Readonly<Record<string, string>> = {
  'keys at the top': HEAD + lines((i) => `k${i}: 1\n`),
  'few keys': HEAD + lines((i) => `k${i}: 1\n`, 0.4 * LENGTH),
  labels: `${HEAD}spec: {models: a}\nmore:\n${lines((i) => `  k${i}: v\n`, 0.4 * LENGTH)}`,
  'keys of one map in braces': `${HEAD}spec: {${lines((i) => `k${i}: 1, `)}}\n`,
  'one key again and again': HEAD + lines(() => 'key: 1\n', 0.3 * LENGTH),
  models: `${HEAD}spec:\n  models:\n${lines((i) => `    - m${i}\n`)}`,
  'ten thousand remote models': `${HEAD}spec: {models: [${list(SHARE * 10_000, (i) => `"hf:owner/repository${i}:Q4_0"`)}]}`,
  'models of one name': `${HEAD}spec: {models: [${list(SHARE * 10_000, () => 'x'.repeat(80))}]}`,
  'misspelt models': `${HEAD}spec: {models: [${list(SHARE * 9_000, (i) => `{nam: m${i}, surce: s}`)}]}`,
  includes: `${HEAD}spec:\n  models: a\n  include:\n${lines((i) => `    - {threads: ${(i % 99) + 1}}\n`)}`,
  'excludes of values that are not there': `${HEAD}spec: {models: [${list(SHARE * 5_000, (i) => `modelnumber${i}`)}], exclude: [${list(SHARE * 100, (i) => `{model: [${list(400, (j) => `modelnumbr${i}x${j}`)}]}`)}]}`,
  'ranges of the same values': `${HEAD}spec: {models: a, runners: {kind: llama-cpp, threads: [${list(SHARE * 10_000, () => '"1-500"')}]}}`,
  'wrong words': `${HEAD}spec: {models: a, techniques: {quantization: [${list(SHARE * 10_000, (i) => `q8_${i}wrong`)}]}}`,
  brackets: `${HEAD}spec: ${'['.repeat(LENGTH)}`,
  'closing brackets': `${HEAD}spec: ${'] '.repeat(LENGTH / 2)}`,
  dashes: '- '.repeat(LENGTH / 2),
  'groups of brackets': `${HEAD}spec: [${lines(() => `${'['.repeat(90)}${']'.repeat(90)},`)}]`,
  'anchors and aliases': `${HEAD}spec:\n${lines((i) => `  - &a${i} x\n  - *a${i}\n`)}`,
  'aliases of one long list': `${HEAD}x: &a [${list(SHARE * 40_000, () => '1')}]\ny: [${list(90, () => '*a')}]\n`,
  'aliases of aliases': lines(
    (i) => `a${i}: &a${i} [${list(9, () => (i === 0 ? '1' : `*a${i - 1}`))}]\n`,
    4_000,
  ),
  'one long word': `${HEAD}spec:\n  models: ${'x'.repeat(LENGTH)}\n`,
  'one long key': `${HEAD}? ${'x'.repeat(LENGTH)}\n: 1\n`,
  'one long number': `${HEAD}spec:\n  models: ${'9'.repeat(LENGTH)}\n`,
  'a folded text': `${HEAD}spec:\n  models: >\n${lines(() => '    x\n\n')}`,
  'empty lines': `${HEAD}${'\n'.repeat(LENGTH)}`,
  comments: HEAD + lines(() => '#\n'),
  tags: `${HEAD}spec:\n${lines((i) => `  - !t${i} 1\n`)}`,
  documents: lines(() => '---\na\n'),
};

describe('a sweep file that somebody made to be slow', () => {
  it.each(Object.keys(HOSTILE))('%s: is answered in bounded time, with bounded errors', (name) => {
    const before = process.cpuUsage();
    const parsed = parseSweep(HOSTILE[name]!);
    const { user, system } = process.cpuUsage(before);
    // Each takes a tenth of it, or less.
    expect((user + system) / 1e6).toBeLessThan(MOST_SECONDS);
    if (parsed.ok) return;
    expect(parsed.diagnostics.length).toBeGreaterThan(0);
    expect(parsed.diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
    expect(JSON.stringify(parsed).length).toBeLessThan(250_000);
  });

  it('reports the first hundred errors and how many there are besides', () => {
    const parsed = parseSweep(`${HEAD}spec: {models: a}\n${list(1_234, (i) => `k${i}: 1`, '\n')}\n`);
    if (parsed.ok) throw new Error('it has errors');
    expect(parsed.diagnostics).toHaveLength(100);
    expect(parsed.diagnostics[0]).toMatchObject({ path: 'k0', line: 5, column: 1 });
    expect(parsed.more).toBe(1_134);
  });

  it('says where a key stands twice, in a map of any size', () => {
    const keys = list(2_000, (i) => `    k${i}: v`, '\n');
    const parsed = parseSweep(
      `${HEAD.replace('{name: hostile}', `\n  name: hostile\n  labels:\n${keys}\n    k7: again`)}spec: {models: a}\n`,
    );
    expect(parsed).toMatchObject({
      ok: false,
      diagnostics: [{ line: 2006, column: 5, message: 'YAML: Map keys must be unique' }],
    });
  });

  it('reads an alias as what its anchor stands for, and says where an error in it is', () => {
    const source = `${HEAD}spec:\n  models: [&m {name: small, source: "builtin:small"}]\n  exclude: [{model: &x [small]}, {model: *x}]\n  workloads: *m\n`;
    const parsed = parseSweep(source);
    if (parsed.ok) throw new Error('a model is no workload');
    expect(parsed.diagnostics.every(({ line }) => line === 7 || line === 5)).toBe(true);
    expect(parseSweep(`${HEAD}spec: {models: *a}\n`)).toMatchObject({
      diagnostics: [{ message: expect.stringContaining('*a stands for nothing') }],
    });
  });

  it('keeps a key named __proto__ a key', () => {
    const parsed = parseSweep(`${HEAD}spec: {models: a, __proto__: {zip: []}}\n`);
    expect(parsed).toMatchObject({ ok: false, diagnostics: [{ path: 'spec.__proto__' }] });
  });

  it('guesses a word of a long list by how it begins', () => {
    const words = Array.from({ length: 5_000 }, (_, i) => `model-${i}-small`);
    expect(nearest('model-4999', words)).toBe('model-4999-small');
  });
});
