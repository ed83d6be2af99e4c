/**
 * Records the grid that `bench:search` replays: real points of the shipped model, weights × sparsity × cache
 * type × flash × threads × batch × depth, through the real `ridge run`, so that a point costs what it costs a
 * search: a process of its own, loading, one warm-up, repeats for a second. Three sweeps, one after the
 * other, each in random order, so that what drifts on the machine follows no axis:
 *
 *   quality  perplexity, once for each weights and cache type: it depends on nothing else
 *   probe    every point, three to five repeats within a second
 *   full     200 of the points, drawn at random, repeats for six seconds
 *
 * What many points share is made once: files by the node's cache, quality by the first sweep. A process for
 * each point is kept: a point that crashes or leaks changes no other, memory is its own, and of two seconds
 * starting it takes a fifth.
 *
 *   node --import tsx test/bench/search/record.ts --out=FOLDER [--for=MINUTES] goes on where it was cut short
 *   or killed
 *
 * Each call writes what there is so far as test/fixtures/search-grid.jsonl.gz (--to=FILE: elsewhere).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import type { AxisValue, Experiment } from '../../../core/experiment/experiment.js';
import { metricValue, type ResultRecord } from '../../../core/result/result.js';
import { physicsOf } from '../../../search/physics.js';
import { ridge } from '../../support/ridge.js';
import { machine } from '../figure.js';
import { FIXTURE, type Header, type Line, type Reading } from './recorded.js';
import { goOn, keptIn, minutesAsked, rowsIn, secondsOf } from './sweep-run.js';

const argument = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const out = argument('out');
if (out === undefined) throw new Error('name the folder that keeps what was measured: --out=FOLDER');
const minutes = minutesAsked(argument('for'));
const deadline = performance.now() + 60_000 * (minutes ?? Number.POSITIVE_INFINITY);
const say = (line: string): void => void process.stderr.write(`record: ${line}\n`);

const AXES = {
  quantization: ['f16', 'q8_0', 'q5_k_m', 'q4_k_m', 'q4_0'],
  sparsity: ['none', 'magnitude:30%', 'magnitude:50%', 'magnitude:70%'],
  kvCacheTypeK: ['f16', 'q8_0', 'q4_0'],
  flashAttention: [false, true],
  threads: [1, 2],
  parallel: [1, 2, 4],
  contextDepth: [0, 128, 320],
} as const satisfies Record<string, readonly AxisValue[]>;
const POINTS = Object.values(AXES).reduce((product, { length }) => product * length, 1);
const FULL = 200;

const { quantization, sparsity, kvCacheTypeK, flashAttention, threads, parallel, contextDepth } = AXES;
const techniques = { quantization, sparsity };
const grid = {
  models: 'builtin:small',
  techniques,
  runners: [{ kind: 'llama-cpp', kvCacheTypeK, flashAttention, threads }],
  workloads: [{ kind: 'latency', promptTokens: 32, generateTokens: 32, parallel, contextDepth }],
};
// Failed points fail again: another slice does not try them anew.
const once = { retries: 0 };
const drawn = (trials?: number) => ({
  strategy: 'random',
  predict: false,
  ...(trials === undefined ? {} : { budget: { trials } }),
});
const sweepOf = (name: string, spec: object) => ({
  apiVersion: 'ridgepoint.dev/v1',
  kind: 'Sweep',
  metadata: { name: `record-${name}` },
  spec: { placement: once, objectives: { decodeTokensPerSecond: 'max', peakResidentBytes: 'min' }, ...spec },
});

const brief = { starts: 1, retryInvalid: 0, minRepeats: 3, maxRepeats: 5, maxWarmups: 1, maxSeconds: 1 };
const SWEEPS = {
  quality: sweepOf('quality', {
    models: grid.models,
    techniques,
    quality: { text: 'builtin:sample', maxWindows: 8, base: false },
    runners: [{ kind: 'llama-cpp', kvCacheTypeK, flashAttention: true, threads: 2 }],
    workloads: [{ kind: 'latency', promptTokens: 8, generateTokens: 8 }],
    measure: { ...brief, minRepeats: 1, maxRepeats: 1 },
    search: drawn(),
  }),
  probe: sweepOf('probe', { ...grid, measure: brief, search: drawn() }),
  full: sweepOf('full', {
    ...grid,
    measure: { ...brief, maxRepeats: 100, maxWarmups: 5, maxSeconds: 6 },
    search: drawn(FULL),
  }),
};

/** The value of an axis that a point has. */
function valueOn({ technique, runner, workload }: Experiment, axis: string): AxisValue | undefined {
  return { ...technique, ...runner.options, ...workload.options }[axis] as AxisValue | undefined;
}

const digitsOf = (experiment: Experiment): number[] =>
  Object.entries(AXES).map(([name, values]) =>
    (values as readonly AxisValue[]).indexOf(valueOn(experiment, name)!),
  );

function readingOf(record: ResultRecord | undefined): Reading | null {
  if (record?.status !== 'complete') return null;
  const decode = metricValue(record, 'decodeTokensPerSecond');
  const prefill = metricValue(record, 'prefillTokensPerSecond');
  const memory = metricValue(record, 'peakResidentBytes');
  if (decode === null || prefill === null || memory === null) return null;
  return {
    decodeTokensPerSecond: decode,
    prefillTokensPerSecond: prefill,
    peakResidentBytes: memory,
    seconds: secondsOf(record),
  };
}

/** The last trial of each point of a sweep, as long as there is any. */
const trialsOf = (name: keyof typeof SWEEPS): ResultRecord[] => {
  const records = rowsIn(join(out, name))?.records ?? [];
  const measured = records.filter(({ sweep }) => sweep.purpose === 'measure');
  return [...new Map(measured.map((record) => [record.sweep.position, record])).values()];
};

const qualityKey = (experiment: Experiment): string =>
  ['quantization', 'sparsity', 'kvCacheTypeK'].map((axis) => valueOn(experiment, axis)).join(' ');

function lines(): Line[] {
  const perplexities = new Map(
    trialsOf('quality').map((record) => [qualityKey(record.experiment), metricValue(record, 'perplexity')]),
  );
  const full = new Map(trialsOf('full').map((record) => [record.sweep.position, readingOf(record)]));
  return trialsOf('probe').map((record) => {
    const { position } = record.sweep;
    const deep = full.get(position) ?? null;
    return {
      position,
      digits: digitsOf(record.experiment),
      startedAt: record.startedAt,
      probe: readingOf(record),
      seconds: secondsOf(record),
      ...(deep === null ? {} : { full: deep }),
      perplexity: perplexities.get(qualityKey(record.experiment)) ?? null,
      physics: physicsOf(record.experiment),
    };
  });
}

for (const [name, document] of Object.entries(SWEEPS)) {
  if ((keptIn(join(out, name))?.ended ?? null) !== null) continue;
  const left = (deadline - performance.now()) / 60_000;
  if (left <= 0) break;
  const file = join(out, `${name}.yaml`);
  await goOn(document, join(out, name), minutes === null ? null : left);
  writeFileSync(file, stringify(document));
  const planned = (await ridge(['plan', file])).stdout;
  const { seconds, ended } = keptIn(join(out, name))!;
  say(`${name}: ${(seconds / 60).toFixed(1)} min so far, ${ended ?? 'to be gone on with'}`);
  say(`  a whole one takes ${/time: (.*)/.exec(planned)?.[1] ?? 'nobody knows how long'}`);
}
const measured = lines();
const header: Header = {
  axes: Object.entries(AXES).map(([name, values]) => ({ name, values })),
  points: POINTS,
  machine: machine(),
  date: new Date().toISOString().slice(0, 10),
};
const text = [header, ...measured].map((line) => JSON.stringify(line)).join('\n');
writeFileSync(argument('to') ?? FIXTURE, gzipSync(`${text}\n`, { level: 9 }));
const deep = measured.filter(({ full }) => full !== undefined).length;
const failed = measured.filter(({ probe }) => probe === null).length;
say(`${measured.length} of ${POINTS} points, ${failed} failed, ${deep} of ${FULL} at full depth`);
const spent = measured.reduce((sum, { seconds }) => sum + seconds, 0);
if (measured.length > 0) {
  const left = ((POINTS - measured.length) * spent) / measured.length / 3600;
  say(
    `a point takes ${(spent / measured.length).toFixed(1)} s here: ${left.toFixed(1)} h more for the others`,
  );
}
