import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { RunningAgent } from '../../agent/main.js';
import { createProgram } from '../../cli/program.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { sharedFolder } from '../support/folder.js';
import { startFakeRunnerAgent } from '../support/live-fleet.js';
import { submission } from '../support/sweeps.js';

/* Agents outlive coordinators: a real agent, real children, a coordinator that stops and comes back. */

const folder = sharedFolder();
const waiting = { timeout: 60_000, interval: 20 };
let coordinator: RunningCoordinator | null = null;
let agent: RunningAgent | null = null;
afterEach(async () => {
  await agent?.stopNow();
  await coordinator?.stop('the test is over');
});

async function start(grpcAddress: string, drainSeconds: number): Promise<string> {
  coordinator = await startCoordinator({
    grpcAddress,
    metricsAddress: null,
    log: { kind: 'sqlite', path: join(folder, 'log.sqlite') },
    drainSeconds,
    logLevel: 'silent',
  });
  return coordinator.grpcAddress;
}

async function asking<T>(address: string, ask: (control: ControlConnection) => Promise<T>): Promise<T> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  try {
    return await ask(control);
  } finally {
    control.close();
  }
}

const TWO_TRIALS = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: outlived }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: 8 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: [8, 9] }]
  measure: { starts: 1, minRepeats: 1, maxRepeats: 1, maxWarmups: 0 }
  placement: { driftControl: false, retries: 0 }
`;

test('a coordinator that stops leaves its agents alive: they finish, wait, and come back with what they measured', async () => {
  const address = await start('127.0.0.1:0', 0);
  agent = await startFakeRunnerAgent(address);
  let gone = false;
  void agent.done.then(() => {
    gone = true;
  });
  const events: string[] = [];
  agent.onTrial(({ event }) => events.push(event));
  const submitted = await asking(address, (control) => control.submitSweep(submission(TWO_TRIALS)));
  await expect.poll(() => events, waiting).toContain('progress');
  await coordinator!.stop('interrupted');
  // The trial that ran goes on to its end, with nobody there.
  await expect.poll(() => events, waiting).toContain('ended');
  expect(gone).toBe(false);

  await start(address, 5);
  const status = () =>
    asking(address, async (control) => {
      const { sweeps } = await control.listSweeps();
      return sweeps.find(({ sweepId }) => sweepId === submitted.sweepId)?.complete;
    });
  await expect.poll(status, waiting).toBe(2);
  // Two trials in all: the one that the stop fell into was taken in, and not measured again.
  expect(events.filter((event) => event === 'started')).toHaveLength(2);
  expect(gone).toBe(false);

  // Only somebody who asks for it ends an agent.
  const words = ['node', 'ridge', 'nodes', 'drain', 'node1', '--coordinator', address];
  await (await createProgram()).parseAsync(words);
  await agent.done;
  await expect(
    asking(address, (control) => control.drainNode({ node: 'node1', reason: '' })),
  ).rejects.toMatchObject({ code: 'not-found' });
});
