/**
 * `ridge operator` under a real kube-apiserver, etcd, controller-manager and scheduler: killed before and
 * after each of six steps, by seed; frozen over a compaction; without an API server for a while; led by one
 * and then the other; hurried by people; with each of its rights taken away; with 500 Sweeps. Agents are such
 * that speak in this process (test/cluster/operator.test.ts has real ones).
 *
 * Flags: --seeds N (default 20), --races N (3), --sweeps N (500), --lanes N (3), --only
 * kills,races,compaction,restart,leaders,rights,many
 */
import { parseArgs } from 'node:util';
import { hasHelm } from '../support/helm.js';
import { hasKubernetes } from '../support/kubernetes/control-plane.js';
import { Lab } from '../support/kubernetes/lab.js';
import { spokenAgent } from '../support/kubernetes/spoken-agent.js';
import { conclude, type Figure } from './figure.js';
import { killsOf, life, type Outcome } from './operator/kills.js';
import { many } from './operator/many.js';
import { refusedWith, rightsOf } from './operator/rights.js';
import { compaction, leaders, races, restart } from './operator/troubles.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    races: { type: 'string', default: '3' },
    sweeps: { type: 'string', default: '500' },
    lanes: { type: 'string', default: '3' },
    only: { type: 'string', default: 'kills,races,compaction,restart,leaders,rights,many' },
  },
});
const wanted = new Set(values.only.split(','));
if (!hasKubernetes)
  throw new Error(
    'There is no Kubernetes here: `bash scripts/install-kubernetes-test-services.sh` builds it in half an hour.',
  );

const figures: Figure[] = [];
const claim = (text: string, measured: string, required: string, holds: boolean) => {
  figures.push({ claim: text, measured, required, holds });
  console.log(`${holds ? 'holds' : 'FALLS SHORT'}: ${text}: ${measured}`);
};

const lab = await Lab.open();
try {
  await lab.node('node', { 'nvidia.com/gpu': '8' }, {}, spokenAgent(0.1));
  if (wanted.has('kills')) await kills();
  if (wanted.has('races')) await racing();
  if (wanted.has('compaction')) {
    const { status, wrong } = await compaction(lab);
    claim('a watch from before a compaction is answered', `${status}`, '410', status === 410);
    claim('points that do not count once after a compaction', `${wrong}`, '0', wrong === 0);
  }
  if (wanted.has('restart')) {
    const wrong = await restart(lab);
    claim(
      'points that do not count once after five seconds without an API server',
      `${wrong}`,
      '0',
      wrong === 0,
    );
  }
  if (wanted.has('leaders')) {
    const { wrong, seconds } = await leaders(lab);
    claim('points that do not count once after another operator led', `${wrong}`, '0', wrong === 0);
    claim('seconds until another led, with a lease of 2 s', seconds.toFixed(1), 'under 10', seconds < 10);
  }
  if (wanted.has('rights') && hasHelm) await rights();
  if (wanted.has('many')) {
    const count = Number(values.sweeps);
    const { complete, seconds, megabytes, bytes } = await many(lab, count);
    claim(
      `of ${count} Sweeps complete`,
      `${complete} in ${seconds.toFixed(0)} s`,
      `${count}`,
      complete === count,
    );
    claim('MB of memory of the operator at most', megabytes.toFixed(0), 'under 300', megabytes < 300);
    claim('bytes of the largest status', `${bytes}`, 'under 100,000', bytes < 100_000);
  }
} finally {
  await lab.close();
}
conclude('operator', figures);

async function kills(): Promise<void> {
  const lanes = Array.from({ length: Number(values.lanes) }, (_, i) => `lane-${i}`);
  for (const name of lanes) {
    await lab.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const config = await lab.api.get('ConfigMap', 'agent');
    await lab.api.apply({ ...config, metadata: { name: 'agent', namespace: name } });
  }
  const { kills: _, ...undisturbed } = await life(lab, lanes[0]!, null);
  console.log(`undisturbed: ${JSON.stringify(undisturbed)}`);
  const waiting = Array.from({ length: Number(values.seeds) }, (_, seed) => killsOf(seed)).flat();
  const total = waiting.length;
  const wrong: string[] = [];
  let killed = 0;
  await Promise.all(
    lanes.map(async (namespace) => {
      for (let kill = waiting.shift(); kill !== undefined; kill = waiting.shift()) {
        const where = `${kill.when} ${kill.step} ${kill.nth}`;
        const found = await life(lab, namespace, kill).catch((error: Error) => error);
        if (found instanceof Error) wrong.push(`${where}: ${found.message}`);
        else {
          killed += found.kills;
          const difference = differenceOf(found, undisturbed);
          if (difference !== null) wrong.push(`${where}: ${difference}`);
        }
        if (waiting.length % 12 === 0)
          console.log(`${total - waiting.length} of ${total} begun, ${wrong.length} wrong`);
      }
    }),
  );
  for (const line of wrong) console.log(line);
  const moments = `before and after each of six steps, ${values.seeds} seeds: ${killed} of ${total} lives were cut`;
  claim(
    'operators killed that did not end as the undisturbed one',
    `${wrong.length} (${moments})`,
    '0',
    wrong.length === 0,
  );
  claim('lives in which the operator was killed', `${killed} of ${total}`, 'all', killed === total);
}

function differenceOf(found: Outcome, wantedOutcome: Outcome): string | null {
  for (const key of Object.keys(wantedOutcome) as (keyof Outcome)[])
    if (found[key] !== wantedOutcome[key]) return `${key} is ${found[key]}, not ${wantedOutcome[key]}`;
  return null;
}

async function racing(): Promise<void> {
  const wrong: string[] = [];
  for (let seed = 1; seed <= Number(values.races); seed += 1) wrong.push(...(await races(lab, seed)));
  for (const line of wrong) console.log(line);
  const how = `${values.races} seeds of 60 acts on five objects`;
  claim(
    'objects, Jobs or sweeps that are not as people left them',
    `${wrong.length} (${how})`,
    '0',
    wrong.length === 0,
  );
}

async function rights(): Promise<void> {
  const whole = await refusedWith(lab, null);
  claim(
    'what the chart’s account is refused with all its rights',
    whole ?? 'nothing',
    'nothing',
    whole === null,
  );
  const needless: string[] = [];
  const all = rightsOf();
  for (const right of all) {
    const refused = await refusedWith(lab, right).catch((error: Error) => error.message);
    if (refused === null) needless.push(`${right.verb} ${right.resource}`);
  }
  const text = needless.length === 0 ? 'none' : needless.join(', ');
  claim(
    `of ${all.length} rights those that nobody misses when they are taken away`,
    text,
    'none',
    needless.length === 0,
  );
}
