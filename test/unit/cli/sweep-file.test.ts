import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CommandError } from '../../../cli/exit.js';
import { openSweep, readSweepFile } from '../../../cli/sweep-file.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { PACKAGE_ROOT } from '../../../process/package.js';
import { temporaryFolder } from '../../support/folder.js';
import { sweep } from '../../support/quick-sweep.js';
import { ROOT } from '../../support/ridge.js';

function written(text: string): string {
  const folder = temporaryFolder();
  const path = join(folder, 'sweep.yaml');
  writeFileSync(path, text);
  return path;
}

function refusal(path: string): CommandError {
  try {
    readSweepFile(path);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error(`${path} was taken for a sweep`);
}

test('an error is one line with file, place, reason and guess', () => {
  expect(refusal(written(sweep({ runner: { flashAtention: true } })))).toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(
      /^1 error in .+\n.+sweep\.yaml:\d+:\d+ spec\.runners\[0\]\.flashAtention: .+ \(did you mean flashAttention\?\)$/,
    ),
  });
});

test.each([
  ['builtin:small', 'small'],
  ['synthetic:llama-3.2-1b?layers=2', 'llama-3.2-1b'],
  ['hf:owner/Model-GGUF:Q4_K_M', 'Model-GGUF-Q4_K_M'],
  [join(PACKAGE_ROOT, 'models/tiny-f16.gguf'), 'tiny-f16'],
  ['nowhere/a+b.gguf', 'a-b'],
])('a model in place of a sweep file, %s, is the sweep of it with every default', (source, name) => {
  const { sweep: made, document } = openSweep(source);
  expect(made.models).toMatchObject([{ source }]);
  expect(made.name).toMatch(new RegExp(`^${name}-[0-9a-f]{6}$`));
  expect(planSpace(made).count).toBe(1);
  expect(document).toContain('models: ');
});

test('a file without a name is named after itself and what it holds, so that another one has another folder', () => {
  const folder = temporaryFolder();
  const nameOf = (file: string, text: string) => {
    writeFileSync(join(folder, file), text);
    const { document, sweep: read } = openSweep(join(folder, file));
    const again = parseSweep(document);
    expect(again.ok && again.sweep).toEqual(read);
    return read.name;
  };
  const name = nameOf('my sweep.yaml', 'spec:\n  models: builtin:small\n  runners: { kind: fake }\n');
  expect(name).toMatch(/^my-sweep-[0-9a-f]{6}$/);
  expect(nameOf('my sweep.yaml', '# why\nspec: { runners: { kind: fake }, models: "builtin:small" }\n')).toBe(
    name,
  );
  expect(nameOf('my sweep.yaml', '{"spec": {"models": "builtin:small"}}')).not.toBe(name);
  expect(nameOf('other.yaml', 'spec:\n  models: builtin:small\n')).toMatch(/^other-/);
  expect(nameOf('named.yaml', 'metadata: { name: mine }\nspec: { models: "builtin:small" }\n')).toBe('mine');
});

test('a repository of the hub, as its page names it, is asked for by hf:', () => {
  for (const word of ['Qwen/Qwen3-0.6B', 'Qwen/Qwen3-0.6B-GGUF:Q8_0']) {
    expect(() => openSweep(word)).toThrow(
      `there is no file ${word}; a model of the Hugging Face hub is written hf:${word}`,
    );
  }
  expect(() => openSweep('models/small.yaml')).toThrow('cannot read the sweep file models/small.yaml');
});

test('everything else is a sweep file, and one that cannot be read is one sentence', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'sweep.yaml');
  writeFileSync(path, sweep({}));
  expect(openSweep(path)).toMatchObject({ path });
  expect(() => openSweep(folder)).toThrow(/cannot read the sweep file .+: it is a folder/);
  expect(() => openSweep(join(folder, 'other.yaml'))).toThrow(/there is no such file/);
  expect(() => openSweep(join(path, 'below'))).toThrow(/part of its path is a file, not a folder/);
});

const NO_KEYS = /: this is no sweep file: it has none of the keys apiVersion, kind, metadata and spec$/;

test.each([
  ['a README with a sweep in it', () => join(ROOT, 'README.md'), NO_KEYS],
  ['a model', () => join(ROOT, 'models/tiny-f16.gguf'), /: this is no sweep file: it is binary, not text$/],
  ['a folder', () => join(ROOT, 'docs'), /^cannot read the sweep file .+: it is a folder$/],
  ['no file', () => '/nowhere.yaml', /^cannot read the sweep file .+: there is no such file$/],
  ['an empty file', () => written('# nothing yet\n'), /: this is no sweep file: it is empty$/],
  ['JSON of something else', () => join(ROOT, 'package.json'), NO_KEYS],
  ['a page', () => written('<!doctype html>\n<p>kind</p>\n'), NO_KEYS],
  ['words', () => written('just words'), NO_KEYS],
  [
    'a bracket that is left open',
    () => written('models:\n  - a\nhello: [\n'),
    /none of the keys apiVersion, kind, metadata and spec; its YAML breaks at line 4, column 1: .*\]/,
  ],
  ['a list', () => written('- a\n- b\n'), NO_KEYS],
  [
    'a file for another program',
    () => written('apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\nspec: { replicas: 1 }\n'),
    /: this is no sweep file: its kind is "Deployment", not Sweep$/,
  ],
])('%s is refused in one sentence, with what to do', (_what, path, sentence) => {
  const refused = refusal(path());
  expect(refused.message).toMatch(sentence);
  expect(refused.message).not.toContain('\n');
  expect(refused).toMatchObject({ exitCode: 2, hint: expect.stringContaining('docs/examples') });
});

test('a sweep whose grammar is broken, or that is almost one, keeps its places', () => {
  expect(refusal(written('kind: Sweep\nspec: [\n  models: {{\n')).message).toMatch(
    /sweep\.yaml:\d+:\d+ YAML: /,
  );
  expect(refusal(written(sweep({}).replace('kind: Sweep', 'kind: sweep'))).message).toMatch(
    /^1 error in .+\n.+ kind: kind must be Sweep/,
  );
});
