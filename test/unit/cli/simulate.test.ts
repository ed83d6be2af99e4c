import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { flagsOf } from '../../../batching/schedulers/index.js';
import type { Figure, ServingAnswer } from '../../../batching/serving-answer.js';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { SERVING_ENGINES } from '../../../roofline/step/engines.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';

const folder = sharedFolder();
afterEach(() => vi.restoreAllMocks());

async function ridgeSimulate(...args: string[]) {
  const said = heard();
  const error = await (await createProgram()).parseAsync(['node', 'ridge', 'simulate', ...args]).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error !== null && !(error instanceof CommandError)) throw error;
  return { stdout: said.stdout, stderr: said.stderr, error };
}

interface Printed {
  readonly answers: readonly (ServingAnswer & { readonly label: string })[];
  readonly leftOut: readonly { readonly label: string; readonly reason: string }[];
}

async function simulated(...args: string[]): Promise<Printed> {
  const { stdout, error } = await ridgeSimulate(...args, '--json');
  expect(error).toBeNull();
  vi.restoreAllMocks();
  return JSON.parse(stdout) as Printed;
}

const SHORT = ['--input-len', '512', '--output-len', '64', '--num-prompts', '200'];
const numberOf = (figure: Figure | null) => figure!.value;

const PAGE = join(import.meta.dirname, '../../../docs/simulate.md');
const EXAMPLE = /```sh\nridge simulate (.*)\n```\n\n```text\n([\s\S]*?)```/g;

/** @returns the flags of each engine as a table of Markdown. */
function flagsTable(): string {
  const rows = SERVING_ENGINES.flatMap(({ id }) =>
    flagsOf(id).map(({ name, preset, help }) => `| ${id} | \`${name}\` | \`${preset}\` | ${help} |`),
  );
  return ['| engine | flag | default | |', '|---|---|---|---|', ...rows].join('\n');
}

describe('docs/simulate.md', () => {
  test('has what the command prints, and the flags as they are (UPDATE_DOCS=1 writes both)', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const said = new Map<string, string>();
    for (const [, words] of page.matchAll(EXAMPLE)) {
      const { stdout, error } = await ridgeSimulate(...words!.split(' '));
      vi.restoreAllMocks();
      expect(error).toBeNull();
      said.set(words!, stdout);
    }
    expect(said.size).toBeGreaterThan(1);
    const wanted = page
      .replace(
        EXAMPLE,
        (_, words: string) =>
          `\`\`\`sh\nridge simulate ${words}\n\`\`\`\n\n\`\`\`text\n${said.get(words)}\`\`\``,
      )
      .replace(/(<!-- flags of schedulers -->\n)[\s\S]*?(<!-- end -->)/, `$1\n${flagsTable()}\n\n$2`);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, wanted);
    else expect(page).toBe(wanted);
  });
});

const SWEEP = (runners: string, device: string) => `
apiVersion: ridgepoint.dev/v1
kind: Sweep
spec:
  models: Llama-3.1-8B-Instruct
  runners: ${runners}
  workloads: { kind: serving, concurrency: [1, 8], requests: 40, inputTokens: 300, outputTokens: 20 }
  placement: { device: ${device} }
`;

function sweepFile(name: string, text: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, text);
  return path;
}

describe('ridge simulate SWEEP', () => {
  test('answers the points that a server on a GPU can be predicted for, and names the others', async () => {
    const runners =
      '[{ kind: vllm, maxSequences: [2, 8] }, { kind: vllm, speculative: ngram }, { kind: tgi }]';
    const { answers, leftOut } = await simulated(sweepFile('some', SWEEP(runners, 'cuda:h200')));
    expect(answers.map(({ label }) => label)).toEqual([
      'maxSequences=2 concurrency=1',
      'maxSequences=2 concurrency=8',
      'maxSequences=8 concurrency=1',
      'maxSequences=8 concurrency=8',
    ]);
    expect(answers[0]!.source).toContain('H200');
    const ttft = answers.map(({ latencies }) => numberOf(latencies.ttft.p50));
    // Eight users on two places wait for one another.
    expect(ttft[1]!).toBeGreaterThan(2 * ttft[3]!);
    expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(
      new Set([
        'a scheduler with speculative decoding is not simulated',
        'no operators of tgi were measured on GPUs',
      ]),
    );
  });

  test('a sweep for a CPU is answered where a GPU is named in its place', async () => {
    const file = sweepFile('cpu', SWEEP('{ kind: vllm }', 'cpu'));
    expect((await ridgeSimulate(file)).error?.message).toContain('a device of class cpu');
    vi.restoreAllMocks();
    expect((await simulated(file, '--hardware', 'l40s')).answers[0]!.source).toContain('L40S');
  });

  test('says itself what is served and sent', async () => {
    const { error } = await ridgeSimulate(sweepFile('own', SWEEP('{ kind: vllm }', 'cuda')), '--tp', '2');
    expect(error?.message).toContain('--tensor-parallel is of a load on a model');
  });
});

describe('ridge simulate MODEL', () => {
  test('answers each load of a list, and later the more requests come', async () => {
    const { answers } = await simulated('llama-3.1-8b', ...SHORT, '--request-rate', '5,40');
    const [low, high] = [answers[0]!, answers[1]!];
    expect(answers.map(({ label }) => label)).toEqual(['requestsPerSecond=5', 'requestsPerSecond=40']);
    expect(numberOf(high.latencies.ttft.p95)).toBeGreaterThan(numberOf(low.latencies.ttft.p95));
    expect(numberOf(high.latencies.tpot.p50)).toBeGreaterThan(numberOf(low.latencies.tpot.p50));
    expect(high.load).toBe('200 requests of 512 tokens in and 64 tokens out, 40 requests/s (Poisson)');
    for (const words of ['vLLM 0.24', '8192 tokens of a step', 'asynchronous scheduling'])
      expect(high.server).toContain(words);
  });

  test('a band holds its number, and has no end where slower steps do not hold the rate', async () => {
    const [calm] = (await simulated('llama-3.1-8b', ...SHORT, '--request-rate', '10')).answers;
    const { low, value, high } = calm!.latencies.ttft.p90!;
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    const held = numberOf(calm!.heldPerSecond);
    const [full] = (await simulated('llama-3.1-8b', ...SHORT, '--request-rate', `${0.97 * held}`)).answers;
    expect(full!.latencies.ttft.p90!.high).toBeNull();
    expect(full!.latencies.tpot.p90!.high).not.toBeNull();
  });

  test('flags of the engine change the answer, and stand beside it', async () => {
    const burst = [...SHORT, '--request-rate', 'inf'];
    const few = await simulated('llama-3.1-8b', ...burst, '--flag', 'max-num-seqs=4');
    const many = await simulated('llama-3.1-8b', ...burst);
    expect(few.answers[0]!.server).toContain('4 sequences');
    expect(numberOf(few.answers[0]!.latencies.ttft.p50)).toBeGreaterThan(
      2 * numberOf(many.answers[0]!.latencies.ttft.p50),
    );
  });

  test('conversations with time to think find what was said before in the cache', async () => {
    const { answers } = await simulated(
      ...['llama-3.1-8b', ...SHORT, '--turns', '4', '--think-seconds', '2', '--request-rate', '2'],
    );
    expect(numberOf(answers[0]!.cachedShare)).toBeGreaterThan(0.3);
  });

  test('plays a trace at its times, and judges each request by an objective', async () => {
    const trace = join(folder, 'trace.jsonl');
    const lines = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({ timestamp: 250 * i, input_length: 700, output_length: 20 }),
    );
    writeFileSync(trace, lines.join('\n'));
    const { answers } = await simulated('llama-3.1-8b', '--trace', trace, '--slo', 'e2e:p90<=10s');
    expect(answers[0]!.requests).toBe(40);
    expect(answers[0]!.goodput!.share.value).toBe(1);
    expect(answers[0]!.load).toContain('40 requests of a trace');
  });

  test('searches the highest load that keeps an objective, which a tighter one lowers', async () => {
    const search = async (slo: string) => {
      const words = ['--find-highest', 'concurrency', '--slo', slo, '--num-prompts', '400'];
      const { answers } = await simulated(
        'llama-3.1-8b',
        '--input-len',
        '300',
        '--output-len',
        '30',
        ...words,
      );
      return answers[0]!.highest!.load;
    };
    const [loose, tight] = [await search('tpot:p90<=20ms'), await search('tpot:p90<=10ms')];
    expect(tight.value).toBeLessThan(loose.value);
    expect(tight.low).toBeLessThanOrEqual(tight.value);
  });

  test('prints a row for each request', async () => {
    const { stdout } = await ridgeSimulate('llama-3.1-8b', ...SHORT, '--csv');
    const [head, ...lines] = stdout.trim().split('\r\n');
    expect(head).toContain('promptTokens,outputTokens,cachedTokens');
    expect(lines).toHaveLength(200);
  });

  test.each([
    [['llama-3.1-70b'], '2 devices hold it: --tensor-parallel 2.'],
    [['llama-3.1-8b', '--flag', 'maxNumSeq=3'], 'did you mean maxNumSeqs?'],
    [['llama-3.1-8b', '--flag', 'maxNumSeqs'], 'write NAME=VALUE'],
    [['llama-3.1-8b', '--request-rate', '3000'], 'that this server holds'],
    [['llama-3.1-8b', '--hardware', 'h10'], 'Did you mean h100?'],
    [['llama-3.1-8b', '--engine', 'vlm'], 'did you mean vllm?'],
    [['llama-3.1-8b', '--bits', 'q4_k_m'], 'engines on GPUs serve'],
    [['llama-3.1-8b', '--request-rate', '4', '--max-concurrency', '4'], 'say two things'],
    [['llama-3.1-8b', '--input-len', '200000'], '200064 tokens are more than the 131072 of the model'],
    [['llama-3.1-8b', '--num-prompts', '1000000'], 'more than the 100000'],
    [['llama-3.1-8b', '--slo', 'ttft:p95<500'], 'has no unit'],
    [['llama-3.1-8b', '--lora-shares', 'sql:1'], 'are not simulated'],
    [['llama-3.1-8b', '--exact-length', 'false'], 'leave exactLength out'],
    [['llama-3.1-8b', '--trace', 'nowhere.jsonl'], 'the trace nowhere.jsonl is not here'],
  ])('%j is one sentence', async (args, words) => {
    const { error } = await ridgeSimulate(...args);
    expect(error?.exitCode).toBe(EXIT.usage);
    expect(`${error?.message} ${error?.hint ?? ''}`).toContain(words);
  });

  test('a page has every number and its charts in two sizes, and fetches nothing', async () => {
    const page = join(folder, 'page.html');
    const { error } = await ridgeSimulate('llama-3.1-8b', ...SHORT, '--request-rate', '20', '--html', page);
    expect(error).toBeNull();
    const text = readFileSync(page, 'utf8');
    // Latencies over the load and per token, requests and cache over time.
    expect(text.match(/<svg/g)).toHaveLength(2 * 4);
    expect(text).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    for (const words of [
      '200 requests of 512 tokens in',
      'vLLM 0.24',
      'TTFT p95',
      'KV cache in use',
      'Bands:',
    ])
      expect(text).toContain(words);
  });

  test.each([
    ['is empty', '', 'The trace has no request'],
    [
      'runs backwards',
      [9000, 1000]
        .map((at) => JSON.stringify({ timestamp: at, input_length: 9, output_length: 9 }))
        .join('\n'),
      'run backwards',
    ],
  ])('a trace that %s is one sentence', async (name, text, words) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.jsonl`);
    writeFileSync(path, text);
    const { error } = await ridgeSimulate('llama-3.1-8b', '--trace', path);
    expect(error?.exitCode).toBe(EXIT.usage);
    expect(error?.message).toContain(words);
  });
});
