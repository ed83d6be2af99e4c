import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROTOTYPES } from '../engines/native/gen/kernels.js';
import { interfaceNumber, kernelBindings, kernelHeaders } from '../scripts/kernel-bindings.js';

const root = join(import.meta.dirname, '..');

/** TypeScript that may call our native library: what uses a function, or writes a prototype by hand. */
function callers(): Map<string, string> {
  const folders = ['engines', 'process', 'load', 'artifacts', 'agent', 'cli', 'test/kernels'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/(^|\/)gen\//.test(name))
      .map((name) => join(folder, name)),
  );
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/** @returns a sentence for each function that nothing calls, and each prototype that is not from a header. */
function wrongIn(texts: ReadonlyMap<string, string>, declared: readonly string[]): string[] {
  const all = [...texts.values()].join('\n');
  const unused = declared.filter((name) => !new RegExp(`\\b${name}\\b`).test(all));
  // A test may start a child in plain JavaScript.
  const sources = [...texts].filter(([file]) => !file.startsWith('test/'));
  const byHand = sources.flatMap(([file, text]) =>
    [...text.matchAll(/\.func\(\s*['"`][^'"`]*\b(ridge_\w+)\(/g)].map(([, name]) => `${file}: ${name}`),
  );
  return [
    ...unused.map((name) => `nothing calls ${name}`),
    ...byHand.map((where) => `${where} is written by hand, and kernels/ has its header`),
  ];
}

describe('interfaces of our native library', () => {
  const headers = kernelHeaders();
  const declared = Object.entries(PROTOTYPES).flatMap(([part, functions]) =>
    Object.keys(functions).filter((name) => name !== `ridge_${part}_interface`),
  );

  test('what TypeScript calls is what the headers declare (npm run generate writes it)', () => {
    const written = readFileSync(join(root, 'engines/native/gen/kernels.ts'), 'utf8');
    expect(written).toBe(kernelBindings(headers));
  });

  test('every declared function has a caller, and no prototype is written by hand', () => {
    expect(wrongIn(callers(), declared)).toEqual([]);
  });

  test('and both are found where they are so', () => {
    const planted = new Map([['engines/a.ts', "handle.func('int32_t ridge_add(int32_t a)');"]]);
    expect(wrongIn(planted, ['ridge_add', 'ridge_forgotten'])).toEqual([
      'nothing calls ridge_forgotten',
      'engines/a.ts: ridge_add is written by hand, and kernels/ has its header',
    ]);
  });

  test('a change of a header changes its number and what is called, a comment does neither', () => {
    const pruning = headers.get('pruning')!;
    const bindings = (header: string) => kernelBindings(new Map([['pruning', header]]));
    const commented = pruning.replace('#pragma once', '// Nothing new.\n\n#pragma once');
    expect([interfaceNumber(commented), bindings(commented)]).toEqual([
      interfaceNumber(pruning),
      bindings(pruning),
    ]);
    for (const [from, to] of [
      ['const char* score', 'int32_t score'],
      ['int32_t pruned, int32_t group', 'int32_t group, int32_t pruned'],
      ['double damping', 'float damping'],
      ['RIDGE_UNKNOWN_SCORE = 3', 'RIDGE_UNKNOWN_SCORE = 4'],
      ['int32_t ridge_select', 'int64_t ridge_select'],
    ] as const) {
      const changed = pruning.replace(from, to);
      expect(changed).not.toBe(pruning);
      expect(interfaceNumber(changed), to).not.toBe(interfaceNumber(pruning));
      expect(bindings(changed), to).not.toBe(bindings(pruning));
    }
  });

  test('what cannot be read is refused rather than left out', () => {
    const header = (line: string) =>
      new Map([['a', `RIDGE_API int32_t ridge_a_interface(void);\n${line}\n`]]);
    expect(() => kernelBindings(header('RIDGE_API int32_t ridge_a(long long x);'))).toThrow('long long');
    expect(() => kernelBindings(header('RIDGE_API int32_t ridge_a(ridge_other* x);'))).toThrow(
      'ridge_other*',
    );
    expect(() => kernelBindings(header('RIDGE_API int32_t ridge_a(void (*f)(void));'))).toThrow('1 of 2');
    expect(() => kernelBindings(header('typedef struct { long x; } ridge_b;'))).toThrow('x of ridge_b');
  });
});
