import { afterEach, describe, expect, test } from 'vitest';
import { loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent, type TrialEvent } from '../../agent/main.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import type { ResultRecord } from '../../core/result/result.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { temporaryFolder } from '../support/folder.js';
import { startFakeAgent } from '../support/ridge.js';
import { submission } from '../support/sweeps.js';

const waiting = { timeout: 60_000, interval: 20 };
let coordinator: RunningCoordinator | null = null;
const agents: RunningAgent[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stopNow()));
  await coordinator?.stop('the test is over');
  coordinator = null;
});

async function start(): Promise<RunningCoordinator> {
  coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: null,
    log: { kind: 'memory' },
    heartbeatSeconds: 1,
    leaseSeconds: 4,
    fixedFleet: true,
    drainSeconds: 0,
    logLevel: 'silent',
  });
  return coordinator;
}

async function joinFleet(address: string, nodeName = 'node1'): Promise<RunningAgent> {
  const agent = await startAgent(
    loadAgentConfig({
      env: {},
      overrides: {
        nodeName,
        coordinator: address,
        stateFolder: temporaryFolder(),
        cacheFolder: temporaryFolder(),
        runners: ['fake'],
        roofs: 'off',
        logLevel: 'silent',
      },
    }),
  );
  agents.push(agent);
  return agent;
}

/** A sweep with the fake runner: what it varies is how it fails and how fast it is. */
function sweep(fake: string, rest = ''): string {
  return `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: fleet }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  runners: [{ kind: fake, ${fake} }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]
  measure: { starts: 1, minRepeats: 2, maxRepeats: 2, maxWarmups: 1 }
  placement: { driftControl: false, retries: 1 }
${rest}`;
}

/** Submits, waits for the end, and gives what is stored. */
async function run(
  address: string,
  document: string,
  meanwhile?: (control: ControlConnection) => Promise<void>,
): Promise<ResultRecord[]> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  try {
    const submitted = await control.submitSweep(submission(document));
    const { sweepId } = submitted;
    await meanwhile?.(control);
    for await (const { status } of control.watchSweep({ sweepId })) {
      if (status && status.queued === 0 && status.running === 0) break;
    }
    const records: ResultRecord[] = [];
    for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: true })) {
      records.push(JSON.parse(recordJson));
    }
    return records;
  } finally {
    control.close();
  }
}

describe('an agent and its coordinator', () => {
  test('finish a sweep whose trials fail in every way, each with its reason', {
    timeout: 180_000,
  }, async () => {
    const { grpcAddress } = await start();
    const agent = await joinFleet(grpcAddress);
    const events: TrialEvent['event'][] = [];
    agent.onTrial(({ event }) => void events.push(event));
    const records = await run(grpcAddress, sweep('fakeFailure: [none, load, abort]'));
    const seen = records.map((record) => [
      record.experiment.runner.options.fakeFailure,
      record.failure?.code ?? record.status,
    ]);
    expect(seen).toContainEqual(['none', 'complete']);
    expect(seen).toContainEqual(['load', 'load-failed']);
    // Tried again once: a crash may be bad luck.
    expect(seen.filter(([kind]) => kind === 'abort')).toEqual([
      ['abort', 'crashed'],
      ['abort', 'crashed'],
    ]);
    expect(events.filter((event) => event === 'ended')).toHaveLength(records.length);
  });

  test('measure every point once when the agent is killed in the middle', { timeout: 120_000 }, async () => {
    const { grpcAddress } = await start();
    const folder = temporaryFolder();
    let agent = startFakeAgent(grpcAddress, folder);
    const document = sweep('fakeDecodeTokensPerSecond: [50, 100, 200, 400]');
    const records = await run(grpcAddress, document, async (control) => {
      // One is stored and the next one runs.
      await expect
        .poll(async () => (await control.listSweeps()).sweeps[0], waiting)
        .toMatchObject({ complete: 1, running: 1 });
      agent.process.kill('SIGKILL');
      await agent.ended;
      agent = startFakeAgent(grpcAddress, folder);
    });
    agent.process.kill('SIGKILL');
    await agent.ended;
    const complete = records.filter((record) => record.status === 'complete');
    expect(complete.map((record) => record.sweep.position).sort()).toEqual([0, 1, 2, 3]);
    expect(new Set(records.map((record) => record.trialId)).size).toBe(records.length);
  });
});
