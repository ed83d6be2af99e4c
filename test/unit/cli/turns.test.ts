import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { turnsChart } from '../../../roofline/turns/chart.js';
import { turnOf } from '../../../roofline/turns/turn.js';
import { heard } from '../../support/heard.js';

afterEach(() => vi.restoreAllMocks());

async function ridgeTurns(...args: string[]) {
  const said = heard();
  const error = await (await createProgram()).parseAsync(['node', 'ridge', 'turns', ...args]).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error !== null && !(error instanceof CommandError)) throw error;
  return { stdout: said.stdout, stderr: said.stderr, error };
}

interface Answered {
  readonly answers: readonly {
    readonly question: string;
    readonly answer: string;
    readonly gains: readonly { readonly sequences: number; readonly ratio: number }[];
  }[];
  readonly leftOut: readonly { readonly question: string; readonly reason: string }[];
}

const answered = async (...args: string[]) =>
  JSON.parse((await ridgeTurns(...args, '--json')).stdout) as Answered;

const PAGE = join(import.meta.dirname, '../../../docs/turns.md');
const EXAMPLE = /```sh\nridge turns (.*)\n```\n\n```text\n([\s\S]*?)```/g;

describe('ridge turns', () => {
  test('prints what the page says (UPDATE_DOCS=1 writes it there)', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const examples = [...page.matchAll(EXAMPLE)];
    expect(examples).toHaveLength(3);
    const said = new Map<string, string>();
    for (const [, words] of examples) {
      const { stdout, error } = await ridgeTurns(...words!.split(' '));
      vi.restoreAllMocks();
      expect(error).toBeNull();
      said.set(words!, stdout);
    }
    if (process.env.UPDATE_DOCS === '1')
      writeFileSync(
        PAGE,
        page.replace(
          EXAMPLE,
          (_, words: string) =>
            `\`\`\`sh\nridge turns ${words}\n\`\`\`\n\n\`\`\`text\n${said.get(words)}\`\`\``,
        ),
      );
    else for (const [, words, text] of examples) expect(said.get(words!)).toBe(text);
  });

  test('drafts gain most where few sequences wait for memory, and less the more there are', async () => {
    const { answers } = await answered('llama-3.1-8b', '--question', 'speculative', '--prompt', '100');
    const { gains } = answers[0]!;
    expect(gains[0]!.ratio).toBeGreaterThan(1.5);
    expect(gains.at(-1)!.ratio).toBeLessThan(gains[0]!.ratio / 1.5);
  });

  test('takes the acceptance that is said, and the less is accepted the earlier it turns', async () => {
    const turnAt = async (length: string) => {
      const { answers } = await answered(
        ...['llama-3.1-8b', '--question', 'speculative', '--prompt', '100', '--draft-tokens', '7'],
        ...['--acceptance-length', length],
      );
      return Number(/at (\d+) \[/.exec(answers[0]!.answer)?.[1]);
    };
    expect(await turnAt('2.5')).toBeLessThan(await turnAt('3.5'));
  });

  test('says which questions it leaves out, and why', async () => {
    const { leftOut } = await answered('llama-3.1-8b', '--bits', 'fp8kv8');
    expect(leftOut.map(({ question }) => question)).toEqual(['weights', 'cache', 'parallel', 'apart']);
    expect((await ridgeTurns('llama-3.1-8b', '--bits', 'fp8kv8')).stderr).toContain(
      'cache is left out: the cache is kept in fp8 already',
    );
  });

  test('prefill and decode apart lose where the link between them is slow', async () => {
    const apart = ['llama-3.1-8b', '--devices', '2', '--question', 'apart', '--prompt', '2000'];
    const [fast, slow] = [await answered(...apart), await answered(...apart, '--link', '0.1')];
    const last = ({ answers }: Answered) => answers[0]!.gains.at(-1)!.ratio;
    expect(last(slow)).toBeLessThan(last(fast) / 2);
    expect(fast.answers[0]!.answer).toContain('(1 for prompts, 1 for answers)');
    const { leftOut } = await answered('llama-3.1-70b', ...apart.slice(1), '--question', 'weights');
    expect(leftOut.at(-1)!.reason).toContain('fewer than 2 devices do not hold the model');
  });

  test('states hardware, engine, load and host', async () => {
    const { stderr } = await ridgeTurns('llama-3.1-8b', '--question', 'cache');
    for (const words of ['H100', 'vLLM', 'prompts of 1024 tokens and answers of 256', 'host times fitted on'])
      expect(stderr).toContain(words);
  });

  test('draws the ratios beside 1', () => {
    const gain = (sequences: number, ratio: number) => ({
      sequences,
      ratio,
      low: 0.9 * ratio,
      high: 1.1 * ratio,
    });
    const answer = (way: string, ...gains: ReturnType<typeof gain>[]) => ({
      question: 'weights' as const,
      ...{ way, instead: 'one device', gains, turn: turnOf(gains), assumes: [], answer: '' },
    });
    const chart = turnsChart('a model', [
      answer('fp8', gain(1, 1.5), gain(4, 1.2)),
      answer('int4', gain(1, 2)),
    ]);
    expect(chart.x.values).toEqual([1, 4]);
    expect(chart.lines).toEqual([
      { name: 'fp8 / one device', values: [1.5, 1.2] },
      { name: 'int4 / one device', values: [2, null] },
      { name: 'as much', values: [1, 1] },
    ]);
  });

  test.each([
    [['llama-3.1-70b'], 'leaves no room for one request'],
    [['llama-3.1-8b', '--question', 'weihgts'], 'did you mean weights?'],
    [['llama-3.1-8b', '--bits', 'q4_k_m'], 'engines on GPUs serve'],
    [['llama-3.1-8b', '--weights', 'fp3'], 'known are bf16'],
    [['llama-3.1-8b', '--draft-tokens', '9'], '--acceptance-length'],
    [['llama-3.1-8b', '--acceptance-length', '7'], 'at most 4 tokens'],
    [['llama-3.1-8b', '--prompt', '200000'], 'more than the 131072 tokens'],
    [['llama-3.1-8b', '--hardware', 'epyc-7763'], 'measured on GPUs'],
    [['llama-3.1-8b', '--engine', 'vlm'], 'vllm'],
    [['llama-3.1-8b', '--question', 'apart'], 'one device cannot be taken apart'],
    [['llama-3.1-70b', '--devices', '3'], 'cannot be shared evenly'],
  ])('%j is one sentence', async (args, words) => {
    const { error } = await ridgeTurns(...args);
    expect(error?.exitCode).toBe(EXIT.usage);
    expect(`${error?.message} ${error?.hint ?? ''}`).toContain(words);
  });
});
