import { describe, expect, it } from 'vitest';
import { MAX_DIAGNOSTICS } from '../../../core/input/diagnostic.js';
import { nearest } from '../../../core/input/suggest.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { LONG } from '../../support/cases.js';

const HEAD = 'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: {name: hostile}\n';
/** Documents may have a million characters, which the long run tries: the share of it that is tried here. */
const SHARE = LONG ? 1 : 0.1;
/** Of processor time: below it nobody asks how it grows. */
const AT_ONCE_SECONDS = 0.3;

/** A text of about `length` characters made of lines. */
function lines(line: (i: number) => string, length: number): string {
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

/** Documents of a share of the characters that one may have. */
function hostile(share: number): Readonly<Record<string, string>> {
  const length = share * 990_000;
  const all = (line: (i: number) => string) => lines(line, length);
  return {
    'keys at the top': HEAD + all((i) => `k${i}: 1\n`),
    'few keys': HEAD + lines((i) => `k${i}: 1\n`, 0.4 * length),
    labels: `${HEAD}spec: {models: a}\nmore:\n${lines((i) => `  k${i}: v\n`, 0.4 * length)}`,
    'keys of one map in braces': `${HEAD}spec: {${all((i) => `k${i}: 1, `)}}\n`,
    'one key again and again': HEAD + lines(() => 'key: 1\n', 0.3 * length),
    models: `${HEAD}spec:\n  models:\n${all((i) => `    - m${i}\n`)}`,
    'ten thousand remote models': `${HEAD}spec: {models: [${list(share * 10_000, (i) => `"hf:owner/repository${i}:Q4_0"`)}]}`,
    'models of one name': `${HEAD}spec: {models: [${list(share * 10_000, () => 'x'.repeat(80))}]}`,
    'misspelt models': `${HEAD}spec: {models: [${list(share * 9_000, (i) => `{nam: m${i}, surce: s}`)}]}`,
    includes: `${HEAD}spec:\n  models: a\n  include:\n${all((i) => `    - {threads: ${(i % 99) + 1}}\n`)}`,
    'excludes of values that are not there': `${HEAD}spec: {models: [${list(share * 5_000, (i) => `modelnumber${i}`)}], exclude: [${list(share * 100, (i) => `{model: [${list(400, (j) => `modelnumbr${i}x${j}`)}]}`)}]}`,
    'ranges of the same values': `${HEAD}spec: {models: a, runners: {kind: llama-cpp, threads: [${list(share * 10_000, () => '"1-500"')}]}}`,
    'wrong words': `${HEAD}spec: {models: a, techniques: {quantization: [${list(share * 10_000, (i) => `q8_${i}wrong`)}]}}`,
    brackets: `${HEAD}spec: ${'['.repeat(length)}`,
    'closing brackets': `${HEAD}spec: ${'] '.repeat(length / 2)}`,
    dashes: '- '.repeat(length / 2),
    'groups of brackets': `${HEAD}spec: [${all(() => `${'['.repeat(90)}${']'.repeat(90)},`)}]`,
    'anchors and aliases': `${HEAD}spec:\n${all((i) => `  - &a${i} x\n  - *a${i}\n`)}`,
    'aliases of one long list': `${HEAD}x: &a [${list(share * 40_000, () => '1')}]\ny: [${list(90, () => '*a')}]\n`,
    'aliases of aliases': lines(
      (i) => `a${i}: &a${i} [${list(9, () => (i === 0 ? '1' : `*a${i - 1}`))}]\n`,
      4_000,
    ),
    'one long word': `${HEAD}spec:\n  models: ${'x'.repeat(length)}\n`,
    'one long key': `${HEAD}? ${'x'.repeat(length)}\n: 1\n`,
    'one long number': `${HEAD}spec:\n  models: ${'9'.repeat(length)}\n`,
    'a folded text': `${HEAD}spec:\n  models: >\n${all(() => '    x\n\n')}`,
    'empty lines': `${HEAD}${'\n'.repeat(length)}`,
    comments: HEAD + all(() => '#\n'),
    tags: `${HEAD}spec:\n${all((i) => `  - !t${i} 1\n`)}`,
    documents: all(() => '---\na\n'),
  };
}

const HOSTILE = hostile(SHARE);

/** The processor time that reading a document takes, in seconds, and what was read. */
function read(document: string) {
  const before = process.cpuUsage();
  const parsed = parseSweep(document);
  const { user, system } = process.cpuUsage(before);
  return { parsed, seconds: (user + system) / 1e6 };
}

describe('a sweep file that somebody made to be slow', () => {
  it.each(Object.keys(HOSTILE))('%s: is read in linear time, with bounded errors', (name) => {
    const { parsed, seconds } = read(HOSTILE[name]!);
    // Four times as long is four times as dear; sixteen times if each line is compared with all others.
    if (seconds > AT_ONCE_SECONDS) {
      expect(seconds / read(hostile(SHARE / 4)[name]!).seconds).toBeLessThan(8);
    }
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
