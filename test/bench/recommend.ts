/**
 * bench:recommend: is what `ridge recommend` says true at loads that it has not seen? A grid of
 * configurations of a real llama-server and of the simulated one is measured at five loads, all in turns.
 * Rows at 1, 4 and 8 users are what the recommendation is made of; at 2 and 6 users (held out) the measured
 * rows are the truth. Five SLOs for each server and load, from loose to tight, on the times to the first
 * token and between tokens that the seen rows have: twenty cases.
 *
 *   1. from measurements: the recommended configuration meets the SLO, and has at least 95 % of the tokens
 *     per second of the best of the grid that does, in 18 of 20 cases. Where nothing of the grid meets the
 *     SLO, the right answer is that nothing does.
 *   2. from predictions alone, llama-server at 2, 3, 6 and 12 users: right in 14 of 20 cases. They rest on
 *     the node's roofs and the factors of its kernels, and on what llama-server takes beside them, fitted to
 *     another run of it with 1 and 5 users and other lengths.
 *
 *   npm run bench -- recommend [--out=FOLDER] [--starts=3] [--predictions]
 *
 * What the folder holds already is not measured again. `--predictions` judges the second claim alone, and
 * measures what that needs.
 */
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { answer } from '../../cli/recommend/recommend.js';
import { readRun } from '../../cli/report/run-folder.js';
import { thisNode } from '../../cli/this-node.js';
import { factorsSchema } from '../../core/result/factors.js';
import { buildReport } from '../../report/build.js';
import { atLoad } from '../../report/recommend/at-load.js';
import { type Candidate, measured } from '../../report/recommend/candidate.js';
import { readQuantity } from '../../report/recommend/quantity.js';
import { type Bound, readBound } from '../../report/recommend/question.js';
import { quantile } from '../../statistics/quantile.js';
import { ridge } from '../support/ridge.js';
import { conclude } from './figure.js';

const { values: given } = parseArgs({
  options: {
    out: { type: 'string' },
    starts: { type: 'string', default: '3' },
    predictions: { type: 'boolean', default: false },
  },
});
const out = given.out ?? mkdtempSync(join(tmpdir(), 'ridgepoint-recommend-'));
mkdirSync(out, { recursive: true });
/** What predictions know of this node: its roofs, its factors and what the server's host takes. */
const state = { XDG_STATE_HOME: join(out, 'state') };
Object.assign(process.env, state);
const say = (line: string): void => void process.stderr.write(`recommend: ${line}\n`);

const SEEN = [1, 4, 8];
const HELD_OUT = [2, 6];
/** Nothing of them served a fit. */
const PREDICTED = [2, 3, 6, 12];
/** What matrices of the two quantizations are in. */
const TYPES = 'f16,q4_k,q6_k';
const CASES = 20;
const REQUIRED = 18;
const REQUIRED_OF_PREDICTIONS = 14;
const NEAR = 0.95;
/** Of the seen rows, from loose to tight. */
const TIGHTNESS = [0.9, 0.75, 0.6, 0.45, 0.3];

const quantityOf = (word: string) => {
  const reading = readQuantity(word);
  if (!reading.ok) throw new Error(reading.message);
  return reading.value;
};
const TTFT = quantityOf('ttft:p90');
const TPOT = quantityOf('tpot:p90');
const RATE = quantityOf('systemTokensPerSecond');

function sweepOf(
  name: string,
  techniques: object,
  runner: object,
  concurrency: readonly number[] = [...SEEN, ...HELD_OUT],
  lengths: object = { inputTokens: 32, outputTokens: 16 },
): object {
  const workloads = { kind: 'serving', concurrency, requests: 40, warmupRequests: 2, ...lengths };
  return {
    apiVersion: 'ridgepoint.dev/v1',
    kind: 'Sweep',
    metadata: { name },
    spec: {
      models: 'builtin:small',
      techniques,
      runners: runner,
      workloads,
      measure: { starts: Number(given.starts) },
    },
  };
}

const SWEEPS = {
  'llama-server': sweepOf(
    'recommend-llama-server',
    { quantization: ['f16', 'q4_k_m'] },
    { kind: 'llama-server', threads: 1, maxSequences: [1, 2, 4, 8], prefixCaching: false },
    [...new Set([...SEEN, ...HELD_OUT, ...PREDICTED])],
  ),
  fitted: sweepOf(
    'recommend-fitted',
    { quantization: 'f16' },
    { kind: 'llama-server', threads: 1, maxSequences: 4, prefixCaching: false },
    [1, 5],
    { inputTokens: [24, 96], outputTokens: 24 },
  ),
  simulated: sweepOf(
    'recommend-simulated',
    {},
    {
      kind: 'simulated-server',
      maxSequences: [2, 4, 8],
      simulatedTtftSeconds: [0.02, 0.08],
      simulatedItlSeconds: [0.002, 0.01],
    },
  ),
};

async function said(...words: string[]): Promise<string> {
  say(`ridge ${words.join(' ')}`);
  const { code, stderr, stdout } = await ridge(words, { env: { ...state, RIDGE_ROOFS: 'stored' } });
  // A run says of its rows itself which of them failed or are invalid.
  if (code !== 0 && !(words[0] === 'run' && (code === 1 || code === 4)))
    throw new Error(`${words.join(' ')}: ${stderr}`);
  return stdout;
}

/**
 * Measures roofs, fits factors, and fits what the host takes to a run of its own; what is there already is
 * kept.
 */
async function fitHost(): Promise<void> {
  const { store, factors, profile } = await thisNode(undefined);
  const { id } = profile.devices[0]!;
  if ((await store.newest(id)) === null) await said('roofs');
  if ((await factors.find(id)) === null) {
    // Of the types and threads of the grid alone, which the command fits and does not keep.
    const fitted = await said('factors', '--threads', '1', '--types', TYPES, '--json');
    await factors.put(factorsSchema.parse(JSON.parse(fitted)));
  }
  const folder = await measuredIn('fitted');
  say((await said('factors', '--calibrate', folder)).trim().replaceAll('\n', '; '));
}

/** Runs a sweep, or what is left of it. @returns its folder. */
async function measuredIn(name: keyof typeof SWEEPS, ...words: string[]): Promise<string> {
  const folder = join(out, name);
  const [file, whole] = [`${folder}.yaml`, `${folder}.measured`];
  if (existsSync(whole)) return folder;
  writeFileSync(file, stringify(SWEEPS[name]));
  await said('run', file, '--out', folder, '--format', 'csv', ...words);
  writeFileSync(whole, '');
  return folder;
}

/** Measures a sweep without roofs, so that nothing is promised and every start is taken. */
async function rowsOf(name: keyof typeof SWEEPS): Promise<readonly Candidate[]> {
  const { records, request } = readRun(await measuredIn(name, '--no-roofs'));
  const { rows, counts } = buildReport(records, request);
  say(`${name}: ${counts.valid} of ${rows.length} rows, ${counts.trials} trials`);
  return rows.map((row) => measured(row, null));
}

const at = (candidates: readonly Candidate[], loads: readonly number[]) =>
  candidates.filter(({ axes }) => loads.includes(Number(axes.concurrency)));

/** What a configuration is called at whatever load. */
function configurationOf({ axes }: Candidate): string {
  const { concurrency: _, ...others } = axes;
  return JSON.stringify(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function slosOf(seen: readonly Candidate[]): Bound[][] {
  return TIGHTNESS.map((share) => {
    const limit = (quantity: typeof TTFT) =>
      quantile(
        seen.flatMap((one) => one.figure(quantity).value ?? []),
        share,
      );
    return [`ttft:p90<${limit(TTFT).toFixed(4)}s`, `tpot:p90<${limit(TPOT).toFixed(5)}s`].map((text) => {
      const reading = readBound(text, 'slo');
      if (!reading.ok) throw new Error(reading.message);
      return reading.value;
    });
  });
}

interface Case {
  readonly name: string;
  readonly right: boolean;
}

/** @param offered what the recommendation is made of, at the load of the truth. */
function judged(
  name: string,
  offered: readonly Candidate[],
  truth: readonly Candidate[],
  slo: readonly Bound[],
): Case {
  const asked = { slo, budget: [], floor: [], relativeTo: 'best', confidence: 0.95 } as const;
  const { recommended } = answer(offered, asked);
  const meets = (one: Candidate) =>
    slo.every(
      ({ quantity, limit }) =>
        limit.kind === 'absolute' && (one.figure(quantity).value ?? Infinity) <= limit.value,
    );
  const rate = (one: Candidate) => one.figure(RATE).value ?? 0;
  const best = Math.max(0, ...truth.filter(meets).map(rate));
  const words = slo.map(({ text }) => text).join(' ');
  if (recommended === null) {
    say(`${name} ${words}: nothing is recommended; the best that meets it has ${best.toFixed(0)} t/s`);
    return { name, right: best === 0 };
  }
  const found = truth.find((one) => configurationOf(one) === configurationOf(recommended.candidate));
  if (found === undefined)
    throw new Error(`${recommended.candidate.label} was not measured at the load that was held out`);
  const right = meets(found) && rate(found) >= NEAR * best;
  const how = meets(found)
    ? 'meets it'
    : `misses it (${slo.map(({ quantity }) => found.figure(quantity).value?.toPrecision(3)).join(', ')})`;
  say(
    `${name} ${words}: ${found.label} ${how}, ${rate(found).toFixed(0)} of ${best.toFixed(0)} t/s${right ? '' : ' WRONG'}`,
  );
  return { name, right };
}

function casesAt(
  name: keyof typeof SWEEPS,
  how: string,
  load: number,
  all: readonly Candidate[],
  offered: readonly Candidate[],
): Case[] {
  const truth = at(all, [load]).filter(({ problem }) => problem === null);
  return slosOf(at(all, SEEN)).map((slo) => judged(`${how}${name} at ${load} users`, offered, truth, slo));
}

await fitHost();
const measuredRows = await rowsOf('llama-server');
const { predictedCandidates } = await import('../../cli/recommend/predictions.js');
const asked = { models: [], slo: [], budget: [], floor: [] } as never;
const predictions = await predictedCandidates(join(out, 'llama-server.yaml'), asked);
const fromPredictions = PREDICTED.flatMap((load) =>
  casesAt('llama-server', 'predicted, ', load, measuredRows, at(predictions, [load])),
);
const fromMeasurements: Case[] = [];
for (const name of given.predictions ? [] : (['llama-server', 'simulated'] as const)) {
  const all = name === 'llama-server' ? measuredRows : await rowsOf(name);
  for (const load of HELD_OUT) {
    const offered = atLoad(at(all, SEEN), new Map([['concurrency', load]]));
    fromMeasurements.push(...casesAt(name, '', load, all, offered));
  }
}
const right = (cases: readonly Case[]) => cases.filter((one) => one.right).length;
const what =
  'the configuration recommended for a load that was held out meets the SLO and has 95 % of the best that does';
const figures = [
  {
    claim: `from predictions alone, ${what}`,
    measured: `${right(fromPredictions)} of ${fromPredictions.length} cases`,
    required: `${REQUIRED_OF_PREDICTIONS} of ${CASES}`,
    holds: fromPredictions.length === CASES && right(fromPredictions) >= REQUIRED_OF_PREDICTIONS,
  },
  ...(given.predictions
    ? []
    : [
        {
          claim: what,
          measured: `${right(fromMeasurements)} of ${fromMeasurements.length} cases`,
          required: `${REQUIRED} of ${CASES}`,
          holds: fromMeasurements.length === CASES && right(fromMeasurements) >= REQUIRED,
        },
      ]),
];
conclude('recommend', figures, out);
