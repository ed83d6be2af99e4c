import { writeFileSync } from 'node:fs';
import type { Lease } from '../../../../core/experiment/lease.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import type { ClientSecurity } from '../../../../proto/security.js';
import { FakeAgent } from '../../../support/fake-agent.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aNode, aRecord } from '../../../support/wire-records.js';
import type { Check, Outcome } from '../check.js';
import { completeOf, type Ground, heard, recordsOf, submit, type Target, within } from '../ground.js';
import { writeLog } from '../written-log.js';

const POINTS = 6;

export const forgeryChecks: readonly Check[] = [
  {
    name: 'forge-without-lease',
    claim: 'a record that no lease was given for settles nothing',
    run: async (ground) => {
      const scene = await oneLease(ground);
      const genuine = aRecord(scene.lease, scene.agent.profile);
      await scene.agent.send({ ...genuine, trialId: invented(scene.lease.trialId, 0) });
      return await settledNothing(scene);
    },
  },
  {
    name: 'forge-wrong-experiment',
    claim: 'one experiment never settles the points of others',
    run: async (ground) => {
      const scene = await oneLease(ground);
      const genuine = aRecord(scene.lease, scene.agent.profile);
      for (let position = 0; position < POINTS; position += 1) {
        if (position === scene.lease.position) continue;
        const trialId = invented(scene.lease.trialId, position);
        await scene.agent.send({ ...genuine, trialId, sweep: { ...genuine.sweep, position } });
      }
      const others = (scene.lease.position + 1) % POINTS;
      await scene.agent.send({ ...genuine, sweep: { ...genuine.sweep, position: others } });
      return await settledNothing(scene);
    },
  },
  {
    name: 'forge-other-lease',
    claim: "a result for another node's lease is refused, and the holder's own is the one that is stored",
    run: async (ground) => {
      const { target, lease, agent, sweepId } = await oneLease(ground);
      const thief = await ground.fakeAgent(target, { profile: aNode('node-b') });
      await thief.send(aRecord(lease, thief.profile, { decodeTokensPerSecond: 666 }));
      await heard(thief);
      await agent.send(aRecord(lease, agent.profile, { decodeTokensPerSecond: 123 }));
      await heard(agent);
      const stored = (await recordsOf(ground.control(target), sweepId)).filter(
        ({ trialId }) => trialId === lease.trialId,
      );
      const names = stored.map(({ node }) => node.name).join(', ');
      return {
        holds: stored.length === 1 && stored[0]?.node.name === 'node-a',
        figure: `the stored result is of ${names === '' ? 'nobody' : names}, the lease was node-a's`,
      };
    },
  },
  {
    name: 'forge-unknown-sweep',
    claim: 'a record of a sweep that does not exist is never reused by a sweep that comes later',
    run: async (ground) => {
      const { target, lease, agent, sweepId } = await oneLease(ground);
      const genuine = aRecord(lease, agent.profile);
      const sweep = { ...genuine.sweep, id: 's0123456789abcdef', name: 'nowhere' };
      await agent.send({ ...genuine, trialId: invented(lease.trialId, 0), sweep });
      await agent.send({ ...genuine, sweep });
      await heard(agent);
      const control = ground.control(target);
      await control.cancelSweep({ sweepId, reason: 'another follows' });
      const later = await submit(control, fakeSweep(POINTS, { name: 'later' }));
      // What was measured before is taken over when work is dealt.
      const honest = await ground.fakeAgent(target, { profile: aNode('node-h') });
      await within(45, 'the later sweep', honest.work());
      const { sweeps } = await control.listSweeps();
      const reused = sweeps.find((sweep) => sweep.sweepId === later)?.reused ?? Number.NaN;
      return { holds: reused === 0, figure: `${reused} points of a later sweep took over the forged result` };
    },
  },
  {
    name: 'forge-negative-position',
    claim: 'a negative or broken position is refused: sweeps are listed as before, after a restart as well',
    run: async (ground) => {
      const { target, lease, agent } = await oneLease(ground);
      const genuine = aRecord(lease, agent.profile);
      // More of them than the sweep has points, so that a count of what is left would be negative.
      const negative = Array.from({ length: 2 * POINTS }, (_, index) => -1 - index);
      for (const [index, position] of [...negative, -1e15, 1.5, 2 ** 53].entries()) {
        const trialId = invented(lease.trialId, index);
        await agent.send({ ...genuine, trialId, sweep: { ...genuine.sweep, position } });
      }
      await agent.send({ ...genuine, sweep: { ...genuine.sweep, position: -1 } });
      await heard(agent);
      return (await listedTwice(ground, target)).outcome;
    },
  },
  {
    name: 'forge-block',
    claim: 'a block that was never dealt (2^53 - 1) is refused, and honest results are taken afterwards',
    run: async (ground) => {
      const { target, lease, agent, sweepId } = await oneLease(ground);
      const genuine = aRecord(lease, agent.profile);
      await agent.send({ ...genuine, sweep: { ...genuine.sweep, block: Number.MAX_SAFE_INTEGER } });
      await heard(agent);
      agent.vanish();
      return await finishes(ground, target, sweepId);
    },
  },
  {
    name: 'forge-device',
    claim: 'work for a device that the node does not have is not given',
    run: async (ground) => {
      const target = await ground.coordinator();
      const agent = await ground.fakeAgent(target);
      await submit(ground.control(target), fakeSweep(POINTS));
      const answer = await within(10, 'an answer', agent.ask('gpu99')).catch(() => null);
      return {
        holds: answer?.$case !== 'lease',
        figure: answer === null ? 'the session ended' : `answered with ${answer.$case}`,
      };
    },
  },
  {
    name: 'damaged-log',
    claim: 'a log that holds negative positions, forged blocks and strange sweeps is served all the same',
    run: async (ground) => {
      const made = await oneLease(ground);
      const { lease, sweepId } = made;
      const document = fakeSweep(POINTS);
      const record = aRecord(lease, made.agent.profile);
      const forged = (index: number, sweep: Partial<ResultRecord['sweep']>): ResultRecord => ({
        ...record,
        trialId: `t.forged.${index}`,
        sweep: { ...record.sweep, ...sweep },
      });
      const path = ground.path('damaged.sqlite');
      await writeLog(path, [
        { fact: 'SweepSubmitted', sweepId, document },
        ...Array.from({ length: 2 * POINTS }, (_, index) => ({
          fact: 'ResultRecorded' as const,
          record: forged(10 + index, { position: -1 - index }),
        })),
        { fact: 'ResultRecorded', record: forged(2, { position: (lease.position + 1) % POINTS, block: -5 }) },
        { fact: 'ResultRecorded', record: forged(3, { position: -7, block: Number.MAX_SAFE_INTEGER }) },
        { fact: 'ResultRecorded', record: forged(4, { id: 's0123456789abcdef', position: 3 }) },
      ]);
      const target = await ground.coordinator({ log: { kind: 'sqlite', path } });
      const { outcome, again } = await listedTwice(ground, target);
      return outcome.holds ? await finishes(ground, again, sweepId) : outcome;
    },
  },
  {
    name: 'forge-node-name-token',
    claim: 'a token of one node does not speak for another',
    run: async (ground) => {
      const { authority } = ground;
      const { certificateFile, keyFile } = authority.issue('coordinator');
      const tokensFile = ground.path('tokens.yaml');
      const tokens = ['node-a', 'node-b'].map((name) => ({ name, token: secret(name), scopes: ['agent'] }));
      writeFileSync(tokensFile, JSON.stringify(tokens));
      const target = await ground.coordinator({
        security: { kind: 'token', certificateFile, keyFile, tokensFile },
      });
      const bearer = (name: string): ClientSecurity => ({
        kind: 'token',
        ca: authority.ca,
        token: secret(name),
        serverName: null,
      });
      return await impersonated(ground, target, bearer);
    },
  },
  {
    name: 'forge-node-name-certificate',
    claim: 'a certificate of one node does not speak for another',
    run: async (ground) => {
      const { authority } = ground;
      const { certificateFile, keyFile } = authority.issue('coordinator');
      const target = await ground.coordinator({
        security: {
          kind: 'mutual-tls',
          caFile: authority.caFile,
          certificateFile,
          keyFile,
          grants: [{ commonName: 'node-*', scopes: ['agent'] }],
        },
      });
      const holding = (name: string): ClientSecurity => {
        const { certificate, key } = authority.issue(name);
        return { kind: 'mutual-tls', ca: authority.ca, certificate, key, serverName: null };
      };
      return await impersonated(ground, target, holding);
    },
  },
];

interface Scene {
  readonly ground: Ground;
  readonly target: Target;
  readonly agent: FakeAgent;
  readonly lease: Lease;
  readonly sweepId: string;
}

/** A sweep of six points, and one lease of it that node-a holds. */
async function oneLease(ground: Ground): Promise<Scene> {
  const target = await ground.coordinator();
  const agent = await ground.fakeAgent(target);
  const sweepId = await submit(ground.control(target), fakeSweep(POINTS));
  return { ground, target, agent, sweepId, lease: await within(20, 'a lease', agent.lease()) };
}

/** Another id of the same form: an attacker knows what they look like. */
function invented(trialId: string, index: number): string {
  const last = trialId.codePointAt(trialId.length - 1) ?? 0;
  return `${trialId.slice(0, -3)}${String(index).padStart(2, '0')}${(last + 1) % 10}`;
}

async function settledNothing({ ground, target, agent, lease, sweepId }: Scene): Promise<Outcome> {
  await heard(agent);
  const control = ground.control(target);
  const forged = await completeOf(control, sweepId);
  // The genuine result of the lease is still taken, unless that session was closed for what it did.
  const back = await ground.fakeAgent(target, { running: [lease.trialId], profile: agent.profile });
  await back.send(aRecord(lease, back.profile));
  await heard(back);
  const then = await completeOf(control, sweepId);
  return {
    holds: forged === 0 && then <= 1,
    figure: `${forged} of ${POINTS} points settled by forged records, ${then} after the genuine one`,
  };
}

async function listedTwice(ground: Ground, target: Target): Promise<{ outcome: Outcome; again: Target }> {
  const listed = async (at: Target): Promise<string> => {
    try {
      const { sweeps } = await ground.control(at).listSweeps({ deadlineSeconds: 15 });
      return `${sweeps.length} sweeps listed`;
    } catch (error) {
      return `listing fails: ${(error as Error).message}`;
    }
  };
  const first = await listed(target);
  const again = await ground.again(target);
  const then = await listed(again);
  const holds = [first, then].every((one) => one === '1 sweeps listed');
  return { outcome: { holds, figure: `${first}; after a restart ${then}` }, again };
}

/** Another agent comes: it has to be able to finish the whole sweep. */
async function finishes(ground: Ground, target: Target, sweepId: string): Promise<Outcome> {
  const honest = await ground.fakeAgent(target, { profile: aNode('node-h') });
  const control = ground.control(target);
  let trouble = '';
  const work = within(45, 'the sweep to be finished', honest.work());
  await work.catch((error: Error) => {
    trouble = `; ${error.message}`;
  });
  const complete = await completeOf(control, sweepId);
  const [{ points } = { points: POINTS }] = (await control.listSweeps()).sweeps;
  return {
    holds: complete === points,
    figure: `an honest agent settled ${complete} of ${points} points${trouble}`,
  };
}

async function impersonated(
  ground: Ground,
  target: Target,
  of: (name: string) => ClientSecurity,
): Promise<Outcome> {
  const join = async (name: string, credential: string): Promise<string> => {
    try {
      const joined = FakeAgent.join(target.grpcAddress, { profile: aNode(name), security: of(credential) });
      const { agent } = await within(15, 'a welcome', joined);
      ground.later(() => agent.vanish());
      return 'welcomed';
    } catch (error) {
      return `refused (${(error as { code?: string }).code ?? (error as Error).message})`;
    }
  };
  const honest = await join('node-a', 'node-a');
  const thief = await join('node-a', 'node-b');
  return {
    holds: honest === 'welcomed' && thief !== 'welcomed',
    figure: `node-a by its own credential ${honest}, by node-b's ${thief}`,
  };
}

function secret(name: string): string {
  return `${name}-0123456789abcdef`;
}
