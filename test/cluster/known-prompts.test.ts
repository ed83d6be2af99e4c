import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { LONG } from '../support/cases.js';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';
import { withLlamaServer } from '../support/servers.js';
import { withSimulator } from '../support/simulator.js';

const folder = sharedFolder();
/** Of each point: a second one is asked what an earlier one was. */
const STARTS = LONG ? 3 : 2;
/** Each alone, and with a half that all prompts share. */
const POINTS = { concurrency: LONG ? [1, 4] : [4], sharedPrefix: [0, 0.5] };
const RECORDS = 2 * POINTS.concurrency.length * STARTS;
const LOAD = { requests: 12, warmupRequests: 1, inputTokens: 96, outputTokens: 4, audit: false };

/** A server that runs already, with its prefix cache on. */
interface Attached {
  readonly profile: string;
  lend(use: (url: string) => Promise<void>): Promise<void>;
}

const SIMULATED: Attached = {
  profile: 'simulated-server',
  lend: async (use) =>
    await withSimulator(
      { keeps: 'beginnings', prefill: 5000, ttft: 0.002, itl: 0.001 },
      async ({ url }) => await use(url),
    ),
};

const llamaServer = process.env.RIDGEPOINT_LLAMA_SERVER;
const REAL: Attached = {
  profile: 'llama-server',
  lend: async (use) => await withLlamaServer(llamaServer!, use),
};

/** Runs a sweep of several points and starts against a server that runs. @returns its records. */
async function run(name: string, url: string, profile: string): Promise<ResultRecord[]> {
  const [sweep, config] = [join(folder, `${name}.yaml`), join(folder, `${name}.config.yaml`)];
  const out = join(folder, name);
  writeFileSync(config, JSON.stringify({ servers: { kept: { profile, attach: url } } }));
  const spec = {
    models: 'builtin:small',
    runners: { kind: profile, server: 'kept' },
    workloads: { kind: 'serving', ...POINTS, ...LOAD },
    measure: { starts: STARTS, retryInvalid: 0 },
    placement: { retries: 0, driftControl: false, device: 'cpu' },
  };
  writeFileSync(
    sweep,
    JSON.stringify({ apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name: 'known' }, spec }),
  );
  const words = ['run', sweep, '--out', out, '--config', config, '--energy', 'none', '--no-roofs'];
  const { stderr } = await ridgeHere(words);
  expect(existsSync(join(out, 'results.jsonl')), stderr).toBe(true);
  const records = recordsIn(out);
  expect(records.map(({ failure }) => failure?.message ?? null)).toEqual(Array(RECORDS).fill(null));
  return records;
}

const hitsOf = ({ measurements: { prefixCacheHitRatio: ratio } }: ResultRecord) =>
  ratio !== undefined && isPresent(ratio) ? ratio.value : null;
const codesOf = ({ warnings }: ResultRecord) => warnings.map(({ code }) => code);

/**
 * No prompt of an earlier start, point or run is known, and a half that all prompts of a load share still is.
 * @returns all records.
 */
async function ask({ profile, lend }: Attached): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  await lend(async (url) => {
    for (const name of ['first', 'again']) records.push(...(await run(`${profile}-${name}`, url, profile)));
  });
  for (const record of records) {
    expect(codesOf(record)).not.toContain('prompts-known');
    const hits = hitsOf(record);
    if (record.experiment.workload.options.sharedPrefix === 0) {
      // The token at the beginning, and a word by chance.
      expect(hits).toBeLessThan(0.03);
    } else {
      expect(hits).toBeGreaterThan(0.2);
      expect(hits).toBeLessThan(0.55);
    }
    expect(new Set(record.serving!.requests.promptTokens)).toEqual(new Set([LOAD.inputTokens]));
  }
  expect(new Set(records.map(({ serving }) => serving!.promptSalt)).size).toBe(2 * RECORDS);
  return records;
}

test('the simulated server knows no prompt beyond what a load shares', async () => {
  await ask(SIMULATED);
}, 600_000);

test.skipIf(llamaServer === undefined)(
  'llama-server with its prefix cache on knows no prompt beyond what a load shares, and reads as many tokens as were asked for',
  async () => {
    for (const { serving } of await ask(REAL)) {
      const read = serving!.requests.usage.map((usage) => usage?.promptTokens);
      expect(new Set(read)).toEqual(new Set([LOAD.inputTokens]));
    }
  },
  600_000,
);
