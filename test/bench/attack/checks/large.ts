import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CoordinatorConfig } from '../../../../coordinator/config.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aNode, aRecord } from '../../../support/wire-records.js';
import type { Check, Outcome } from '../check.js';
import { type Ground, recordsOf, submit, until, within } from '../ground.js';

export const largeChecks: readonly Check[] = [
  {
    name: 'large-result-jetstream',
    claim:
      'a result of 4 MB on JetStream is stored or becomes a failed trial; its agent goes on and the others get through',
    run: async (ground) => {
      const nats = await ground.nats();
      return await spooled(ground, 4e6, { log: { kind: 'jetstream', servers: [nats.url] } });
    },
  },
  {
    name: 'large-result-sqlite',
    claim:
      'a result of 70 MB, over the limit of gRPC, becomes a failed trial; its agent goes on and the others get through',
    seconds: 240,
    run: async (ground) => await spooled(ground, 70e6, {}),
  },
  {
    name: 'large-plain-sweep',
    claim: 'a plain sweep of 8,192 tokens and 100 repeats is finished on JetStream',
    seconds: 300,
    run: async (ground) => {
      const nats = await ground.nats();
      const target = await ground.coordinator({ log: { kind: 'jetstream', servers: [nats.url] } });
      const control = ground.control(target);
      ground.agent(target.grpcAddress, 'node-a');
      const sweepId = await submit(
        control,
        `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: long }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: 50000, fakeJitter: 0.05 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: [8192, 16] }]
  measure: { starts: 1, minRepeats: 100, maxRepeats: 100, maxWarmups: 1 }
  placement: { driftControl: false, retries: 0 }
`,
      );
      const settled = await until(200, async () => {
        const { sweeps } = await control.listSweeps();
        const one = sweeps.find((sweep) => sweep.sweepId === sweepId);
        return one !== undefined && one.queued + one.running === 0 ? one : null;
      });
      return {
        holds: settled !== null && settled.complete + settled.invalid + settled.failed === settled.points,
        figure:
          settled === null
            ? 'not finished after 200 s'
            : `${settled.complete} complete, ${settled.invalid} invalid, ${settled.failed} failed`,
      };
    },
  },
];

/**
 * Three leases were measured and lie in the spool of a real agent, one result of them too large: the agent
 * starts and has to get rid of all three.
 */
async function spooled(ground: Ground, bytes: number, config: CoordinatorConfig): Promise<Outcome> {
  const target = await ground.coordinator(config);
  const control = ground.control(target);
  const sweepId = await submit(control, fakeSweep(6));
  const spool = join(ground.path('state'), 'spool', 'node-a');
  mkdirSync(spool, { recursive: true });
  const ids = ['cpu0', 'cpu1', 'cpu2'];
  const [device] = aNode().devices;
  const profile = aNode('node-a', { devices: ids.map((id) => ({ ...device!, id })) });
  const holder = await ground.fakeAgent(target, { profile });
  const records: ResultRecord[] = [];
  for (const id of ids) records.push(aRecord(await within(20, 'a lease', holder.lease(id)), profile));
  holder.vanish();
  const [small, large, other] = records as [ResultRecord, ResultRecord, ResultRecord];
  const noise = Array.from({ length: Math.floor(bytes / 20) }, () => Math.random() / 64);
  for (const record of [small, { ...large, tokenSeconds: [noise] }, other])
    writeFileSync(join(spool, `${record.trialId}.json`), JSON.stringify(record));
  const { agent } = ground.agent(target.grpcAddress, 'node-a', join(spool, '../..'));
  const found = await until(60, async () => {
    const stored = await recordsOf(control, sweepId).catch(() => []);
    const ids = new Set(stored.map(({ trialId }) => trialId));
    return records.every(({ trialId }) => ids.has(trialId)) ? stored : null;
  });
  const stored = found ?? (await recordsOf(control, sweepId).catch(() => []));
  const of = ({ trialId }: ResultRecord) => stored.find((record) => record.trialId === trialId);
  const ending = of(large);
  const breaks = agent.stderr().match(/trying again|connected to the coordinator/g)?.length ?? 0;
  const alive = agent.process.exitCode === null;
  return {
    holds: found !== null && alive && breaks < 10,
    figure:
      `innocent results stored: ${[small, other].filter((record) => of(record) !== undefined).length} of 2, ` +
      `the large one: ${ending === undefined ? 'nowhere' : (ending.failure?.code ?? ending.status)}, ` +
      `${breaks} connections and breaks`,
  };
}
