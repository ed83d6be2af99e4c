import { describe, expect, test } from 'vitest';
import type { TrialContext } from '../../agent/trial/context.js';
import { startTrial } from '../../agent/trial/start.js';
import { recompute } from '../../batching/judge.js';
import type { Options } from '../../core/experiment/experiment.js';
import { FACTORS_SCHEMA, type Factors } from '../../core/result/factors.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { runnerNamed } from '../../core/runners/index.js';
import { PROFILES } from '../../core/runners/server/index.js';
import { needsCeiling } from '../../core/serving/generator.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { NO_ENGINES } from '../../engines/config.js';
import { commandOf, configuredServers, serversSchema } from '../../engines/servers/config.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { lease, trialContext } from '../support/bench.js';
import { PERFECT, ROOFS } from '../support/roofline.js';
import { withSimulator } from '../support/simulator.js';

/** A node with roofs and factors that somebody measured, and one server. */
function nodeWith(server: object): TrialContext {
  const context = trialContext({ limits: { idleSeconds: 0 } });
  const runners = [{ kind: 'llama-server', release: 'test', devices: ['cpu'], variants: ['mine'] }];
  const factors = {
    schema: FACTORS_SCHEMA,
    device: { id: 'cpu0', class: 'cpu', name: 'test' },
    engine: 'test',
    roofs: ROOFS.id,
    measuredAt: '2026-01-01T00:00:00.000Z',
    environment: { engineBuild: '0' },
    quick: false,
    threads: [PERFECT],
    evidence: [],
    warnings: [],
    caveats: [],
  } satisfies Factors;
  return {
    ...context,
    profile: { ...context.profile, runners },
    roofs: { forDevice: () => ROOFS, absenceReason: () => '' },
    factors: {
      forDevice: () => ({ id: 'fedcba9876543210', path: '', factors }),
      hostFor: () => null,
      absenceReason: () => '',
    },
    engines: {
      ...NO_ENGINES,
      servers: configuredServers(serversSchema.parse({ mine: { profile: 'llama-server', ...server } })),
    },
  };
}

const LOAD = { concurrency: 3, requests: 24, inputTokens: 16, outputTokens: 16, warmupRequests: 1 };

async function run(node: TrialContext, runner: object, load: object = {}): Promise<ResultRecord> {
  const options = (kind: typeof runnerNamed | typeof workloadNamed, name: string, given: object) =>
    kind(name)!.options.parse(given) as Options;
  const point = lease({
    runner: {
      kind: 'llama-server',
      options: options(runnerNamed, 'llama-server', { threads: 1, ...runner }),
    },
    workload: { kind: 'serving', options: options(workloadNamed, 'serving', { ...LOAD, ...load }) },
  });
  try {
    const record = await startTrial(point, node).done;
    expect(record.failure).toBeNull();
    const kept = resultSchema.parse(JSON.parse(JSON.stringify(record)));
    expect(recompute(kept)).toEqual(kept);
    return kept;
  } finally {
    await node.servers.close();
  }
}

/** What holds of a row of a server, whatever answered. */
function expectPlaced({ roofline, measurements }: ResultRecord): void {
  expect(roofline).toMatchObject({ ceilings: { origin: 'measured', id: ROOFS.id }, threads: 1 });
  expect(roofline!.phases.map(({ name }) => name)).toEqual(['prefill', 'decode', 'serve']);
  const [prefill, decode, serve] = roofline!.phases;
  for (const phase of [prefill!, decode!]) {
    expect(phase.predictedSeconds).toBeGreaterThan(0);
    expect(phase.residualRatio).toBeCloseTo(phase.measuredSeconds / phase.predictedSeconds!, 9);
  }
  // 24 prompts of 16 tokens, their begin included, and 15 more tokens of each.
  expect(serve!.tokens).toBeGreaterThanOrEqual(24 * (16 + 15) - 24);
  expect(serve!.tokens).toBeLessThanOrEqual(24 * (17 + 15));
  expect(measurements.predictedTimePerOutputTokenSeconds).toMatchObject({ value: decode!.predictedSeconds });
  expect(measurements.servingRoofRatio).toMatchObject({ value: serve!.roofRatio });
}

describe('a server’s row', () => {
  test('stands under the roofs of its machine, its step as full as the simulated server’s', {
    timeout: 60_000,
  }, async () => {
    const record = await withSimulator({ ttft: 0.03, itl: 0.01 }, async ({ url }) =>
      run(nodeWith({ attach: url }), {}),
    );
    expectPlaced(record);
    const { served, phases } = record.roofline!;
    expect(record.serving!.generator.ceiling).toBeNull();
    // Three are on their way, and each decodes for 150 of 180 ms.
    expect(served!.stepSequences).toBeGreaterThan(2);
    expect(served!.stepSequences).toBeLessThanOrEqual(3);
    expect(served!.contextTokens).toBeGreaterThan(16);
    expect(served!.contextTokens).toBeLessThan(32);
    expect(phases[0]!.measuredSeconds).toBeGreaterThan(0.015);
    // What comes late is caught up with.
    expect(phases[1]!.measuredSeconds).toBeGreaterThan(0.005);
  });

  const program = process.env.RIDGEPOINT_LLAMA_SERVER ?? commandOf(PROFILES['llama-server'])[0]!;
  test.skipIf(findProgram(program, process.env.PATH) === null)(
    'is of a real llama-server, with its memory and its hits (needs one on the PATH, built, or in RIDGEPOINT_LLAMA_SERVER)',
    { timeout: 120_000 },
    async () => {
      const record = await run(nodeWith({ command: [program] }), { maxSequences: 4 });
      expectPlaced(record);
      expect(record.roofline!.served).toMatchObject({ batchFrom: 'requests' });
      // Passes that its requests tell are no more than its tokens and prompts, and no fewer than its slots
      // allow; what it counts itself lies there, too.
      const { decodeSteps } = record.serving!.inside;
      const counted = decodeSteps !== undefined && 'growth' in decodeSteps ? decodeSteps.growth : 0;
      const inferred = record.roofline!.phases.find(({ name }) => name === 'serve')!.passes;
      for (const passes of [inferred, counted]) {
        expect(passes).toBeGreaterThanOrEqual((24 * 15) / 3);
        expect(passes).toBeLessThanOrEqual(24 * 17);
      }
      expect(record.roofline!.served!.cachedTokens).toBeLessThan(16);
      expect(record.measurements.peakResidentBytes!.value).toBeGreaterThan(1e6);
      expect(record.measurements.processCores!.value).toBeGreaterThan(0);
    },
  );
});

test('the ceiling of a load generator is measured behind a load that keeps it busy', {
  timeout: 120_000,
}, async () => {
  const load = { concurrency: 32, requests: 2500, audit: false };
  const { requestsPerSecond, chunksPerSecond } = await withSimulator({ ttft: 0, itl: 0 }, async ({ url }) => {
    // Beside other tests a generator may get less than the share of a CPU that counts as busy.
    for (let tried = 1; tried <= 14; tried += 1) {
      const { serving } = await run(nodeWith({ attach: url }), {}, load);
      const { generator } = serving!;
      expect(generator.ceiling !== null).toBe(needsCeiling(generator));
      if (generator.ceiling !== null) return generator.ceiling;
    }
    throw new Error('no load of fourteen kept its generator busy');
  });
  expect(requestsPerSecond!).toBeGreaterThan(10);
  expect(chunksPerSecond!).toBeGreaterThan(requestsPerSecond!);
});
