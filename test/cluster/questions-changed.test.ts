import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import type { Change } from '../../core/quality/questions.js';
import type { ResultRecord } from '../../core/result/result.js';
import { temporaryFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { type Running, ridge, startRidge } from '../support/ridge.js';
import { freePort } from '../support/services.js';

/** What was done about each task of a row: nothing where its answers stay as they are. */
type Done = Readonly<Record<string, Change['todo']>>;

interface Case {
  readonly what: string;
  /** Changes files of the folder. */
  readonly change: (folder: string) => void;
  readonly done: Done;
  /** A line that the user is told; null = none. */
  readonly told: string | null;
}

const TEMPLATE = 'items: talk.jsonl, chat: CHAT';

/** Questions, keys, judge and template as they are at first. */
function writeQuestions(folder: string): void {
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
  const choices = [' forest', ' of', ' 7 xq'];
  const asked = { context: 'They went into the', choices };
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const name of ['exam', 'quiz', 'talk'])
    write(`${name}.jsonl`, [0, 1].map((answer) => JSON.stringify({ ...asked, answer })).join('\n'));
  write('said.jsonl', JSON.stringify({ context: 'They went into the', answer: 'forest' }));
  const specs = {
    exam: 'items: exam.jsonl',
    quiz: 'items: quiz.jsonl',
    talk: TEMPLATE.replace('CHAT', 'true'),
    said: 'items: said.jsonl, mode: generate, scorers: ["external:judge"], maxTokens: 3',
  };
  for (const [name, spec] of Object.entries(specs)) writeTask(folder, name, spec);
  write('prompt.txt', '0.25');
  write(
    'judge.mjs',
    `import { readFileSync } from 'node:fs';
     import { createInterface } from 'node:readline';
     const score = Number(readFileSync(process.argv[2], 'utf8'));
     for await (const line of createInterface({ input: process.stdin }))
       console.log(JSON.stringify({ id: JSON.parse(line).id, score }));`,
  );
  const command = [process.execPath, join(folder, 'judge.mjs'), join(folder, 'prompt.txt')];
  write('node.yaml', JSON.stringify({ scorers: { judge: { command } } }));
  write(
    'sweep.yaml',
    `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: asked }
spec:
  models: [{ name: tiny, source: tiny.gguf }]
  techniques: { quantization: [base, q4_0] }
  runners: [{ kind: llama-cpp, threads: 1 }]
  workloads: [{ kind: latency, promptTokens: 16, generateTokens: 4 }]
  measure: { starts: 1, maxRepeats: 1, minRepeats: 1, maxWarmups: 0 }
  placement: { retries: 0, driftControl: false }
  quality: { base: false, tasks: [exam.yaml, quiz.yaml, talk.yaml, said.yaml] }
`,
  );
}

function writeTask(folder: string, name: string, spec: string): void {
  writeFileSync(
    join(folder, `${name}.yaml`),
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`,
  );
}

function edit(folder: string, name: string, change: (text: string) => string): void {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

const CASES: readonly Case[] = [
  { what: 'nothing', change: () => {}, done: {}, told: null },
  {
    what: 'a key',
    change: (folder) => edit(folder, 'exam.jsonl', (text) => text.replaceAll('"answer":0', '"answer":2')),
    done: { exam: 'score again' },
    told: '2 rows: the key, the scorers or a judge of exam changed: scored again from kept answers',
  },
  {
    what: 'an item',
    change: (folder) => edit(folder, 'quiz.jsonl', (text) => text.replace('into the', 'out of the')),
    done: { quiz: 'ask again' },
    told: '2 rows: the questions of quiz changed: asked again',
  },
  {
    what: "a judge's prompt",
    change: (folder) => edit(folder, 'prompt.txt', () => '0.75'),
    done: { said: 'score again' },
    told: '2 rows: the key, the scorers or a judge of said changed: scored again from kept answers',
  },
  {
    what: 'a template that could not be asked',
    change: (folder) => writeTask(folder, 'talk', TEMPLATE.replace('CHAT', 'false')),
    done: { talk: 'ask again' },
    told: '2 rows: the questions of talk changed: asked again',
  },
];

const scoresOf = ({ quality }: ResultRecord) =>
  Object.fromEntries((quality?.tasks ?? []).map(({ name, scores }) => [name, scores[0]!.score.value]));

/** What takes time is measured once: starts, readings and times between tokens stay those of the first run. */
function expectSameSpeed(now: readonly ResultRecord[], first: readonly ResultRecord[]): void {
  const timed = ({ experimentId, startedAt, tokenSeconds, phases }: ResultRecord) => {
    return { experimentId, startedAt, tokenSeconds, phases };
  };
  expect(now.map(timed)).toEqual(first.map(timed));
}

const doneIn = ({ quality }: ResultRecord): Done =>
  Object.fromEntries((quality?.again?.changes ?? []).map(({ task, todo }) => [task ?? 'text', todo]));

/**
 * Makes the changes one after the other, and says what came of each.
 * @param again runs the sweep once more. @returns its rows by experiment, and what the user was told.
 */
async function walk(
  folder: string,
  again: () => Promise<{ records: readonly ResultRecord[]; stderr: string }>,
): Promise<void> {
  const first = await again();
  expect(first.records.map(scoresOf)).toEqual(
    [1, 2].map(() => ({ exam: expect.any(Number), quiz: expect.any(Number), said: 0.25 })),
  );
  for (const { quality, warnings } of first.records) {
    expect(quality?.unanswered).toEqual([
      { task: 'talk', reason: expect.stringContaining('no chat template') },
    ]);
    expect(warnings.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/asked talk: .*no chat/),
    );
  }
  let before = first.records;
  for (const { what, change, done, told } of CASES) {
    change(folder);
    const { records, stderr } = await again();
    expectSameSpeed(records, first.records);
    const changed = Object.keys(done).length > 0;
    if (told !== null) expect(stderr, what).toContain(told);
    else expect(stderr, what).not.toMatch(/rows?: .* changed/);
    for (const [i, record] of records.entries()) {
      const old = before[i]!;
      expect(record.trialId === old.trialId, what).toBe(!changed);
      if (!changed) continue;
      expect(doneIn(record), what).toEqual(done);
      const kept = ['exam', 'quiz', 'said', 'talk'].filter((task) => done[task] !== 'ask again');
      const known = new Set(Object.keys(scoresOf(old)));
      expect(record.quality?.keptAnswers, what).toEqual(kept.filter((task) => known.has(task)));
      for (const task of Object.keys(scoresOf(old)))
        if (done[task] === undefined) expect(scoresOf(record)[task], what).toBe(scoresOf(old)[task]);
    }
    before = records;
  }
  const last = before.map(scoresOf);
  expect(last.map(({ said }) => said)).toEqual([0.75, 0.75]);
  expect(last.map(({ exam }) => exam)).not.toEqual(first.records.map((one) => scoresOf(one).exam));
  for (const scores of last) expect(scores.talk).toEqual(expect.any(Number));
  for (const { measurements } of before)
    expect(measurements.taskScoreRatio?.value).not.toBe(first.records[0]!.measurements.taskScoreRatio?.value);
}

const byId = (records: readonly ResultRecord[]) =>
  records.toSorted((a, b) => (a.experimentId < b.experimentId ? -1 : 1));

test('ridge run again asks again what is asked otherwise, and scores again what is scored otherwise', {
  timeout: 400_000,
}, async () => {
  const folder = temporaryFolder();
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') };
  writeQuestions(folder);
  await walk(folder, async () => {
    const words = ['run', 'sweep.yaml', '--out', 'out', '--energy', 'none', '--config', 'node.yaml'];
    const { code, stderr } = await ridge(words, { cwd: folder, env });
    expect(code, stderr).toBe(0);
    return { records: byId(recordsIn(join(folder, 'out'))), stderr };
  });
});
