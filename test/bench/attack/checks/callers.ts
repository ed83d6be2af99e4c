import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '../../../../core/experiment/lease.js';
import { Controller } from '../../../../operator/controller.js';
import { readSettings } from '../../../../operator/settings.js';
import { connectAgents } from '../../../../proto/client.js';
import { ArtifactIntent } from '../../../../proto/gen/ridgepoint/v1/artifacts.js';
import { SweepState } from '../../../../proto/gen/ridgepoint/v1/control.js';
import { fakeSweep, submission } from '../../../support/sweeps.js';
import { aNode } from '../../../support/wire-records.js';
import type { Check } from '../check.js';
import { type Ground, submit, type Target, until, within } from '../ground.js';
import { SweepsInMemory } from '../kubernetes.js';

/** Beyond what it was while nothing was asked of it, which on a busy machine is something. */
const MOST_SILENT_SECONDS = 1;
/** What a start on a log with such sweeps may take longer than one on an empty log. */
const MOST_START_SECONDS = 10;
/** Trials of each search. */
const TRIALS = 15;

/** What one caller does to the others. */
export const callerChecks: readonly Check[] = [
  {
    name: 'callers-long-axes',
    claim: `searches over axes of up to 10,000 values, submitted, submitted again, measured and read again, leave /healthz unanswered for less than ${MOST_SILENT_SECONDS} s longer than at rest`,
    seconds: 300,
    run: async (ground) => {
      const beginning = performance.now();
      const target = await ground.coordinator();
      const startSeconds = (performance.now() - beginning) / 1000;
      const documents = [
        searchOf('one-axis', '{ kind: latency, promptTokens: "1-1200" }'),
        searchOf(
          'three-axes',
          '{ kind: latency, promptTokens: "1-10000", generateTokens: "1-10000", contextDepth: "1-10000" }',
        ),
      ];
      const atRest = await silenceDuring(ground, target, () => sleep(5000));
      const silentSeconds = await silenceDuring(ground, target, async () => {
        const control = ground.control(target);
        for (const document of [...documents, ...documents]) await submit(control, document);
        const agent = await ground.fakeAgent(target);
        for (let trial = 0; trial < documents.length * TRIALS; trial += 1)
          await agent.report(await within(60, 'a lease', agent.lease()), {
            decodeTokensPerSecond: 1 + trial,
          });
        agent.vanish();
      });
      const restarting = performance.now();
      const again = await ground.again(target);
      const longer = (performance.now() - restarting) / 1000 - startSeconds;
      const after = await silenceDuring(ground, again, async () => {
        const control = ground.control(again);
        for (const document of documents) await submit(control, document);
      });
      const silent = Math.max(silentSeconds, after);
      return {
        holds: silent < atRest + MOST_SILENT_SECONDS && longer < MOST_START_SECONDS,
        figure: `unanswered for ${silent.toFixed(2)} s at most (${atRest.toFixed(2)} s at rest), a start on their log took ${longer.toFixed(1)} s longer`,
      };
    },
  },
  {
    name: 'callers-artifact-shelf',
    claim:
      'one byte that is said to be the first of very many, and a namespace that brings what it can, take no artifact from another namespace',
    run: async (ground) => {
      const maxBytes = 1e6;
      const artifacts = { path: ground.path('shelf'), maxBytes, keepFreeBytes: 0 };
      const target = await ground.coordinator({ artifacts });
      const lab = await holder(ground, target, 'lab');
      const rogue = await holder(ground, target, 'rogue');
      await lab.bring(1, randomBytes(0.4 * maxBytes));
      const first = await rogue.put(1, {
        bytes: maxBytes,
        piece: randomBytes(1),
        digest: digestOf(randomBytes(9)),
      });
      const afterByte = await lab.has(1);
      for (let name = 2; name < 8; name += 1)
        await rogue.bring(name, randomBytes(0.3 * maxBytes)).catch(() => undefined);
      const afterAll = await lab.has(1);
      await lab.bring(2, randomBytes(0.05 * maxBytes)).catch(() => undefined);
      const [isTaken, hasBoth] = [first === null, (await lab.has(1)) && (await lab.has(2))];
      return {
        holds: isTaken && afterByte && afterAll && hasBoth,
        figure:
          `the artifact of the other namespace is ${afterByte ? 'there' : 'gone'} after one byte, ` +
          `${afterAll ? 'there' : 'gone'} after all that came; its next one is ${hasBoth ? 'taken' : 'not taken'}`,
      };
    },
  },
  {
    name: 'callers-kubernetes-sweep',
    claim:
      'a Sweep of one Kubernetes namespace neither suspends, cancels nor reads that of another one which asks for the same',
    run: async (ground) => {
      const target = await ground.coordinator();
      const control = ground.control(target);
      const sweeps = new SweepsInMemory();
      const over = new AbortController();
      ground.later(() => over.abort());
      const settings = readSettings(undefined, { coordinator: target.grpcAddress, pollSeconds: 0.2 });
      const client = sweeps;
      void new Controller({ client, settings, log: () => undefined }).run(over.signal);
      const sweep = { spec: SPEC, metadata: { name: 'same' } };
      sweeps.put('mine', 'team-a', { sweep });
      const idOf = (name: string, namespace: string) =>
        until(20, async () => (sweeps.find(name, namespace).status?.sweepId as string | undefined) ?? null);
      const mine = await idOf('mine', 'team-a');
      const agent = await ground.fakeAgent(target);
      await agent.report(await within(20, 'a lease', agent.lease()));
      await until(20, async () => sweeps.find('mine', 'team-a').status?.best ?? null);
      sweeps.put('evil', 'team-b', { sweep });
      await idOf('evil', 'team-b');
      await sleep(2000);
      const read = sweeps.find('evil', 'team-b').status?.best !== undefined;
      const states: string[] = [];
      for (const wish of ['suspend', 'cancel']) {
        sweeps.put('evil', 'team-b', { sweep, [wish]: true });
        await sleep(2000);
        const all = (await control.listSweeps()).sweeps;
        states.push(
          all.find(({ sweepId }) => sweepId === mine)?.state === SweepState.SWEEP_STATE_RUNNING
            ? 'runs on'
            : `stopped by ${wish}`,
        );
      }
      return {
        holds: mine !== null && !read && states.every((state) => state === 'runs on'),
        figure: `the sweep of the other namespace: ${states.join(', ')}; its rows are ${read ? '' : 'not '}read`,
      };
    },
  },
];

const SPEC = {
  models: 'builtin:tiny',
  runners: { kind: 'fake' },
  workloads: { kind: 'latency', promptTokens: [16, 32, 64] },
  measure: { starts: 1 },
};

const searchOf = (name: string, workload: string) => `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${name} }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake }]
  workloads: [${workload}]
  measure: { starts: 1 }
  search: { budget: { trials: ${TRIALS} } }
`;

/** @returns for how long at most nobody answered at /healthz meanwhile. */
async function silenceDuring(ground: Ground, target: Target, work: () => Promise<void>): Promise<number> {
  let [most, over] = [0, false];
  ground.later(() => {
    over = true;
  });
  const asking = (async () => {
    while (!over) {
      const asked = performance.now();
      const answered = await fetch(`${target.metricsUrl}/healthz`).catch(() => null);
      const seconds = answered === null ? Number.POSITIVE_INFINITY : (performance.now() - asked) / 1000;
      most = Math.max(most, seconds);
      await sleep(10);
    }
  })();
  await work().finally(() => {
    over = true;
  });
  await asking;
  return most;
}

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** A node that holds the lease of a trial in a namespace. */
async function holder(ground: Ground, target: Target, namespace: string) {
  await ground.control(target).submitSweep({ ...submission(fakeSweep(1)), namespace });
  const agent = await ground.fakeAgent(target, { profile: aNode(`${namespace}-node`) });
  const { trialId }: Lease = await within(20, 'a lease', agent.lease());
  const security = { kind: 'plaintext' } as const;
  const connection = connectAgents({ address: target.grpcAddress, security });
  ground.later(() => connection.close());
  const intent = ArtifactIntent.ARTIFACT_INTENT_UNSPECIFIED;
  const claim = async (index: number) => {
    const name = index.toString(16).padStart(24, '0');
    return { name, claimed: await connection.claimArtifact({ trialId, name, intent }) };
  };
  /** @returns why it was refused; null = it was taken. */
  const put = async (index: number, piece: { digest: string; bytes: number; piece: Buffer }) => {
    const { name } = await claim(index);
    const request = { trialId, name, offset: 0, ...piece };
    return await connection.putArtifact(request).then(
      () => null,
      (error: Error) => error.message,
    );
  };
  return {
    put,
    /** @throws Error where it is not taken. */
    bring: async (index: number, content: Buffer) => {
      const file = { digest: digestOf(content), bytes: content.length };
      const refused = await put(index, { ...file, piece: content });
      if (refused !== null) throw new Error(refused);
      const { name } = await claim(index);
      const artifact = { files: [{ path: '', report: false, ...file }], noteJson: '{}', madeOn: '' };
      await connection.offerArtifact({ trialId, name, artifact });
    },
    has: async (index: number) => (await claim(index)).claimed.artifact !== undefined,
  };
}
