import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createProgram } from '../../../cli/program.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';

afterEach(() => vi.restoreAllMocks());

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = join(ROOT, 'docs/gpus.md');
const EXAMPLE = /```sh\nridge (.*)\n```\n\n```text\n([\s\S]*?)```/g;
const folder = sharedFolder();
const updates = process.env.UPDATE_DOCS === '1';

/** Its files are those of the checkout, and its picture goes into a folder of the test. */
function argumentsOf(words: string): { readonly args: string[]; readonly picture: string | null } {
  let picture: string | null = null;
  // The chart library of others comes with the built form alone.
  const drawn = words.startsWith('fit ') ? words : words.replace(/ --svg \S+/, '');
  const args = drawn.split(' ').map((word) => {
    const plain = word.replaceAll("'", '');
    if (plain.startsWith('docs/images/')) {
      picture = plain;
      return join(folder, 'picture.svg');
    }
    return plain.startsWith('docs/') ? join(ROOT, plain) : plain;
  });
  return { args, picture };
}

async function answered(words: string): Promise<string> {
  const { args, picture } = argumentsOf(words);
  const said = heard();
  await (await createProgram()).parseAsync(['node', 'ridge', ...args]);
  vi.restoreAllMocks();
  if (picture !== null) {
    const drawn = readFileSync(join(folder, 'picture.svg'), 'utf8');
    if (updates) writeFileSync(join(ROOT, picture), drawn);
    else expect(drawn).toBe(readFileSync(join(ROOT, picture), 'utf8'));
  }
  return said.stdout;
}

test('docs/gpus.md shows what its questions are answered (UPDATE_DOCS=1 writes it there)', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const examples = [...page.matchAll(EXAMPLE)];
  expect(examples.length).toBeGreaterThan(1);
  const said = new Map<string, string>();
  for (const [, words] of examples) said.set(words!, await answered(words!));
  if (updates)
    writeFileSync(
      PAGE,
      page.replace(
        EXAMPLE,
        (_, words: string) => `\`\`\`sh\nridge ${words}\n\`\`\`\n\n\`\`\`text\n${said.get(words)}\`\`\``,
      ),
    );
  else for (const [, words, text] of examples) expect(said.get(words!)).toBe(text);
}, 300_000);
