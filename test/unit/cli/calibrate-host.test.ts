import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { jsonLines } from '../../../cli/output/jsonl.js';
import { createProgram } from '../../../cli/program.js';
import type { ResultRecord } from '../../../core/result/result.js';
import type { RooflinePhase, RooflineRecord } from '../../../core/result/roofline-record.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { timesOn } from '../../../roofline/operators/shipped/index.js';
import { compileStep } from '../../../roofline/step/compile.js';
import { readEngine } from '../../../roofline/step/engines.js';
import { calibrationPoints } from '../../../roofline/step/run-points.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { type HostTimes, kernelsIn, NO_HOST } from '../../../roofline/step/setting.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { sound } from '../../support/reading.js';
import { completeTrial } from '../../support/records.js';
import { servedTrial } from '../../support/served-records.js';
import { calmInput } from '../judgement/trace.js';

const folder = sharedFolder();
afterEach(() => vi.restoreAllMocks());

/** Runs `ridge` in this process. */
async function ridge(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const said = heard();
  await (await createProgram()).parseAsync(['node', 'ridge', ...args]);
  return said;
}

/** Of a machine that nobody told of: what the rows below were made with. */
const TRUE: HostTimes = {
  ...NO_HOST,
  kernelFactor: 1.2,
  stepSeconds: 3e-3,
  tokenSeconds: 5e-6,
  requestSeconds: 0.05,
};

const { engine } = readEngine('vllm')!;
const compiled = compileStep(
  servedIn(sound(namedArchitecture('llama-3.1-8b')).architecture, 'bf16'),
  timesOn(requireHardware('h100'), 'vllm'),
  {
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    kernels: kernelsIn('bf16'),
    graphs: engine.graphs,
    host: NO_HOST,
  },
);
if (!('secondsOf' in compiled)) throw new Error(compiled.join('; '));
const step = compiled;

function phase(name: 'decode' | 'prefill', measuredSeconds: number): RooflinePhase {
  return {
    name,
    tokens: 1,
    passes: 1,
    flops: 1,
    bytes: null,
    intensity: 1,
    measuredSeconds,
    roofSeconds: measuredSeconds / 2,
    predictedSeconds: null,
    residualRatio: null,
    flopsPerSecond: 1,
    bytesPerSecond: 1,
    mfu: null,
    peak: null,
    mbu: 0.5,
    bandwidth: { level: 'memory', bytesPerSecond: 1 },
    roofRatio: 0.5,
    bound: 'memory',
    boundLevel: 'memory',
    modules: null,
  };
}

/** A row of a server with so many sequences, whose times are those of the machine. */
function row(stepSequences: number): ResultRecord {
  const served: NonNullable<RooflineRecord['served']> = {
    window: { fromSeconds: 0, toSeconds: 60, steady: true },
    batchFrom: 'server',
    stepSequences,
    meanSequences: stepSequences,
    contextTokens: 1500,
    promptsPerStep: stepSequences / 1000,
    promptsAtOnce: 1,
    promptsBetween: 1,
    promptTokens: 1000,
    cachedTokens: 0,
  };
  const empty: RooflineRecord = {
    ceilings: { origin: 'published', id: 'h100', name: 'H100' },
    threads: 1,
    factors: null,
    phases: [phase('decode', 1), phase('prefill', 1)],
    served,
  };
  const [token, first] = calibrationPoints(empty, step).map(({ secondsUnder }) => secondsUnder(TRUE));
  return {
    ...completeTrial(),
    roofline: { ...empty, phases: [phase('decode', token!), phase('prefill', first!)] },
  };
}

test('three rows of a server calibrate its host, and predictions meet them then', async () => {
  const run = join(folder, 'run.jsonl');
  writeFileSync(run, jsonLines([row(1), row(32), row(200)]));
  const out = join(folder, 'host.json');
  const words = ['--calibrate', run, '--model', 'llama-3.1-8b', '--hardware', 'h100', '--out', out];
  const { stdout } = await ridge('factors', ...words);
  expect(stdout).toContain('calibrated by 6 measured times');
  const host = JSON.parse(readFileSync(out, 'utf8')) as HostTimes;
  for (const record of [row(8), row(100)]) {
    for (const { measuredSeconds, secondsUnder } of calibrationPoints(record.roofline!, step))
      expect(Math.abs(Math.log(secondsUnder(host) / measuredSeconds))).toBeLessThan(0.1);
  }
  vi.restoreAllMocks();
  const analysed = [
    'roofline',
    '--model',
    'llama-3.1-8b',
    '--hardware',
    'h100',
    '--engine',
    'vllm',
    '--context',
    '1500',
  ];
  const secondsOf = async (...more: string[]) =>
    (
      JSON.parse((await ridge(...analysed, '--json', ...more)).stdout) as {
        analyses: { decode: { predicted: { seconds: number } } }[];
      }
    ).analyses[0]!.decode.predicted.seconds;
  const plain = await secondsOf();
  vi.restoreAllMocks();
  expect(await secondsOf('--calibration', out)).toBeGreaterThan(plain + 2e-3);
});

test.each([
  [['--calibrate', 'x', '--model', 'llama-3.1-8b'], 'needs --model and --hardware', EXIT.usage],
  [['--calibrate', 'x', '--out', 'host.json'], '--out goes with --calibrate of a server on GPUs', EXIT.usage],
  [['--calibrate', 'x', '--engine', 'vllm'], '--engine goes with --calibrate', EXIT.usage],
  [['--calibrate', join(folder, 'none.jsonl')], 'is of a server', EXIT.failed],
  [
    ['--calibrate', join(folder, 'served.jsonl')],
    'llama-server: no row of it is of a server on',
    EXIT.failed,
  ],
  [
    ['--calibrate', join(folder, 'none.jsonl'), '--model', 'llama-3.1-8b', '--hardware', 'h100'],
    'no row of',
    EXIT.failed,
  ],
  [
    ['--calibrate', 'x', '--model', 'llama-3.1-8b', '--hardware', 'h100', '--bits', 'q4_k_m'],
    'no operators are measured in q4_k_m',
    EXIT.usage,
  ],
])('%o is refused in a sentence', async (words, message, code) => {
  writeFileSync(join(folder, 'none.jsonl'), jsonLines([completeTrial()]));
  const served = { ...servedTrial({ runner: 'llama-server' }), given: calmInput().given };
  writeFileSync(join(folder, 'served.jsonl'), jsonLines([served]));
  const error = await ridge('factors', ...words).catch((reason: unknown) => reason);
  if (!(error instanceof CommandError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.message).toContain(message);
  expect(error.exitCode).toBe(code);
});
