import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AnswersKept } from '../../agent/quality/asking/kept.js';
import { QUALITY } from '../../agent/quality/jobs.js';
import type { QualityJob } from '../../agent/quality/opened/measure.js';
import { readTasks } from '../../agent/quality/questions/task-files.js';
import { FolderBodies, linesOf } from '../../artifacts/files/bodies.js';
import { type AnswerRecord, readAnswer } from '../../core/quality/answers/record.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { sharedFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { modelPath } from './loading.js';

const folder = sharedFolder();
const tasks = join(import.meta.dirname, '../fixtures/tasks');

/** Six questions with options and three to be answered in words. */
function job(answers: AnswersKept, base: boolean): QualityJob {
  const read = sound(readTasks([join(tasks, 'fables.jsonl'), join(tasks, 'fables-said.yaml')]));
  const model = {
    runnerKind: 'llama-cpp',
    modelPath: modelPath('small'),
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  };
  const request = { text: null, tasks: read.tasks };
  return { model, base: base ? model : null, request, scorers: {}, trainedContext: 512, answers };
}

const kept = (name: string): AnswersKept => ({
  journal: join(folder, `${name}.jsonl`),
  identity: name,
  folder: join(folder, 'answers'),
});

/** @param killAt the child is killed when it has told of so many items */
async function ask(request: QualityJob, killAt = Number.POSITIVE_INFINITY) {
  let told = 0;
  const launched = launch({
    task: taskOf(QUALITY, request),
    cpus: [],
    timeLimitSeconds: 60,
    memoryLimitBytes: null,
    onMessage(message) {
      if (message.type !== 'quality-progress') return;
      told += 1;
      if (told === killAt) launched.kill('enough');
    },
  });
  return await launched.ended;
}

async function recordsOf(digest = ''): Promise<AnswerRecord[]> {
  const records: AnswerRecord[] = [];
  for await (const line of linesOf(new FolderBodies(join(folder, 'answers')), digest)) {
    const record = readAnswer(line);
    if (typeof record === 'string') throw new Error(record);
    records.push(record);
  }
  return records;
}

/** Without what differs from one asking to the next. */
const lasting = ({ seconds, secondsToFirst, sitting, ...record }: AnswerRecord) => record;

test('every item of a choice and of a generation is a line, with what the model thought of each option', async () => {
  const { answer, failure } = await ask(job(kept('whole'), true));
  expect(failure).toBeNull();
  const records = await recordsOf(answer?.answers?.digest);
  expect(records.map(({ task, item }) => `${task} ${item}`)).toEqual([
    ...['f1', 'f2', 'f3', 'f4', 'f5', 'f6'].map((id) => `fables ${id}`),
    ...['s1', 's2', 's3'].map((id) => `fables-said ${id}`),
  ]);
  for (const task of answer?.tasks ?? []) {
    const own = records.filter((record) => record.task === task.name);
    for (const { name, score } of task.scores) {
      const mean = own.reduce((sum, { scores }) => sum + scores[name]! / own.length, 0);
      expect(mean).toBeCloseTo(score.value, 12);
    }
  }
  const [first] = records;
  expect(first).toMatchObject({
    groups: { group: 'speech' },
    asked: { mode: 'choice', by: 'logits' },
    right: [0],
    tokensOut: 0,
    answer: null,
    secondsToFirst: null,
    absent: { secondsToFirst: expect.stringContaining('options') },
  });
  expect(first?.options?.every(({ logProbability }) => logProbability! < 0)).toBe(true);
  expect(first?.base?.scores).toEqual(first?.scores);
  const said = records.at(-1);
  expect(said?.answer?.length).toBeGreaterThan(0);
  expect(said?.tokensOut).toBeGreaterThan(0);
  expect(said?.secondsToFirst).toBeGreaterThan(0);
  expect(said?.seconds).toBeGreaterThanOrEqual(said!.secondsToFirst!);
});

test('a child that is killed is followed by one that asks only what is left', async () => {
  const whole = await recordsOf((await ask(job(kept('once'), false))).answer?.answers?.digest);
  const request = job(kept('twice'), false);
  // It has answered some more before it hears of it.
  expect((await ask(request, 1)).failure).not.toBeNull();
  expect(existsSync(request.answers!.journal)).toBe(true);
  const before = readFileSync(request.answers!.journal, 'utf8').split('\n').length - 2;
  expect(before).toBeGreaterThanOrEqual(1);
  const { answer } = await ask(request);
  const records = await recordsOf(answer?.answers?.digest);
  expect(records.map(lasting)).toEqual(whole.map(lasting));
  expect(records.filter(({ sitting }) => sitting === 0)).toHaveLength(before);
});
