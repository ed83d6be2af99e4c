import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnswersKept } from '../../../agent/quality/asking/kept.js';
import { emptyNotes } from '../../../agent/trial/notes.js';
import { askQuestions, goOnAsking, runningModel } from '../../../agent/trial/quality.js';
import { FolderBodies, linesOf } from '../../../artifacts/files/bodies.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { type AnswerRecord, readAnswer, shareOf } from '../../../core/quality/answers/record.js';
import { askNumbers, keeping, numbers, speaker } from '../../support/asked-numbers.js';
import { experiment, lease, trialContext } from '../../support/bench.js';
import { doHere } from '../../support/launcher.js';
import { FACTS } from '../sweep/documents.js';

const NOTHING = {
  request: { text: null, tasks: [], files: [], named: [], places: { modelFolders: [], cacheFolder: '' } },
  textDigest: null,
  taskDigests: [],
  questions: [],
  chats: [],
  scorers: {},
};

/** Asks one model of points with these options and devices, and says of each whether it was asked anew. */
async function askedAnew(points: readonly { readonly device: string; readonly options: Options }[]) {
  const node = trialContext();
  const launch = doHere({ quality: () => ({ text: null, tasks: [], warnings: [] }) });
  const base = { digest: 'b', path: 'base.gguf', facts: FACTS };
  const model = { base, path: 'm.gguf', digest: 'm', adapters: [], runnerKind: 'llama-cpp' };
  const anew: boolean[] = [];
  for (const { device, options } of points) {
    const notes = emptyNotes(new Date(), 0);
    const point = experiment({ device, runner: { kind: 'llama-cpp', options } });
    const trial = { lease: lease(point), node, device: node.profile.devices[0], notes, child: { launch } };
    await askQuestions(trial as never, model as never, NOTHING);
    anew.push(notes.quality?.reused !== true);
  }
  return anew;
}

test('a model that lies elsewhere is asked again, and one that is only faster is not', async () => {
  const here = { device: 'cuda', options: { gpuLayers: 'all', gpus: 2, splitMode: 'tensor', threads: 4 } };
  const elsewhere = [
    { ...here, device: 'cpu' },
    ...[
      { gpuLayers: 4 },
      { gpus: 4 },
      { splitMode: 'layer' },
      { mainGpu: 1 },
      { tensorSplit: '3/1' },
      { rpcServers: 'desk' },
      { rpcServers: 'attic' },
    ].map((options) => ({ ...here, options: { ...here.options, ...options } })),
  ];
  const points = [here, ...elsewhere];
  expect(await askedAnew(points)).toEqual(points.map(() => true));
  const faster = { ...here, options: { ...here.options, threads: 8, batch: 64 } };
  expect(await askedAnew([here, faster])).toEqual([true, false]);
});

async function recordsOf(folder: string, digest = ''): Promise<AnswerRecord[]> {
  const records: AnswerRecord[] = [];
  for await (const line of linesOf(new FolderBodies(folder), digest)) {
    const record = readAnswer(line);
    if (typeof record === 'string') throw new Error(record);
    records.push(record);
  }
  return records;
}

describe('what was said to each item', () => {
  test('is a line each, with how it was asked, what it took and what it scored', async () => {
    const kept = keeping();
    const { answers, tasks } = await askNumbers(kept, numbers(4), speaker([]));
    expect(tasks[0]?.scores[0]?.score).toMatchObject({ value: 0.5, items: 4 });
    expect(answers).toMatchObject({ items: 4, sitting: 0, bytes: expect.any(Number) });
    const records = await recordsOf(kept.folder, answers?.digest);
    expect(records.map(({ item, scores, extracted }) => [item, scores.numeric, extracted])).toEqual([
      ['q0', 1, '0'],
      ['q1', 0, '2'],
      ['q2', 1, '2'],
      ['q3', 0, '4'],
    ]);
    expect(records[1]).toMatchObject({
      task: 'numbers',
      index: 1,
      groups: { parity: 'odd' },
      references: ['1'],
      right: null,
      asked: { mode: 'generate', by: 'logits', examples: 0, maxTokens: 64, stop: ['\n'] },
      answer: ' it is 2',
      tokensIn: 10,
      tokensOut: 3,
      secondsToFirst: 0.001,
      absent: {},
    });
  });

  test('is there again after a kill at any item, once each, and nothing is asked twice but what was being asked', async () => {
    const kept = keeping();
    const heard: number[] = [];
    await expect(askNumbers(kept, numbers(20), speaker(heard, { stopAt: 7 }))).rejects.toThrow('killed');
    // A kill in the middle of a line.
    appendFileSync(kept.journal, '{"schema":"ridgepoint.dev/answer/v1","task":"numb');
    await expect(askNumbers(kept, numbers(20), speaker(heard, { stopAt: 12 }))).rejects.toThrow('killed');
    const { answers, tasks } = await askNumbers(kept, numbers(20), speaker(heard));
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(tasks[0]?.scores[0]?.score).toMatchObject({ value: 0.5, items: 20 });
    const records = await recordsOf(kept.folder, answers?.digest);
    expect(records.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(records.map(({ sitting }) => sitting)).toEqual([
      ...Array(7).fill(0),
      ...Array(5).fill(1),
      ...Array(8).fill(2),
    ]);
    expect(answers?.sitting).toBe(2);
  });

  test('is not read again where asking goes on, but where its line turns out to be damaged: that item is asked again', async () => {
    const kept = keeping();
    const heard: number[] = [];
    // A megabyte and a half.
    const says = 'y'.repeat(3000);
    const items = numbers(500);
    await expect(askNumbers(kept, items, speaker(heard, { stopAt: 450, says }))).rejects.toThrow('killed');
    const text = readFileSync(kept.journal, 'utf8');
    const line = text.split('\n')[200]!;
    writeFileSync(kept.journal, text.replace(line, '\0'.repeat(line.length)));
    heard.length = 0;
    const { answers, tasks } = await askNumbers(kept, items, speaker(heard, { says }));
    expect(heard).toEqual([...Array.from({ length: 50 }, (_, i) => 450 + i), 199]);
    expect(tasks[0]?.scores[0]?.score).toMatchObject({ value: 0.5, items: 500 });
    expect(new Set((await recordsOf(kept.folder, answers?.digest)).map(({ item }) => item)).size).toBe(500);
    expect(answers?.items).toBe(500);
  });

  test('begins anew for other questions, and leaves nothing behind where it is not kept', async () => {
    const kept = keeping();
    const heard: number[] = [];
    await askNumbers(kept, numbers(3), speaker(heard));
    await askNumbers({ ...kept, identity: 'b' }, numbers(3), speaker(heard));
    expect(heard).toEqual([0, 1, 2, 0, 1, 2]);
    const { answers } = await askNumbers(undefined, numbers(3), speaker([]));
    expect(answers).toBeUndefined();
    expect(readdirSync(join(kept.journal, '..')).sort()).toEqual(['answers', 'journal.jsonl']);
  });

  test('has its share of the energy of its window by time, or a reason', () => {
    const window = { sitting: 1, seconds: 10, joules: 50, source: 'counter:package-0', reason: null };
    expect(shareOf({ seconds: 2, sitting: 1 }, window)).toEqual({ joules: 10 });
    expect(shareOf({ seconds: 2, sitting: 0 }, window)).toMatchObject({
      joules: null,
      reason: expect.stringContaining('interruption'),
    });
    const none = { ...window, joules: null, reason: 'no meter' };
    expect(shareOf({ seconds: 2, sitting: 1 }, none)).toEqual({ joules: null, reason: 'no meter' });
  });

  test('is gone on with before anything is timed, where somebody was interrupted', async () => {
    const node = trialContext();
    const heard: number[] = [];
    let stopAt = 2;
    const work = async ({ answers }: { answers: AnswersKept }) => ({
      text: null,
      warnings: [],
      ...(await askNumbers(answers, numbers(4), speaker(heard, { stopAt }))),
    });
    const notes = emptyNotes(new Date(), 0);
    const trial = {
      lease: lease(experiment()),
      node,
      device: node.profile.devices[0],
      notes,
      child: { launch: doHere({ quality: work }) },
    } as never;
    const artifact = { path: 'm.gguf', digest: 'm' };
    const model = { base: { digest: 'b', path: 'b.gguf', facts: FACTS }, artifact, adapters: [] } as never;
    expect(await goOnAsking(trial, model, NOTHING)).toBe(false);
    await expect(askQuestions(trial, runningModel(experiment(), model), NOTHING)).rejects.toThrow('killed');
    stopAt = -1;
    expect(await goOnAsking(trial, model, null)).toBe(false);
    expect(await goOnAsking(trial, model, NOTHING)).toBe(true);
    expect(heard).toEqual([0, 1, 2, 2, 3]);
    expect(notes.quality?.tasks).toMatchObject([{ name: 'numbers', items: 4 }]);
    expect(await goOnAsking(trial, model, NOTHING)).toBe(false);
  });

  test('is asked again once it is gone from the cache', async () => {
    const node = trialContext();
    let asked = 0;
    const work = async ({ answers }: { answers: AnswersKept }) => {
      asked += 1;
      return { text: null, warnings: [], ...(await askNumbers(answers, numbers(3), speaker([]))) };
    };
    const base = { digest: 'b', path: 'base.gguf', facts: FACTS };
    const model = { base, path: 'm.gguf', digest: 'm', adapters: [], runnerKind: 'llama-cpp' };
    const once = async () => {
      const notes = emptyNotes(new Date(), 0);
      const trial = {
        lease: lease(experiment()),
        node,
        device: node.profile.devices[0],
        notes,
        child: { launch: doHere({ quality: work }) },
      };
      await askQuestions(trial as never, model as never, NOTHING);
      return notes.quality;
    };
    const first = await once();
    expect(first?.answers).toMatchObject([
      { items: 3, window: { joules: null, reason: expect.any(String) } },
    ]);
    expect(await once()).toMatchObject({ reused: true, answers: first?.answers });
    const { cacheFolder } = node.models;
    expect(existsSync(join(cacheFolder, 'quality'))).toBe(true);
    expect(readdirSync(join(cacheFolder, 'quality')).filter((name) => !name.endsWith('.json'))).toEqual([]);
    rmSync(join(cacheFolder, 'answers'), { recursive: true });
    expect((await once())?.reused).toBe(false);
    expect(asked).toBe(2);
  });
});
