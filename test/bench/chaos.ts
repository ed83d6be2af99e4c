/**
 * bench:chaos: three coordinators, agents with trials of known durations, and a store of several servers
 * (three of NATS that keep the log in three copies, or PostgreSQL with a synchronous standby that the bench
 * promotes), each a process with a network, a disk and a clock of its own, under faults that a seed chooses:
 * `kill -9` of everything in turn, SIGSTOP, cables that are pulled and networks that part, full disks, clocks
 * that jump, standbys that are promoted.
 *
 * What is claimed is not asked of the coordinators: agents keep journals of what they were granted, ran,
 * reported and had acknowledged. Their histories go to porcupine, a checker of linearizability, with four
 * models (chaos/checker/models.go): the lease of the log with its fence, the leases of trials, the log to
 * which is only added, and what counts.
 *
 *   npm run bench -- chaos [--log=jetstream|postgres] [--seed=1] [--seeds=1] [--experiments=5000]
 *   [--faults=200] [--agents=12] [--keep=FOLDER]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hasNatsServer } from '../support/nats-server.js';
import { hasPostgres } from '../support/postgres-server.js';
import { checkerProgram, hasChecker } from './chaos/check.js';
import { hasNamespaces, OWN_NAMESPACES } from './chaos/ground.js';
import { type ChaosFigures, chaos } from './chaos/run.js';
import type { StoreKind } from './chaos/stores.js';
import { conclude, type Figure } from './figure.js';

const { values } = parseArgs({
  options: {
    log: { type: 'string' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    experiments: { type: 'string', default: '5000' },
    faults: { type: 'string', default: '200' },
    agents: { type: 'string', default: '12' },
    keep: { type: 'string' },
    /** Set by the bench itself, once it is in namespaces of its own. */
    inside: { type: 'boolean', default: false },
  },
});

if (!hasChecker) {
  console.error('The checker of histories is a program in Go (https://go.dev/dl): install Go 1.26 or newer.');
  process.exit(2);
}
if (!values.inside && hasNamespaces()) {
  checkerProgram();
  const [program = '', ...words] = OWN_NAMESPACES;
  const own = [...process.execArgv, process.argv[1]!, ...process.argv.slice(2), '--inside'];
  process.exit(spawnSync(program, [...words, process.execPath, ...own], { stdio: 'inherit' }).status ?? 1);
}
// As the first process of its namespaces it is asked in vain to end unless it says how; with it goes all that
// it started.
if (values.inside)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));

/** What each model of the checker says. */
const MODELS: Readonly<Record<string, string>> = {
  terms: 'one coordinator leads at a time, and whoever takes over has all that was written',
  leases: 'no start of a point is leased to two, or leased when its result is there',
  log: 'results are only ever added, each once, and what a watcher heard of is there',
  counted: 'of each start the result that was recorded first counts, and no other',
};
const kinds = (
  [
    ['jetstream', hasNatsServer],
    ['postgres', hasPostgres],
  ] satisfies [StoreKind, boolean][]
).filter(([kind, there]) => there && (values.log === undefined || values.log === kind));
const [first, seeds] = [Number(values.seed), Number(values.seeds)];
const figures: Figure[] = [];
for (const [log] of kinds) {
  const all: ChaosFigures[] = [];
  for (let seed = first; seed < first + seeds; seed += 1) {
    const folder = values.keep
      ? join(values.keep, `${log}-${seed}`)
      : mkdtempSync(join(tmpdir(), `ridgepoint-chaos-${log}-${seed}-`));
    const said = (sentence: string) => console.log(`${log}, seed ${seed}: ${sentence}`);
    const one = await chaos({
      log,
      seed,
      folder,
      said,
      networks: values.inside,
      experiments: Number(values.experiments),
      faults: Number(values.faults),
      agents: Number(values.agents),
    });
    all.push(one);
    if (seed === first) for (const sentence of one.missing) said(sentence);
    for (const ending of one.endings) said(`ended by itself: ${ending}`);
    const wrong = [
      ...one.lost.map((what) => `lost: ${what}`),
      ...one.countedTwice.map((what) => `counted twice: ${what}`),
      ...one.verdicts.flatMap(({ model, result, violations }) =>
        result === 'holds' ? [] : [`${model} ${result}: ${violations.slice(0, 5).join('; ')}`],
      ),
      ...one.refused.map((what) => `refused: ${what}`),
      ...one.damage,
    ];
    for (const sentence of wrong) said(sentence);
    said(
      `${one.faults} faults, ${one.terms} terms, ${one.acknowledged} of ${one.granted} trials acknowledged, ${one.seconds.toFixed(0)} s`,
    );
    if (wrong.length > 0) said(`its history is kept in ${folder}`);
    else if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
  figures.push(...figuresOf(log, all));
}
conclude('chaos', figures);
process.exit();

function figuresOf(log: StoreKind, all: readonly ChaosFigures[]): Figure[] {
  const name = { jetstream: 'JetStream', postgres: 'PostgreSQL' }[log];
  const sum = (of: (one: ChaosFigures) => number) => all.reduce((so, one) => so + of(one), 0);
  const judged = (model: string) =>
    all.map((one) => one.verdicts.find((verdict) => verdict.model === model)!);
  const held = (model: string): Figure => {
    const found = judged(model);
    const bad = found.reduce((so, { violations }) => so + violations.length, 0);
    const operations = found.reduce((so, one) => so + one.operations, 0);
    return {
      claim: `${name}: ${MODELS[model]}`,
      measured: `${bad} violations in ${operations} operations of ${found.filter(({ result }) => result === 'holds').length} of ${found.length} histories that hold`,
      required: '0, all hold',
      holds: found.length > 0 && found.every(({ result }) => result === 'holds'),
    };
  };
  const zero = (claim: string, count: number, measured: string): Figure => ({
    claim: `${name}: ${claim}`,
    measured: `${count}${measured}`,
    required: '0',
    holds: count === 0,
  });
  const under = ` of ${sum((one) => one.acknowledged)} acknowledged, under ${sum((one) => one.faults)} faults and ${sum((one) => one.terms)} terms of leaders, ${all.length} seeds`;
  return [
    zero(
      'results lost, or refused',
      sum((one) => one.lost.length + one.refused.length),
      under,
    ),
    zero(
      'counted twice',
      sum((one) => one.countedTwice.length),
      `; ${sum((one) => one.repeated)} of ${sum((one) => one.recorded)} that were recorded were measured again`,
    ),
    ...Object.keys(MODELS).map(held),
    zero(
      'places where the log, read anew, and a coordinator or its checksums say different things',
      sum((one) => one.damage.length),
      '',
    ),
  ];
}
