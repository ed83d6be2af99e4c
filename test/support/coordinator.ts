import { onTestFinished } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { fromSweepState } from '../../proto/convert.js';
import type { ClientSecurity } from '../../proto/security.js';
import { FakeAgent } from './fake-agent.js';
import { fakeSweep, submission } from './sweeps.js';

/**
 * A coordinator in this process, with its log in memory and nothing to say, that stops when the test ends.
 */
export async function start(config: CoordinatorConfig = {}): Promise<RunningCoordinator> {
  const coordinator = await startCoordinator({
    grpcAddress: 'localhost:0',
    metricsAddress: null,
    log: { kind: 'memory' },
    logLevel: 'silent',
    drainSeconds: 0,
    ...config,
  });
  onTestFinished(() => coordinator.stop('the test is over'));
  return coordinator;
}

/** A client of it that is closed when the test ends. */
export function control(
  address: string,
  security: ClientSecurity = { kind: 'plaintext' },
): ControlConnection {
  const connection = connectControl({ address, security });
  onTestFinished(() => connection.close());
  return connection;
}

/** An agent that vanishes when the test ends. */
export async function enter(...args: Parameters<typeof FakeAgent.join>) {
  const joined = await FakeAgent.join(...args);
  onTestFinished(() => joined.agent.vanish());
  return joined;
}

/** What the coordinator lists of a sweep, its state in core's words. */
export async function status(connection: ControlConnection, sweepId: string) {
  const { sweeps } = await connection.listSweeps();
  const found = sweeps.find((sweep) => sweep.sweepId === sweepId)!;
  return { ...found, state: fromSweepState(found.state) };
}

/** Submits a sweep of so many points. */
export async function withSweep({ grpcAddress }: RunningCoordinator, ...sweep: Parameters<typeof fakeSweep>) {
  const client = control(grpcAddress);
  const { sweepId } = await client.submitSweep(submission(fakeSweep(...sweep)));
  return { grpcAddress, client, sweepId };
}
