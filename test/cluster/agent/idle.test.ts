import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IdleBaselines } from '../../../agent/meters/baseline.js';
import type { TrialContext } from '../../../agent/trial/context.js';
import { startTrial } from '../../../agent/trial/start.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { runnerNamed } from '../../../core/runners/index.js';
import { workloadNamed } from '../../../core/workloads/index.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { ServerPool, type Wanted } from '../../../engines/servers/pool.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { lease, trialContext } from '../../support/bench.js';
import { temporaryFolder } from '../../support/folder.js';
import { withSimulator } from '../../support/simulator.js';

/** Notes what is done to servers, and when idle power was read. */
class WatchedPool extends ServerPool {
  readonly seen: string[] = [];

  override async take(deviceId: string, wanted: Wanted, onStart: Parameters<ServerPool['take']>[2]) {
    this.seen.push('take');
    return await super.take(deviceId, wanted, onStart);
  }
}

class WatchedIdle extends IdleBaselines {
  readonly #seen: string[];

  constructor(seen: string[]) {
    super(monotonicSeconds);
    this.#seen = seen;
  }

  override async measuredOnce(...asked: Parameters<IdleBaselines['measuredOnce']>) {
    const had = this.has(asked[0], asked[1]);
    const baseline = await super.measuredOnce(...asked);
    this.#seen.push(had ? 'idle known' : 'idle read');
    return baseline;
  }
}

/** A package that draws 40 W whatever happens. */
function steadyPower(): string {
  const path = join(temporaryFolder(), 'power.json');
  const seconds = Array.from({ length: 3000 }, (_, i) => i / 50);
  const values = seconds.map((time) => 40 * time);
  const series = { quantity: 'energyJoules:package-0', unit: 'J', kind: 'counter', periodSeconds: 0.02 };
  writeFileSync(path, JSON.stringify({ samples: [{ meter: 'replay', ...series, seconds, values }] }));
  return path;
}

function nodeWith(profile: string, server: object) {
  const context = trialContext({
    meters: { energy: 'replay', replayFile: steadyPower() },
    limits: { idleSeconds: 0.3 },
  });
  const pool = new WatchedPool();
  const runners = [{ kind: profile, release: 'test', devices: ['cpu'], variants: ['mine'] }];
  const configured = configuredServers(serversSchema.parse({ mine: { profile, ...server } }));
  const node: TrialContext = {
    ...context,
    profile: { ...context.profile, runners },
    engines: { ...NO_ENGINES, servers: configured },
    servers: pool,
    idle: new WatchedIdle(pool.seen),
  };
  return { node, pool };
}

const served = (kind: string, trialId: string) =>
  lease(
    {
      runner: { kind, options: runnerNamed(kind)!.options.parse({}) as Options },
      workload: {
        kind: 'serving',
        options: workloadNamed('serving')!.options.parse({ requests: 4, outputTokens: 8 }) as Options,
      },
    },
    trialId,
  );

describe('the idle power of a node that runs servers', () => {
  test('is read before the first one is loaded, and once for the sweep', async () => {
    const { node, pool } = nodeWith('simulated-server', {});
    const [first, second] = [
      await startTrial(served('simulated-server', 't1'), node).done,
      await startTrial(served('simulated-server', 't2'), node).done,
    ];
    await pool.close();
    expect([first.failure, second.failure]).toEqual([null, null]);
    expect(pool.seen).toEqual(['idle read', 'take', 'idle known', 'take']);
    expect(first.given!.idleWatts['package-0']).toBeCloseTo(40, 0);
    expect(second.given!.idle).toEqual(first.given!.idle);
    expect(second.serving!.kept).toBe(true);
    // A server rests, too: what costs time to read is read before and after the load.
    expect(second.measurements.peakProportionalBytes!.value).toBeGreaterThan(1e6);
    expect(first.measurements.idlePowerWatts).toMatchObject({ value: first.given!.idleWatts['package-0'] });
  });

  test('is that of a loaded machine where somebody else keeps the server, and the row says so', async () => {
    const record = await withSimulator(
      {},
      async ({ url }) => startTrial(served('openai', 't1'), nodeWith('openai', { attach: url }).node).done,
    );
    expect(record.failure).toBeNull();
    expect(record.warnings).toContainEqual(
      expect.objectContaining({
        code: 'idle-busy',
        message: expect.stringMatching(/^idle power was read with the server loaded/),
      }),
    );
  });
});
