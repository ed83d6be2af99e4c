import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { gradeOf } from '../../../core/result/warnings.js';
import { descendantsOf } from '../../../process/isolation/processes.js';
import { ridge, startRidge } from '../../support/ridge.js';
import type { Figure } from '../figure.js';
import { entryOf, modelFolder, OPTIONS, type Place } from './server.js';

/**
 * Files of a sweep of vLLM, as a user would write them.
 * @param server what the node's configuration has, in place of one that it starts.
 */
export function sweepFiles(
  place: Place,
  name: string,
  spec: {
    readonly runners: object;
    readonly workloads: object | readonly object[];
    readonly [more: string]: unknown;
  },
  server: object = entryOf(place),
): string[] {
  modelFolder(place);
  const [sweep, config] = [join(place.folder, `${name}.yaml`), join(place.folder, `${name}.config.yaml`)];
  writeFileSync(config, JSON.stringify({ servers: { mine: { profile: 'vllm', ...server } } }));
  writeFileSync(
    sweep,
    JSON.stringify({
      apiVersion: 'ridgepoint.dev/v1',
      kind: 'Sweep',
      metadata: { name },
      spec: {
        models: { name: 'small', source: 'small' },
        measure: { starts: 1, retryInvalid: 0 },
        placement: { device: 'cpu', retries: 0, driftControl: false },
        ...spec,
      },
    }),
  );
  const out = ['--out', join(place.folder, name), '--fresh'];
  return ['run', sweep, '--config', config, '--models', join(place.folder, 'models'), ...out];
}

export const runner = (options: object = {}) => ({ kind: 'vllm', server: 'mine', ...OPTIONS, ...options });

export function rowsOf({ folder }: Place, name: string): ResultRecord[] {
  const text = readFileSync(join(folder, name, 'results.jsonl'), 'utf8').trimEnd();
  return text.split('\n').map((line) => resultSchema.parse(JSON.parse(line)));
}

const SERVING = { kind: 'serving', inputTokens: 96, outputTokens: 48, warmupRequests: 2 };
const WORKLOADS = [
  { ...SERVING, concurrency: [1, 4], requests: 24 },
  { ...SERVING, arrival: 'poisson', requestsPerSecond: 2, requests: 24 },
  { ...SERVING, arrival: 'offline', requests: 16 },
];
/** More than the load generator alone has: with the engine's tree it is the server. */
const LEAST_SERVER_BYTES = 1e9;

/**
 * Rows of `ridge run`, of a server that it starts with prefix caching and without, or of one that runs
 * already.
 */
export async function rows(place: Place, attach: string | null): Promise<Figure[]> {
  const name = attach === null ? 'started' : 'attached';
  const runners = runner(attach === null ? { prefixCaching: [false, true] } : {});
  const words = sweepFiles(
    place,
    name,
    { runners, workloads: WORKLOADS },
    attach === null ? undefined : { attach },
  );
  const run = startRidge(words);
  const { code, stderr } = await run.ended;
  if (code !== 0) console.log(stderr);
  const left = descendantsOf(process.pid);
  const all = rowsOf(place, name);
  const expected = (attach === null ? 2 : 1) * 4;
  const told = all.map((row) => {
    const { requests, promptTokens, generatedTokens } = insideOf(row);
    const memory = row.measurements.peakResidentBytes?.value ?? 0;
    const codes = row.warnings.filter(({ severity }) => severity !== 'note').map(({ code }) => code);
    const cores = row.measurements.processCores?.value ?? 0;
    console.log(
      `  ${row.experiment.id}: ${gradeOf(row.warnings, 'warn')} ${codes.join(' ')}, ${(memory / 1e9).toFixed(2)} GB, ` +
        `${cores.toFixed(2)} cores of the server, ${(row.measurements.foreignCores?.value ?? 0).toFixed(2)} foreign, ` +
        `prompt ${promptTokens}, output ${generatedTokens}`,
    );
    return {
      failed: row.failure,
      memory,
      codes,
      exact: requests && promptTokens[0] === promptTokens[1] && generatedTokens[0] === generatedTokens[1],
    };
  });
  const figure = (claim: string, count: number): Figure => ({
    claim: `${name}: ${claim}`,
    measured: `${count} of ${all.length}`,
    required: `${expected} of ${expected}`,
    holds: count === expected && all.length === expected,
  });
  return [
    figure('rows without a failure', told.filter(({ failed }) => failed === null).length),
    figure("rows whose tokens are those of the server's counters", told.filter(({ exact }) => exact).length),
    figure(
      'rows whose memory is the server’s',
      told.filter(({ memory }) => memory > LEAST_SERVER_BYTES).length,
    ),
    figure('clean rows, which takes an idle machine', told.filter(({ codes }) => codes.length === 0).length),
    {
      claim: `${name}: processes of vLLM that are left`,
      measured: String(attach === null ? left.length : 0),
      required: '0',
      holds: attach !== null || left.length === 0,
    },
  ];
}

/** Ours and the server's, of a row. */
function insideOf({ serving }: ResultRecord) {
  const sum = (values: readonly (number | null)[] = []) => values.reduce<number>((a, b) => a + (b ?? 0), 0);
  const growth = (name: 'promptTokens' | 'generatedTokens') => {
    const metric = serving?.inside[name];
    return metric !== undefined && 'growth' in metric ? metric.growth : null;
  };
  return {
    requests: serving?.requests.outcome.every((outcome) => outcome === 'complete') ?? false,
    promptTokens: [sum(serving?.requests.promptTokens), growth('promptTokens')] as const,
    generatedTokens: [sum(serving?.requests.outputTokens), growth('generatedTokens')] as const,
  };
}

const SAME_WITHIN = 0.001;

/**
 * Perplexity of the text that ships, through a server that runs and through llama.cpp, of the same weights.
 */
export async function perplexity(place: Place, attach: string): Promise<Figure[]> {
  // A server answers a token, for which its context has to have room.
  const quality = { text: 'builtin:sample', maxWindows: 16, contextTokens: 256 };
  const served = sweepFiles(
    place,
    'served-quality',
    { runners: runner(), workloads: { ...SERVING, requests: 4 }, quality },
    { attach },
  );
  await ridge(served);
  const own = sweepFiles(place, 'own-quality', {
    models: 'builtin:small',
    runners: { kind: 'llama-cpp' },
    workloads: { kind: 'latency', promptTokens: 32, generateTokens: 8 },
    quality,
  });
  await ridge(own);
  const [a, b] = ['served-quality', 'own-quality'].map(
    (name) => rowsOf(place, name)[0]!.measurements.perplexity?.value ?? Number.NaN,
  ) as [number, number];
  return [
    {
      claim: 'perplexity through vLLM over llama.cpp’s, the same weights and windows',
      measured: `${a.toFixed(4)} / ${b.toFixed(4)}, ${(100 * (a / b - 1)).toFixed(4)} %`,
      required: 'within 0.1 %',
      holds: Math.abs(a / b - 1) <= SAME_WITHIN,
    },
  ];
}
