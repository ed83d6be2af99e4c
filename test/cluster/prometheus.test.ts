import { afterEach, expect, test } from 'vitest';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { FakeAgent } from '../support/fake-agent.js';
import { installed, type Prometheus, startPrometheus, until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';

let coordinator: RunningCoordinator | null = null;
let prometheus: Prometheus | null = null;
afterEach(async () => {
  await prometheus?.stop();
  await coordinator?.stop('the test is over');
});

test.skipIf(!installed('prometheus'))(
  'a Prometheus gets every series, histograms with exemplars (needs prometheus)',
  async () => {
    coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: '127.0.0.1:0',
      log: { kind: 'memory' },
      logLevel: 'silent',
      drainSeconds: 0,
    });
    const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
    const document = fakeSweep(3, {
      name: 'shown',
      measure: '{ starts: 1, retryInvalid: 0 }',
      placement: '{ driftControl: false, retries: 0 }',
    });
    await control.submitSweep(submission(document));
    control.close();
    const { agent } = await FakeAgent.join(coordinator.grpcAddress);
    const records = [await agent.report(await agent.lease()), await agent.report(await agent.lease())];
    await agent.report(await agent.lease(), { valid: false });
    const gaps = records.flatMap(({ tokenSeconds }) => tokenSeconds.flat());

    prometheus = await startPrometheus(
      { coordinator: new URL(coordinator.metricsUrl ?? '').host },
      { flags: ['--enable-feature=exemplar-storage'] },
    );
    const { query, url } = prometheus;
    const one = async (expression: string): Promise<number> =>
      await until(expression, async () => (await query(expression))[0]?.value ?? null);

    const latency = 'ridgepoint_inter_token_latency_seconds';
    expect(await one(`${latency}_count`)).toBe(gaps.length);
    expect(await one(`${latency}_sum`)).toBeCloseTo(
      gaps.reduce((sum, gap) => sum + gap, 0),
      9,
    );
    const median = gaps.sort((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)] ?? Number.NaN;
    const told = await one(`histogram_quantile(0.5, ${latency}_bucket)`);
    // Buckets are steps of 1, 2 and 5: median and estimate are in one of them.
    expect(told / median).toBeGreaterThan(0.4);
    expect(told / median).toBeLessThan(2.5);
    expect(await one('ridgepoint_trials_total{state="complete"}')).toBe(2);
    expect(await one('ridgepoint_sweep_points{sweep="shown",state="invalid"}')).toBe(1);
    expect(await one('ridgepoint_leader')).toBe(1);
    expect(await one('ridgepoint_build_info')).toBe(1);

    const exemplars = await until('exemplars', async () => {
      const now = Date.now() / 1000;
      const asked = `query=${latency}_bucket&start=${now - 600}&end=${now + 600}`;
      const answer = (await (await fetch(`${url}/api/v1/query_exemplars?${asked}`)).json()) as {
        data: { exemplars: { labels: Record<string, string>; value: string }[] }[];
      };
      const found = answer.data.flatMap((series) => series.exemplars);
      return found.length > 0 ? found : null;
    });
    expect(records.map(({ experimentId }) => experimentId)).toContain(exemplars[0]?.labels.experiment);
    agent.vanish();
  },
  180_000,
);
