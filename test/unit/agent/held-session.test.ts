import { expect, test } from 'vitest';
import { runSession } from '../../../agent/before-work.js';
import { MissingRunners } from '../../../agent/missing-runners.js';
import { Session } from '../../../agent/session.js';
import type { Spool } from '../../../agent/spool.js';
import type { TrialExecutor } from '../../../agent/trial/executor.js';
import type { RunnerProbe } from '../../../engines/runners/runner.js';
import type { AgentConnection } from '../../../proto/client.js';
import { PROTOCOL, toGrant } from '../../../proto/convert.js';
import { type SessionResponse, Welcome } from '../../../proto/gen/ridgepoint/v1/agents.js';
import { aHealth, aLease, aNode } from '../../support/wire-records.js';

const UNANSWERED: RunnerProbe = {
  available: false,
  kind: 'fake',
  reason: 'the probe ended with exit code 0 and no answer',
  hint: 'look',
  unanswered: true,
};

/**
 * A conversation in memory: what the agent says is noted by its kind, what the coordinator says is pushed.
 */
function wire(did: string[]) {
  const inbox: SessionResponse[] = [];
  let wake = (): void => {};
  let over = false;
  const push = (message: NonNullable<SessionResponse['message']>) => {
    inbox.push({ message });
    wake();
  };
  const stream = {
    async send({ message }: { message?: { $case: string } | undefined }) {
      did.push(`says ${message?.$case}`);
    },
    end() {
      over = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      while (!over) {
        const next = inbox.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  const connection = { session: () => stream, close: () => stream.end(), several: false };
  return { push, connection: connection as unknown as AgentConnection };
}

test('an agent that looks for runners waits for the answer to what it asked before, and for the trial that comes of it', async () => {
  const did: string[] = [];
  const { push, connection } = wire(did);
  let end = (): void => {};
  let running: Promise<void> | null = null;
  const trials = {
    trialIds: [],
    runningCount: 0,
    isFree: () => running === null,
    begin() {
      did.push('a trial begins');
      running = new Promise((resolve) => (end = resolve));
    },
    stop: () => {},
    whenIdle: async () => void (await running),
  } as unknown as TrialExecutor;
  const spool = { trialIds: [], size: 0, async *waiting() {} } as unknown as Spool;
  const profile = aNode();
  const session = new Session({
    profile,
    connection,
    trials,
    spool,
    health: () => aHealth(),
    onDrain: () => {},
    log: () => {},
  });
  const going = new AbortController();
  let look = (): void => {};
  const missing = new MissingRunners({ runners: [], absent: {} }, [UNANSWERED], async () => {
    did.push('looks');
    going.abort();
    return UNANSWERED;
  });
  const ended = runSession({
    session,
    missing,
    trials,
    roofs: { prepare: async () => {}, measures: new Promise(() => {}) },
    log: () => {},
    going: going.signal,
    wait: () => new Promise<void>((resolve) => (look = resolve)),
  });
  push({ $case: 'welcome', value: Welcome.fromPartial({ protocol: PROTOCOL, heartbeatSeconds: 60 }) });
  await expect.poll(() => did).toContain('says leaseRequest');
  look();
  await expect.poll(() => did.at(-1)).toBe('says heartbeat');
  push({ $case: 'lease', value: toGrant(aLease('t1')) });
  await expect.poll(() => did).toContain('a trial begins');
  did.push('the trial ends');
  end();
  await expect.poll(() => did.at(-1)).toBe('looks');
  expect(did).toEqual([
    'says hello',
    'says leaseRequest',
    'says heartbeat',
    'a trial begins',
    'the trial ends',
    'looks',
  ]);
  await session.leave([], 'the test is over');
  await ended;
});
