import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { connectControl } from '../../proto/client.js';
import { FakeAgent } from './fake-agent.js';
import { fakeSweep, submission } from './sweeps.js';
import { synthesize } from './synthetic-fleet.js';
import { aNode } from './wire-records.js';

export interface StreamLoad {
  /** Heartbeats of one agent on one stream. */
  readonly heartbeats: number;
  /** Trials that each heartbeat names, some 40 bytes each. */
  readonly trialsEach: number;
  readonly results: number;
  readonly recordBytes: number;
  /** File of the coordinator's log. */
  readonly log: string;
}

/** Live heap of a coordinator's process in bytes, each time after its garbage was collected. */
export interface CoordinatorWeight {
  /** With its code warm and its windows of the newest results full. */
  readonly before: number;
  /** While the stream that carried them is still open. */
  readonly afterHeartbeats: number;
  readonly afterResults: number;
}

/** What a coordinator's process weighs. */
export interface Weight {
  /** Live heap, and what it holds outside of the heap. */
  readonly liveBytes: number;
  /** Most that the process has ever had in memory. */
  readonly peakBytes: number;
  /** CPU time of the process since its start, before this question. */
  readonly cpuSeconds: number;
}

export interface WeighedCoordinator {
  readonly address: string;
  weigh(): Promise<Weight>;
  kill(): Promise<void>;
}

/** Starts a coordinator in a process of its own. */
export async function startWeighed(config: CoordinatorConfig): Promise<WeighedCoordinator> {
  const script = join(import.meta.dirname, 'weighed-coordinator.mjs');
  const words = ['--expose-gc', script, JSON.stringify(config)];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  return {
    address: await line(),
    async weigh() {
      child.stdin.write('weigh\n');
      return JSON.parse(await line()) as Weight;
    },
    async kill() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** More than any window of the newest results holds. */
const WARM_RESULTS = 600;

/** Weighs a coordinator, in a process of its own, before and after it has heard that much. */
export async function weighCoordinator(load: StreamLoad): Promise<CoordinatorWeight> {
  const coordinator = await startWeighed({ log: { kind: 'sqlite', path: load.log } });
  const { address } = coordinator;
  const weigh = async (): Promise<number> => (await coordinator.weigh()).liveBytes;
  let agent: FakeAgent | null = null;
  try {
    const { recordBytes } = load;
    const fleet = { address, agents: 16, recordBytes };
    await synthesize({ ...fleet, results: WARM_RESULTS, name: 'warm' });
    ({ agent } = await FakeAgent.join(address, { profile: aNode('node-a') }));
    const control = connectControl({ address, security: { kind: 'plaintext' } });
    await control.submitSweep(submission(fakeSweep(1)));
    control.close();
    const trialIds = new Array<string>(load.trialsEach).fill((await agent.lease()).trialId);
    const before = await weigh();
    for (let count = 0; count < load.heartbeats; count += 1) await agent.heartbeat(...trialIds);
    // Messages are handled in order: whoever is answered has been heard.
    await agent.ask();
    const afterHeartbeats = await weigh();
    await synthesize({ ...fleet, results: load.results, name: 'weighed' });
    return { before, afterHeartbeats, afterResults: await weigh() };
  } finally {
    agent?.vanish();
    await coordinator.kill();
  }
}
