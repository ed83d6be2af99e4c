import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { FakeAgent } from '../support/fake-agent.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { fakeSweep } from '../support/sweeps.js';

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.stop());
  const running: RunningCoordinator[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((coordinator) => coordinator.stop('test')));
  });

  async function start(stream: string): Promise<RunningCoordinator> {
    const coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: '127.0.0.1:0',
      webAddress: '127.0.0.1:0',
      log: { kind: 'jetstream', servers: [server.url], stream },
      logLevel: 'silent',
      drainSeconds: 0,
    });
    running.push(coordinator);
    return coordinator;
  }

  const controlOf = (coordinator: RunningCoordinator) =>
    connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });

  test('of two coordinators on one stream the last one leases; the other stands down and goes on reading', async () => {
    const one = await start('FENCED');
    const control = controlOf(one);
    const request = { document: fakeSweep(6), modelsJson: '', submitter: '', retryFailed: false };
    const { sweepId } = await control.submitSweep(request);
    const { agent } = await FakeAgent.join(one.grpcAddress);
    await agent.report(await agent.lease());
    const held = await agent.lease();

    const two = await start('FENCED');
    // Its stream ends without anybody asking the first one for anything.
    await expect(agent.hear('lease')).rejects.toThrow();
    await expect(FakeAgent.join(one.grpcAddress)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'Another coordinator has taken over the JetStream stream FENCED: this one leases no more.',
    });
    await expect(control.submitSweep({ ...request, document: fakeSweep(7) })).rejects.toMatchObject({
      code: 'unavailable',
    });
    const ready = await fetch(new URL('/readyz', one.metricsUrl ?? ''));
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('has taken over')]);
    expect((await fetch(new URL('/readyz', two.metricsUrl ?? ''))).status).toBe(200);

    // What runs is taken up by the one that leads, and no point is measured twice.
    const back = await FakeAgent.join(two.grpcAddress, { running: [held.trialId] });
    expect(back.welcome.unknownTrialIds).toEqual([]);
    await back.agent.report(held);
    expect(await back.agent.work()).toHaveLength(4);
    const seen = new Set<string>();
    for await (const { recordJson } of control.streamResults({ sweepId, follow: true, allTrials: true })) {
      seen.add((JSON.parse(recordJson) as { trialId: string }).trialId);
      if (seen.size === 6) break;
    }
    expect(seen.size).toBe(6);
    agent.vanish();
    back.agent.vanish();
    control.close();
  }, 30_000);
});
