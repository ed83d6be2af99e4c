import { join } from 'node:path';
import { expect, test } from 'vitest';
import { QUALITY } from '../../agent/quality/jobs.js';
import { readTasks } from '../../agent/quality/questions/task-files.js';
import { lettersOf } from '../../agent/quality/ranking/prompt-reader.js';
import { safetensorsToGguf } from '../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { FolderBodies, linesOf } from '../../artifacts/files/bodies.js';
import { toFailure } from '../../core/errors.js';
import { readOptions } from '../../core/experiment/options.js';
import { type AnswerRecord, readAnswer } from '../../core/quality/answers/record.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import { openEmbedder } from '../../engines/runners/llama-cpp/embedder.js';
import type { EmbedderDemands } from '../../engines/runners/runner.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { sharedFolder, temporaryFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { tinyBert } from '../support/tiny-models.js';
import { modelPath } from './loading.js';

const folder = sharedFolder();
const example = join(import.meta.dirname, '../../docs/examples/ranking/first.yaml');

/** @param killAt the child is killed when it has told of so many queries. */
async function rank(name: string, killAt = Number.POSITIVE_INFINITY) {
  const read = sound(readTasks([example]));
  const model = {
    runnerKind: 'llama-cpp',
    modelPath: modelPath('tiny'),
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  };
  const answers = { journal: join(folder, `${name}.jsonl`), identity: name, folder: join(folder, 'answers') };
  const request = { text: null, tasks: [], rankings: read.rankings };
  let told = 0;
  const launched = launch({
    task: taskOf(QUALITY, { model, base: null, request, scorers: {}, trainedContext: 512, answers }),
    cpus: [],
    timeLimitSeconds: 60,
    memoryLimitBytes: null,
    onMessage(message) {
      if (message.type === 'quality-progress' && ++told === killAt) launched.kill('enough');
    },
  });
  const { answer, failure } = await launched.ended;
  const records: AnswerRecord[] = [];
  if (answer?.answers !== undefined)
    for await (const line of linesOf(new FolderBodies(answers.folder), answer.answers.digest)) {
      const record = readAnswer(line);
      if (typeof record === 'string') throw new Error(record);
      records.push(record);
    }
  return { answer, failure, records };
}

test('one file ranks by candidates, first tokens and generated orders; killed, it goes on at the query', {
  timeout: 180_000,
}, async () => {
  const whole = await rank('whole');
  expect(whole.failure).toBeNull();
  expect(whole.answer?.tasks.map(({ name, items }) => [name, items])).toEqual([
    ['fables/bm25', 6],
    ['fables/first-token', 6],
    ['fables/generate', 6],
  ]);
  const of = (task: string) => whole.records.filter((record) => record.task === `fables/${task}`);
  for (const [i, { ranking, tokensOut, tokensIn }] of of('first-token').entries()) {
    const [found, generated] = [of('bm25')[i]!, of('generate')[i]!];
    expect([...ranking!.ids].sort()).toEqual([...found.ranking!.ids].sort());
    // The same first window, and a token where the other writes an order.
    expect(tokensOut).toBe(ranking!.asked);
    expect(generated.tokensOut!).toBeGreaterThanOrEqual(4 * tokensOut!);
    expect(tokensIn).toBeGreaterThanOrEqual(100 * ranking!.asked);
    expect(ranking).toMatchObject({ unnamed: null, firstTokenTau: null });
    if (ranking!.asked === 0) continue;
    expect(generated.ranking?.unnamed).toBeGreaterThanOrEqual(0);
    expect(generated.answer).toMatch(/^\[/);
  }
  expect((await rank('halves', 8)).failure).not.toBeNull();
  const again = await rank('halves');
  const lasting = ({ seconds, secondsToFirst, sitting, ...record }: AnswerRecord) => record;
  expect(again.records.map(lasting)).toEqual(whole.records.map(lasting));
  expect(new Set(again.records.map(({ sitting }) => sitting))).toEqual(new Set([0, 1]));
});

async function encoder(): Promise<string> {
  const outputPath = join(temporaryFolder(), 'bert.gguf');
  await safetensorsToGguf.convert(
    { inputPath: await tinyBert(), outputPath, type: null, dequantize: false },
    () => {},
  );
  return outputPath;
}

const open = (path: string, pooling: EmbedderDemands['pooling']) =>
  openEmbedder({
    modelPath: path,
    options: readOptions(llamaCpp.options, { threads: 1 }),
    pooling,
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  });

test('vectors of llama.cpp are pooled as asked, and the same beside other texts', async () => {
  const path = await encoder();
  const vectors = async (pooling: EmbedderDemands['pooling'], ...texts: string[]) => {
    const model = await open(path, pooling);
    try {
      expect(model.width).toBe(16);
      return model.embed(texts.map((text) => model.cut(text)));
    } finally {
      model.close();
    }
  };
  const [alone] = await vectors('mean', 'a b c');
  const [, beside] = await vectors('mean', 'c', 'a b c', 'b a');
  const [cls] = await vectors('cls', 'a b c');
  const far = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  expect(far(alone!, beside!)).toBeLessThan(1e-4);
  expect(far(alone!, cls!)).toBeGreaterThan(1e-3);
});

test('what cannot make vectors so is refused in a sentence, and nothing aborts', async () => {
  const path = await encoder();
  const said = async (file: string, pooling: EmbedderDemands['pooling']) => {
    const failed = await open(file, pooling).then(
      () => null,
      (error) => toFailure(error),
    );
    return `${failed?.code}: ${failed?.message}`;
  };
  expect(await said(path, 'rank')).toMatch(/impossible-combination: .* has no head that ranks/);
  expect(await said(path, 'model')).toMatch(/does not say how the states of its tokens become one vector/);
  expect(await said(modelPath('tiny'), 'rank')).toMatch(/has no head/);
});

test('a vocabulary without bare letters behind a bracket ranks no lists', () => {
  const reader = (tokens: (text: string) => number[]) => ({
    by: 'logits' as const,
    contextTokens: 512,
    tokens: (prompt: string, _: boolean, begun: string) => Int32Array.from(tokens(`${prompt}${begun}`)),
    next: async () => () => 0,
    write: async () => ({ text: '', tokens: 0, next: null, secondsToFirst: null }),
  });
  const bytes = (text: string) => [...Buffer.from(text)];
  expect(lettersOf(reader(bytes), false, 3)).toMatchObject({ tokens: [65, 66, 67] });
  const merged = (text: string) => bytes(text.replaceAll('[A', '\u0001'));
  expect(lettersOf(reader(merged), false, 3)).toMatch(/no token of a bare letter behind a bracket/);
});
