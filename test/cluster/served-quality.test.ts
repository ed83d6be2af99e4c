import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import type { ResultRecord } from '../../core/result/result.js';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';

const LIMIT = 300_000;
/** A real one; where it is not named its test is skipped. */
const llamaServer = process.env.RIDGEPOINT_LLAMA_SERVER;

const folder = sharedFolder();

function put(name: string, content: string): void {
  writeFileSync(join(folder, name), content);
}

beforeAll(() => {
  mkdirSync(join(folder, 'models'));
  copyFileSync(join(builtinFolder(), 'small-f16.gguf'), join(folder, 'models/small.gguf'));
  const head = (name: string) => `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: ${name} }\n`;
  const asked = { question: 'They went into the', choices: [' forest', ' of'] };
  const items = (...answers: unknown[]) =>
    answers.map((answer) => JSON.stringify({ ...asked, answer })).join('\n');
  put('models/two.jsonl', items(0, 1));
  put('models/choice.yaml', `${head('choice')}spec: { items: two.jsonl }\n`);
  put('models/letter.yaml', `${head('letter')}spec: { items: two.jsonl, mode: letter }\n`);
  put('models/words.jsonl', JSON.stringify({ question: 'Once upon a', answer: 'time' }));
  put(
    'models/said.yaml',
    `${head('said')}spec: { items: words.jsonl, mode: generate, maxTokens: 2, scorers: [contains] }\n`,
  );
});

async function run(name: string, servers: object, spec: object): Promise<ResultRecord[]> {
  put(`${name}.config.yaml`, JSON.stringify({ servers }));
  const whole = {
    quality: {
      text: 'builtin:sample',
      contextTokens: 64,
      maxWindows: 2,
      tasks: ['choice.yaml', 'letter.yaml', 'said.yaml'],
    },
    measure: { starts: 1, retryInvalid: 0 },
    placement: { retries: 0, driftControl: false, device: 'cpu' },
    ...spec,
  };
  put(
    `${name}.yaml`,
    JSON.stringify({ apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name }, spec: whole }),
  );
  const out = join(folder, name);
  const ended = await ridgeHere(
    [
      ...['run', join(folder, `${name}.yaml`), '--out', out, '--config', join(folder, `${name}.config.yaml`)],
      ...['--models', join(folder, 'models'), '--energy', 'none', '--no-roofs'],
    ],
    { env: { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') } },
  );
  expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return recordsIn(out);
}

const LOAD = { kind: 'serving', requests: 4, warmupRequests: 1, inputTokens: 16, outputTokens: 4 };
const askedOf = ({ quality }: ResultRecord) => [
  quality?.text?.asked ?? null,
  ...(quality?.tasks ?? []).map(({ name, asked }) => [name, asked]),
];
const codesOf = ({ warnings }: ResultRecord) => warnings.map(({ code }) => code);
const byServer = (by: string) => ({ through: 'server', by });

describe('quality of the server that was timed', () => {
  test(
    'is what it tells; what it does not is missing with the reason',
    async () => {
      const own = { profile: 'simulated-server', command: ['ridge-simulated-server'] };
      const rows = await run(
        'simulated',
        { tells: own, ignores: { ...own, arguments: ['--log-probabilities', 'next', '--says', 'B'] } },
        {
          models: 'builtin:tiny',
          runners: [{ kind: 'simulated-server', server: ['tells', 'ignores'], simulatedTtftSeconds: 0.001 }],
          workloads: [{ ...LOAD, concurrency: [1, 2] }],
        },
      );
      expect(rows).toHaveLength(4);
      const of = (name: string) => rows.filter(({ experiment }) => experiment.runner.options.server === name);
      for (const row of of('tells')) {
        expect(askedOf(row)).toEqual([
          null,
          ['choice', byServer('prompt-log-probabilities')],
          ['letter', byServer('prompt-log-probabilities')],
          ['said', byServer('saying')],
        ]);
        expect(row.measurements.taskScoreRatio?.value).not.toBeNull();
        expect(row.warnings.map(({ message }) => message)).toContainEqual(
          expect.stringMatching(/^simulated-server could not be asked the text: no tokenizer is known here/),
        );
      }
      for (const row of of('ignores')) {
        expect(askedOf(row)).toEqual([null, ['letter', byServer('saying')], ['said', byServer('saying')]]);
        expect(row.quality?.unanswered?.map(({ task }) => task)).toEqual([null, 'choice']);
        expect(codesOf(row).filter((code) => code === 'quality-missing')).toHaveLength(2);
      }
      // Points that share a server are asked once.
      expect(
        of('tells')
          .map(({ quality }) => quality?.reused)
          .toSorted(),
      ).toEqual([false, true]);
    },
    LIMIT,
  );

  test.skipIf(llamaServer === undefined)(
    'of llama-server: letters and answers by itself, texts and options by the file that it served (needs llama-server)',
    async () => {
      const [row] = await run(
        'llama',
        { 'llama-server': { command: [llamaServer!] } },
        {
          models: { name: 'small', source: 'small.gguf' },
          runners: [{ kind: 'llama-server', threads: 1, maxSequences: 1 }],
          workloads: [LOAD],
        },
      );
      const expectedNote = { through: 'stand-in', runner: 'llama-cpp' };
      expect(askedOf(row!)).toEqual([
        expectedNote,
        ['choice', expectedNote],
        ['letter', byServer('next-log-probabilities')],
        ['said', byServer('saying')],
      ]);
      // The file is the base itself: both are asked the same, one through the server.
      for (const { scores } of row!.quality!.tasks) {
        for (const { score, base } of scores) expect(base?.value).toBe(score.value);
      }
    },
    LIMIT,
  );
});
