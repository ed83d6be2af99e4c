/**
 * Predicted beside measured: models of 8 million to a billion weights, of five types, at 1 to 8 sequences,
 * several depths and numbers of threads, timed by the runner's own code; none of it was seen by the fit,
 * which rests on benches of single operators alone (ridge factors). Measures roofs and fits factors first,
 * unless ROOFS names a folder that has both. Claims: at 200 points or more the median absolute error is at
 * most 10 % for decoding and 12 % for prefill, and at least 90 % of points lie within the band of 95 % that
 * is stated beside them.
 *
 * Points that something else disturbed, or that were timed on CPUs that the host had moved apart, are timed
 * again.
 *
 * --from=FILE judges the points of a predict.csv again and measures nothing; where they came without a band,
 * that of each model is learned from the points of all other models. --quick takes the two smallest models
 * and fewer points. DEVICE=cuda runs the same on a GPU. Writes predict.csv and predict.svg into OUT (default:
 * the working folder).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bandRatio } from '../../roofline/error-band.js';
import { median } from '../../statistics/quantile.js';
import { mean } from '../../statistics/summary.js';
import { RIDGE } from '../support/ridge.js';
import { conclude } from './figure.js';
import { type ModelFile, modelFiles } from './predict/models.js';
import { plot } from './predict/plot.js';
import type { Point } from './predict/points.js';

const quick = process.argv.includes('--quick');
const deviceClass = process.env.DEVICE ?? 'cpu';
const out = process.env.OUT ?? '.';
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-predict-'));
const state = process.env.ROOFS ?? join(folder, 'state');
const begun = performance.now();
const minutes = () => `${((performance.now() - begun) / 60_000).toFixed(1)} min`;

const from = process.argv.find((a) => a.startsWith('--from='))?.slice(7) ?? null;
const points: Point[] = [];
// Before half an hour of measuring, not after it.
mkdirSync(out, { recursive: true });
try {
  if (from !== null) points.push(...recorded(from));
  if (from === null && process.env.ROOFS === undefined) {
    ridge('roofs');
    ridge('factors');
  }
  for (const model of from === null ? await modelFiles(quick) : []) {
    points.push(...pointsOf(model));
    console.error(`${minutes()}: ${points.length} points, ${model.name} ${model.type}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function errorOf({ predictedSeconds, measuredSeconds }: Point): number {
  return predictedSeconds / measuredSeconds - 1;
}

/** @returns the points of a predict.csv, each with a band. */
function recorded(file: string): Point[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head.split(',');
  const read = lines.map((line): Point => {
    const cells = new Map(line.split(',').map((cell, i) => [names[i], cell]));
    const text = (name: string) => cells.get(name) ?? '';
    const number = (name: string) => Number(text(name));
    return {
      model: text('model'),
      type: text('type'),
      phase: text('phase') as Point['phase'],
      threads: number('threads'),
      parallel: number('parallel'),
      depth: number('depth'),
      tokens: number('tokens'),
      measuredSeconds: number('measuredSeconds'),
      predictedSeconds: number('predictedSeconds'),
      roofSeconds: number('roofSeconds'),
      errorRatio95: text('errorRatio95') === '' ? null : number('errorRatio95'),
      extrapolated: text('extrapolated') === 'true',
    };
  });
  const like = (a: Point, b: Point) => a.phase === b.phase && a.threads === b.threads && a.model !== b.model;
  return read.map((point) => {
    const squares = read
      .filter((other) => like(point, other))
      .map((other) => Math.log1p(errorOf(other)) ** 2);
    const band = () => bandRatio({ models: squares.length, error: Math.sqrt(mean(squares)) });
    return { ...point, errorRatio95: point.errorRatio95 ?? band() };
  });
}

/**
 * In a process of its own: the registry of backends is one per process, and memory goes back between models.
 */
function pointsOf(model: ModelFile): Point[] {
  const args = ['--import', 'tsx', join(import.meta.dirname, 'predict/points.ts')];
  const job = JSON.stringify({ ...model, quick, state, deviceClass, output: join(folder, 'points.json') });
  const done = spawnSync(process.execPath, [...args, job], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) throw new Error(`the points of ${model.name} ${model.type} failed`);
  return JSON.parse(readFileSync(join(folder, 'points.json'), 'utf8')) as Point[];
}

function ridge(command: string): void {
  const done = spawnSync(process.execPath, [RIDGE, command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, XDG_STATE_HOME: state },
  });
  if (done.status !== 0) throw new Error(`ridge ${command} failed`);
}

const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;

/** Median of errors and of their sizes. */
function line(label: string, own: readonly Point[]): void {
  if (own.length === 0) return;
  const errors = own.map(errorOf);
  const sizes = errors.map(Math.abs).sort((a, b) => a - b);
  const p90 = sizes[Math.floor(0.9 * (sizes.length - 1))]!;
  console.log(
    `${label.padEnd(28)} ${String(own.length).padStart(4)}  |error| ${percent(median(sizes)).padStart(7)}  p90 ${percent(p90).padStart(7)}  bias ${percent(median(errors)).padStart(8)}`,
  );
}

/** Share of points whose measured time lies in the band that was stated beside the prediction. */
function within(own: readonly Point[]): number {
  const held = ({ predictedSeconds, measuredSeconds, errorRatio95 }: Point) =>
    Math.abs(Math.log(predictedSeconds / measuredSeconds)) <= Math.log(errorRatio95 ?? 1);
  return own.filter(held).length / own.length;
}

const phases = ['prefill', 'decode'] as const;
for (const phase of phases) {
  const own = points.filter((point) => point.phase === phase);
  console.log(`\n${phase}`);
  line('all', own);
  for (const [name, some] of [
    ['like the models looked at', own.filter(({ extrapolated }) => !extrapolated)],
    ['extrapolated', own.filter(({ extrapolated }) => extrapolated)],
  ] as const) {
    if (some.length > 0)
      console.log(
        `  ${name}: ${percent(within(some))} of ${some.length} within their band, ± ${percent(median(some.map((p) => (p.errorRatio95 ?? 1) - 1)))}`,
      );
  }
  for (const key of ['model', 'type', 'parallel', 'threads', 'depth'] as const) {
    for (const value of [...new Set(own.map((point) => point[key]))])
      line(
        `${key} ${value}`,
        own.filter((point) => point[key] === value),
      );
  }
}

if (from === null) {
  const columns = Object.keys(points[0] ?? {}) as (keyof Point)[];
  const rows = points.map((point) => [...columns.map((name) => point[name]), errorOf(point)].join(','));
  writeFileSync(join(out, 'predict.csv'), `${[...columns, 'errorRatio'].join(',')}\n${rows.join('\n')}\n`);
  writeFileSync(join(out, 'predict.svg'), plot(points));
  console.log(`\n${minutes()}; predict.csv and predict.svg in ${out}`);
}

const required = { decode: 0.1, prefill: 0.12 } as const;
conclude('predict', [
  {
    claim: 'points that the fit has not seen',
    measured: String(points.length),
    required: quick ? 'any number (--quick)' : 'at least 200',
    holds: quick ? points.length > 0 : points.length >= 200,
  },
  ...phases.map((phase) => {
    const own = points.filter((point) => point.phase === phase);
    return {
      claim: `points within the band stated beside them, ${phase}`,
      measured: `${percent(within(own))} of ${own.length}`,
      required: 'at least 90 % (95 % nominal)',
      holds: within(own) >= 0.9,
    };
  }),
  ...phases.map((phase) => {
    const sizes = points.filter((point) => point.phase === phase).map((point) => Math.abs(errorOf(point)));
    const found = sizes.length === 0 ? Number.POSITIVE_INFINITY : median(sizes);
    return {
      claim: `median absolute error of ${sizes.length} predicted times, ${phase}`,
      measured: percent(found),
      required: `at most ${percent(required[phase])}`,
      holds: found <= required[phase],
    };
  }),
]);
