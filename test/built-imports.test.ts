import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtImports } from './support/built-imports.js';

const root = join(import.meta.dirname, '..');
const scripts = readdirSync(join(root, 'test/bench'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(mjs|js|ts)$/.test(name))
  .map((name) => join('test/bench', name));

/** Neither tsc nor knip sees what benches import from dist/, and a bench runs only now and then. */
test('what benches import from dist/ has a source that exports it', async () => {
  const wrong: string[] = [];
  let found = 0;
  for (const script of scripts) {
    for (const { module, names } of builtImports(readFileSync(join(root, script), 'utf8'))) {
      found += 1;
      const source = module.replace(/\.js$/, '.ts');
      if (!existsSync(join(root, source))) {
        wrong.push(`${script} imports dist/${module}, and there is no ${source}`);
        continue;
      }
      const exported = Object.keys(await import(join(root, source)));
      const missing = names.filter((name) => !exported.includes(name));
      wrong.push(...missing.map((name) => `${script} imports ${name}, which ${source} does not export`));
    }
  }
  expect(wrong).toEqual([]);
  expect(found).toBeGreaterThan(0);
});

test('imports from dist/ are found as they are written', () => {
  const text = `
    import { a, c as d } from '../../dist/agent/one.js';
    import { e } from '../../agent/two.js';
    const { f } = await import('../dist/three.js');
    import * as all from '../../../dist/four.js';`;
  expect(builtImports(text)).toEqual([
    { module: 'agent/one.js', names: ['a', 'c'] },
    { module: 'three.js', names: [] },
    { module: 'four.js', names: [] },
  ]);
});
