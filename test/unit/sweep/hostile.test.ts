import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_DIAGNOSTICS } from '../../../core/input/diagnostic.js';
import { nearest } from '../../../core/input/suggest.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { HEAD, HOSTILE, list, quarterOf } from '../../fixtures/hostile-sweeps.js';
import { executionsIn } from '../../support/executions.js';

describe('a sweep file that somebody made to be slow', () => {
  let work: ReadonlyMap<string, number>;
  beforeAll(async () => {
    work = await executionsIn('test/fixtures/hostile-sweeps.ts');
  }, 600_000);

  it.each(Object.keys(HOSTILE))('%s: is read in linear time, with bounded errors', (name) => {
    // Four times as long is four times the work; sixteen times if each line is compared with all others.
    expect(work.get(name)! / work.get(quarterOf(name))!).toBeLessThan(6);
    const parsed = parseSweep(HOSTILE[name]!);
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

  it.each([
    ['among the fields of an object', '{models: a, __proto__: {zip: []}}'],
    ['among labels, whose keys are anything', '{models: a, placement: {nodeSelector: {__proto__: [1]}}}'],
    ['in quotes', '{models: a, placement: {nodeSelector: {"__proto__": lab}}}'],
  ])('refuses a key named __proto__ %s', (_, spec) => {
    const parsed = parseSweep(`${HEAD}spec: ${spec}\n`);
    const said = { line: 4, message: expect.stringContaining('no key can be named "__proto__"') };
    expect(parsed).toMatchObject({
      ok: false,
      diagnostics: expect.arrayContaining([expect.objectContaining(said)]),
    });
  });

  it('guesses a word of a long list by how it begins', () => {
    const words = Array.from({ length: 5_000 }, (_, i) => `model-${i}-small`);
    expect(nearest('model-4999', words)).toBe('model-4999-small');
  });
});
