import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const item = (rest: object) =>
  `${JSON.stringify({ question: 'They went into the', choices: [' forest', ' of'], ...rest })}\n`;

describe('ridge quality', () => {
  test('prints perplexity with its error, and progress apart from it', async () => {
    const { code, stdout, stderr } = await ridge('quality builtin:tiny --threads 1 --context 256'.split(' '));
    expect(stderr).toContain('text 33/33');
    expect(code).toBe(0);
    expect(stdout).toMatch(/sample\.txt: 8583 tokens in 33 llama windows of 256/);
    expect(stdout).toMatch(/perplexity +24\.98\d{2} (±|\+-) 0\.7\d{3} over 4191 predictions/);
  });

  test('tasks against a base, as JSON', async () => {
    const path = file('exam.jsonl', item({ answer: 0, group: 'a' }) + item({ answer: 1, group: 'b' }));
    const { code, stdout, stderr } = await ridge([
      ...['quality', 'builtin:small', '--base', 'builtin:tiny', '--task', path, '--threads', '1', '--json'],
    ]);
    expect(stderr).not.toContain('ridge:');
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as Record<string, unknown>;
    expect(found).toMatchObject({
      schema: 'ridgepoint.dev/quality/v1',
      text: null,
      base: { source: 'builtin:tiny' },
    });
    expect(found.tasks).toMatchObject([
      {
        name: 'exam',
        items: 2,
        chance: 0.5,
        scores: [
          { name: 'sum', score: { value: 0.5, groupings: [{ spread: { range: { value: 1 } } }] } },
          {},
          {},
        ],
      },
    ]);
  });

  test('what was said to each item goes into a file, and nothing stays beside it', async () => {
    const path = file('exam.jsonl', item({ id: 'a', answer: 0 }) + item({ id: 'b', answer: 1 }));
    const out = join(folder, 'out.jsonl');
    const words = ['quality', 'builtin:tiny', '--threads', '1', '--answers', out];
    const { code, stderr } = await ridgeHere([...words, '--task', path]);
    expect(code, stderr).toBe(0);
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { item: string }).item)).toEqual(['a', 'b']);
    expect(
      readdirSync(folder).filter((name) => name.includes('answers') || name.includes('journal')),
    ).toEqual([]);
    const read = await ridgeHere(['answers', out]);
    expect([read.code, read.stderr]).toEqual([0, '']);
    expect(read.stdout).toMatch(/exam +a .*\n.*exam +b /);
    const exported = await ridgeHere(['answers', out, '--format', 'csv']);
    expect(exported.stdout.trim().split('\r\n')).toHaveLength(3);
    const chosen = await ridgeHere(['answers', out, '--item', 'b', '--format', 'jsonl']);
    expect(JSON.parse(chosen.stdout)).toMatchObject({ row: 1, label: 'out.jsonl', item: 'b', joules: null });
    const none = await ridgeHere(words);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('name them with --task')]);
  });

  test('options of the runner change what the model answers, and the base keeps its own', async () => {
    const words = [
      ...['quality', 'builtin:tiny', '--base', 'builtin:tiny', '--context', '256', '--max-windows', '1'],
      ...['--exact-base', '--json', '--threads', '1'],
    ];
    const divergence = async (options: string) => {
      const { code, stdout, stderr } = await ridgeHere([...words, '--runner-options', options]);
      expect(code, stderr).toBe(0);
      const { text } = JSON.parse(stdout) as { text: { divergence: { kl: { value: number } } } };
      return text.divergence.kl.value;
    };
    expect(await divergence('{ ctk: f16 }')).toBeLessThan(1e-12);
    expect(await divergence('{ kvCacheTypeV: q4_0 }')).toBeGreaterThan(1e-6);

    const refused = async (options: string) => {
      const { code, stderr } = await ridgeHere([...words, '--runner-options', options]);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('f32')).toContain('options by their names');
    expect(await refused('{ threads: 1 }')).toContain(
      'threads is no option of llama-cpp that changes answers; there are flashAttention, kvCacheTypeK',
    );
    expect(await refused('{ kvCacheTypeK: q9 }')).toContain('options of the runner: kvCacheTypeK: ');
    expect(await refused('{ kvCacheTypeV: q8_0, flashAttention: false }')).toContain('flash');
  });

  test('wrong words end with 2 and say everything at once', async () => {
    const broken = file('broken.jsonl', item({ answer: 5 }) + item({}));
    const tasks = await ridgeHere([
      'quality',
      'builtin:tiny',
      '--task',
      broken,
      '--task',
      join(folder, 'none.yaml'),
    ]);
    expect(tasks.code).toBe(2);
    expect(tasks.stderr).toContain('3 errors in task files');
    expect(tasks.stderr).toMatch(/broken\.jsonl:1 the answer 5 is not a whole number from 0 to 1/);
    expect(tasks.stderr).toMatch(/broken\.jsonl:2 the field answer \(the answer\) is missing/);
    expect(tasks.stderr).toContain('none.yaml: there is no such file');
    expect(tasks.stdout).toBe('');

    const short = await ridgeHere([
      'quality',
      'builtin:tiny',
      '--text',
      file('short.txt', 'Once upon a time.'),
    ]);
    expect(short.code).toBe(2);
    expect(short.stderr).toMatch(/short\.txt: the text has \d+ tokens.*at least 1024/);
    expect((await ridgeHere(['quality', 'builtin:tiny', '--text', join(folder, 'none.txt')])).code).toBe(2);
    expect((await ridgeHere(['quality', 'builtin:none'])).code).toBe(2);
    expect((await ridgeHere(['quality', 'builtin:tiny', '--windows', 'square'])).code).toBe(2);
  });
});
