import { writeFileSync } from 'node:fs';
import type { FakeAgent } from '../../../support/fake-agent.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aRecord } from '../../../support/wire-records.js';
import { Caller } from '../../doors/caller.js';
import { delimited, SESSION } from '../../doors/messages.js';
import type { Check, Outcome } from '../check.js';
import {
  type Cost,
  costOf,
  type Ground,
  liveBytes,
  megabytes,
  submit,
  type Target,
  within,
} from '../ground.js';

/** What the live heap may differ by, whatever went through a stream. */
const KEPT_BYTES = 20e6;
/** What a stranger may make a coordinator take at its peak. */
const STRANGER_BYTES = 128e6;
const HEARTBEATS = 20_000;
const HEARTBEAT_TRIALS = 16;
const RESULTS = 2000;

export const memoryChecks: readonly Check[] = [
  {
    name: 'memory-heartbeats',
    claim: `${HEARTBEATS.toLocaleString('en')} heartbeats of 1 kB on one stream leave the live heap within 20 MB`,
    run: async (ground) => {
      const { target, agent, trialId } = await leased(ground);
      const before = await liveBytes(target);
      // Of a trial that it holds: for each of another the coordinator would answer.
      const ids = Array.from({ length: HEARTBEAT_TRIALS }, () => trialId);
      for (let beat = 0; beat < HEARTBEATS; beat += 1) {
        await agent.heartbeat(...ids);
        if (beat % 1000 === 999) await within(30, 'an answer', agent.ask());
      }
      return kept(await liveBytes(target), before);
    },
  },
  {
    name: 'memory-large-heartbeats',
    claim: '1,200 heartbeats of 50 kB on one stream, taken or refused, leave the live heap within 20 MB',
    run: async (ground) => {
      const { target, agent, trialId } = await leased(ground);
      const before = await liveBytes(target);
      const ids = Array.from({ length: Math.ceil(50_000 / trialId.length) }, () => trialId);
      for (let beat = 0; beat < 1200 && agent.ended === null; beat += 1) {
        await agent.heartbeat(...ids).catch(() => undefined);
        if (beat % 100 === 99) await within(30, 'an answer', agent.ask()).catch(() => undefined);
      }
      const refused =
        agent.ended === null ? '' : ` (refused: ${(agent.ended.error as Error | null)?.message})`;
      const { holds, figure } = kept(await liveBytes(target), before);
      return { holds, figure: figure + refused };
    },
  },
  {
    name: 'memory-results',
    claim: `${RESULTS.toLocaleString('en')} results of 17 kB on one stream leave the live heap within 20 MB`,
    run: async (ground) => {
      const target = await ground.coordinator();
      const control = ground.control(target);
      await submit(control, fakeSweep(RESULTS));
      const agent = await ground.fakeAgent(target);
      const steps = Array.from({ length: 800 }, (_, index) => 0.01 + index / 1_000_003);
      const one = async (): Promise<void> => {
        const lease = await within(30, 'a lease', agent.lease());
        const record = aRecord(lease, agent.profile);
        await agent.send({ ...record, tokenSeconds: [steps] });
        await within(30, 'an acknowledgement', agent.hear('resultAck'));
      };
      // Caches that hold the newest of something are full after this.
      for (let result = 0; result < 600; result += 1) await one();
      const before = await liveBytes(target);
      for (let result = 600; result < RESULTS; result += 1) await one();
      return kept(await liveBytes(target), before);
    },
  },
  {
    name: 'stranger-heartbeat',
    claim: 'a heartbeat of 2,000,000 ids (6 MB) without a token costs less than 128 MB',
    run: async (ground) => {
      const target = await withToken(ground);
      return await strange(ground, target, async (grpc) => (await session(grpc, twoMillionIds())).message);
    },
  },
  {
    name: 'agent-heartbeat',
    claim: 'the same heartbeat of an agent that was welcomed costs less than 128 MB',
    run: async (ground) => {
      const target = await ground.coordinator();
      const agent = await ground.fakeAgent(target);
      const ids = Array.from({ length: 2_000_000 }, () => 'a');
      const cost = await costOf(target, async () => {
        const value = { trialIds: ids, state: '', health: undefined };
        await agent.say({ $case: 'heartbeat', value }).catch(() => undefined);
        await within(60, 'an answer', agent.ask()).catch(() => undefined);
      });
      return bounded(cost, agent.ended === null ? 'taken' : 'refused');
    },
  },
  {
    name: 'stranger-60mb',
    claim: '12 messages of 60 MB without a token cost less than 128 MB',
    run: async (ground) => {
      const target = await withToken(ground);
      const document = delimited(1, Buffer.alloc(60e6, 'a'));
      return await strange(ground, target, async (grpc) => {
        const path = '/ridgepoint.v1.ControlService/SubmitSweep';
        const request = { path, streams: 'neither', bytes: document } as const;
        const calls = Array.from({ length: 12 }, () => grpc.ask(request, null));
        const codes = (await Promise.all(calls)).map(({ code }) => code);
        return `codes ${[...new Set(codes)].join(', ')}`;
      });
    },
  },
  {
    name: 'stranger-sessions',
    claim: '200 sessions without a token, each with a message of 1 MB, cost less than 128 MB',
    run: async (ground) => {
      const target = await withToken(ground);
      const hello = delimited(1, delimited(2, Buffer.alloc(1e6, 'a')));
      return await strange(ground, target, async (grpc) => {
        const ends = await Promise.all(Array.from({ length: 200 }, () => session(grpc, hello)));
        return `${ends.filter(({ code }) => code !== 'OK').length} refused`;
      });
    },
  },
];

async function leased(ground: Ground): Promise<{ target: Target; agent: FakeAgent; trialId: string }> {
  const target = await ground.coordinator();
  const agent = await ground.fakeAgent(target);
  await submit(ground.control(target), fakeSweep(1));
  const { trialId } = await within(20, 'a lease', agent.lease());
  return { target, agent, trialId };
}

function kept(after: number, before: number): Outcome {
  const grown = after - before;
  return {
    holds: grown < KEPT_BYTES,
    figure: `${megabytes(before)} before, ${grown < 0 ? '' : '+'}${megabytes(grown)} after a collection`,
  };
}

function bounded({ peakBytes, cpuSeconds }: Cost, how: string): Outcome {
  return {
    holds: peakBytes < STRANGER_BYTES,
    figure: `peak +${megabytes(peakBytes)}, ${cpuSeconds.toFixed(1)} s of CPU, ${how}`,
  };
}

async function strange(
  ground: Ground,
  target: Target,
  attack: (grpc: Caller) => Promise<string>,
): Promise<Outcome> {
  const grpc = new Caller(target.grpcAddress, ground.authority.ca);
  ground.later(() => grpc.close());
  let how = '';
  const cost = await costOf(target, async () => {
    how = await attack(grpc);
  });
  return bounded(cost, how);
}

const session = (grpc: Caller, bytes: Buffer) => grpc.ask({ path: SESSION, streams: 'both', bytes }, null);

function twoMillionIds(): Buffer {
  return delimited(3, Buffer.alloc(6_000_000, Buffer.from([0x0a, 0x01, 0x61])));
}

async function withToken(ground: Ground): Promise<Target> {
  const { certificateFile, keyFile } = ground.authority.issue('coordinator');
  const tokensFile = ground.path('tokens.yaml');
  writeFileSync(tokensFile, JSON.stringify([{ name: 'ci', token: 'ci-0123456789abcdef', scopes: ['read'] }]));
  return await ground.coordinator({ security: { kind: 'token', certificateFile, keyFile, tokensFile } });
}
