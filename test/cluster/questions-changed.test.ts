import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import type { Change } from '../../core/quality/questions.js';
import type { ResultRecord } from '../../core/result/result.js';
import { LONG } from '../support/cases.js';
import { temporaryFolder } from '../support/folder.js';
import { jsonLines, recordsIn } from '../support/reading.js';
import { type Running, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { freePort } from '../support/services.js';

/** What was done about each task of a row: nothing where its answers stay as they are. */
type Done = Readonly<Record<string, Change['todo']>>;

interface Case {
  readonly what: string;
  /** Changes files of the folder. */
  readonly change: (folder: string) => void;
  readonly done: Done;
  /** Lines that the user is told, without the number of rows. */
  readonly told: readonly string[];
  /** Answers of before are gone from the cache. */
  readonly gone?: true;
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
  const scorers = { judge: { command } };
  write('node.yaml', JSON.stringify({ scorers }));
  write('agent.yaml', JSON.stringify({ scorers, runners: ['llama-cpp'] }));
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

const NOTHING: Case = { what: 'nothing', change: () => {}, done: {}, told: [] };
const KEY: Case = {
  what: 'a key',
  change: (folder) => edit(folder, 'exam.jsonl', (text) => text.replaceAll('"answer":0', '"answer":2')),
  done: { exam: 'score again' },
  told: ['the key, the scorers or a judge of exam changed: scored again from kept answers'],
};
const ITEM: Case = {
  what: 'an item',
  change: (folder) => edit(folder, 'quiz.jsonl', (text) => text.replace('into the', 'out of the')),
  done: { quiz: 'ask again' },
  told: ['the questions of quiz changed: asked again'],
};
const JUDGE: Case = {
  what: "a judge's prompt",
  change: (folder) => edit(folder, 'prompt.txt', () => '0.75'),
  done: { said: 'score again' },
  told: ['the key, the scorers or a judge of said changed: scored again from kept answers'],
};
const ASKABLE: Case = {
  what: 'a template that could not be asked',
  change: (folder) => writeTask(folder, 'talk', TEMPLATE.replace('CHAT', 'false')),
  done: { talk: 'ask again' },
  told: ['the questions of talk changed: asked again'],
};
const GONE: Case = {
  what: 'a key, and the answers are gone',
  change: (folder) => {
    edit(folder, 'exam.jsonl', (text) => text.replaceAll('"answer":2', '"answer":0'));
    rmSync(join(folder, 'cache/ridgepoint/answers'), { recursive: true });
  },
  done: { exam: 'ask again' },
  told: ['the key, the scorers or a judge of exam changed, and its answers are kept no more: asked again'],
  gone: true,
};

const ONE_BY_ONE: readonly Case[] = [KEY, ITEM, JUDGE, ASKABLE];
/** The same changes in one submission. */
const AT_ONCE: Case = {
  what: 'a key, an item, a judge and a template',
  change: (folder) => {
    for (const { change } of ONE_BY_ONE) change(folder);
  },
  done: Object.assign({}, ...ONE_BY_ONE.map(({ done }) => done)),
  told: ONE_BY_ONE.flatMap(({ told }) => told),
};

const scoresOf = ({ quality }: ResultRecord) =>
  Object.fromEntries((quality?.tasks ?? []).map(({ name, scores }) => [name, scores[0]!.score.value]));

/**
 * What takes time is measured once: starts, readings and times between tokens stay those of the first run.
 */
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
  cases: readonly Case[],
  again: () => Promise<{ records: readonly ResultRecord[]; stderr: string }>,
): Promise<void> {
  const first = await again();
  expect(first.records.map(scoresOf)).toEqual(
    Array(2).fill({ exam: expect.any(Number), quiz: expect.any(Number), said: 0.25 }),
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
  for (const { what, change, done, told, gone } of cases) {
    change(folder);
    const { records, stderr } = await again();
    expectSameSpeed(records, first.records);
    const changed = Object.keys(done).length > 0;
    for (const line of told) expect(stderr, what).toContain(`2 rows: ${line}`);
    expect(stderr.match(/rows?: .* changed/g) ?? [], what).toHaveLength(told.length);
    for (const [i, record] of records.entries()) {
      const old = before[i]!;
      expect(record.trialId === old.trialId, what).toBe(!changed);
      if (!changed) continue;
      if (done.exam !== undefined && !gone) expect(scoresOf(record).exam, what).not.toBe(scoresOf(old).exam);
      expect(doneIn(record), what).toEqual(done);
      const kept = ['exam', 'quiz', 'said', 'talk'].filter((task) => done[task] !== 'ask again');
      const known = gone ? new Set<string>() : new Set(Object.keys(scoresOf(old)));
      expect(record.quality?.keptAnswers ?? [], what).toEqual(kept.filter((task) => known.has(task)));
      for (const task of Object.keys(scoresOf(old)))
        if (done[task] === undefined) expect(scoresOf(record)[task], what).toBe(scoresOf(old)[task]);
    }
    before = records;
  }
  const last = before.map(scoresOf);
  expect(last.map(({ said }) => said)).toEqual([0.75, 0.75]);
  for (const scores of last) expect(scores.talk).toEqual(expect.any(Number));
  for (const { measurements } of before)
    expect(measurements.taskScoreRatio?.value).not.toBe(first.records[0]!.measurements.taskScoreRatio?.value);
}

const running: Running[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.process.kill('SIGKILL');
    await one.ended;
  }
});

const byId = (records: readonly ResultRecord[]) =>
  records.toSorted((a, b) => (a.experimentId < b.experimentId ? -1 : 1));

/** A folder with the questions, and how `ridge` is called in it. */
function questions() {
  const folder = temporaryFolder();
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') };
  writeQuestions(folder);
  const call = async (...words: string[]) => {
    const { code, stdout, stderr } = await ridgeHere(words, { cwd: folder, env });
    expect(code, stderr).toBe(0);
    return { stdout, stderr };
  };
  return { folder, env, call };
}

test('ridge run again, or --reuse in another folder: what is asked again, what scored again, what kept', {
  timeout: 600_000,
}, async () => {
  const { folder, env, call } = questions();
  const run = async (out: string, ...more: string[]) => {
    const words = ['run', 'sweep.yaml', '--out', out, '--energy', 'none', '--config', 'node.yaml', ...more];
    const { stderr } = await call(...words);
    return { records: byId(recordsIn(join(folder, out))), stderr };
  };
  const planned = await ridgeHere(['plan', 'sweep.yaml', '--config', 'node.yaml'], { cwd: folder, env });
  expect([planned.code, planned.stderr]).toEqual([
    2,
    expect.stringContaining('talk asks by a chat template, and tiny has none'),
  ]);
  await walk(folder, [NOTHING, ...ONE_BY_ONE, GONE], () => run('out'));

  const before = byId(recordsIn(join(folder, 'out')));
  edit(folder, 'quiz.jsonl', (text) => text.replaceAll('"answer":1', '"answer":0'));
  const { records, stderr } = await run('other', '--reuse');
  expect(stderr).toMatch(/reused: \d+ starts of 2 experiments/);
  expect(stderr).toContain('2 rows: the key, the scorers or a judge of quiz changed: scored again');
  expectSameSpeed(records, before);
  expect(records.map(doneIn)).toEqual(Array(2).fill({ quiz: 'score again' }));
  expect(records.map((one) => scoresOf(one).quiz)).not.toEqual(before.map((one) => scoresOf(one).quiz));
  // Nothing has changed since: a third folder takes over what was scored last.
  const third = await run('third', '--reuse');
  expect(third.records.map(scoresOf)).toEqual(records.map(scoresOf));
  expect(third.stderr).not.toMatch(/changed: /);
});

test('through a coordinator: the same, by the files of the agent, when the same sweep is submitted again', {
  timeout: 600_000,
}, async () => {
  const { folder, env, call } = questions();
  const address = `127.0.0.1:${await freePort()}`;
  const at = ['--coordinator', address];
  const start = (...words: string[]): Running => {
    const one = startRidge(words, { cwd: folder, env });
    running.push(one);
    return one;
  };
  const alone = ['--metrics', 'off', '--web', 'off', '--data', 'c'];
  await start('coordinator', '--listen', address, ...alone).says(/agents and tools at/);
  const node = ['--config', 'agent.yaml', '--models', folder, '--data', 'a', '--energy', 'none'];
  start('agent', ...at, ...node);
  const cases = LONG ? [NOTHING, ...ONE_BY_ONE, GONE] : [NOTHING, AT_ONCE, GONE];
  await walk(folder, cases, async () => {
    const { stderr } = await call('submit', 'sweep.yaml', ...at, '--watch');
    const results = await call('results', 'asked', ...at, '--format', 'jsonl');
    return { records: byId(jsonLines<ResultRecord>(results.stdout)), stderr };
  });
});
