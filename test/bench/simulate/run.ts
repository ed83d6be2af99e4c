import { MemoryLog } from '../../../coordinator/log/memory.js';
import { Projection } from '../../../coordinator/projection.js';
import { counts } from '../../../coordinator/results.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { type Disk, SimulatedAgent } from './agent.js';
import { Checker, isResult, pointOf } from './check.js';
import { LEASE_SECONDS, SimulatedCoordinator } from './coordinator.js';
import type { Plants } from './plants.js';
import { Store } from './store.js';
import { drawPolicies, drawSweeps, type Policies, type SimulatedSweep } from './sweeps.js';
import { Users } from './users.js';
import { inTicks, World } from './world.js';

export interface History {
  readonly seed: number;
  /** What did not hold; none = all did. */
  readonly violations: readonly string[];
  /** Seconds that passed in it, events, faults, and results in its log. */
  readonly seconds: number;
  readonly events: number;
  readonly faults: readonly string[];
  readonly results: number;
}

const COORDINATORS = ['c1', 'c2', 'c3'] as const;
const AGENTS = 3;
/** Faults come until then; afterwards everything has to come to its end. */
const FAULTS_SECONDS = 60;
const MOST_SECONDS = 600;

/** One history: three coordinators on one log, three agents, and what the seed has go wrong. */
export function simulate(seed: number, plants: Plants = {}): Promise<History> {
  return inTicks(() => history(seed, plants));
}

async function history(seed: number, plants: Plants): Promise<History> {
  const world = new World(seed);
  const store = new Store(world, plants);
  const policies = drawPolicies(world);
  const sweeps = drawSweeps(world, policies);
  const checker = new Checker(store, sweeps, policies);
  let starts = 0;
  const startCoordinator = (name: string) =>
    new SimulatedCoordinator(world, name, starts++, { store, checker, plants, policies });
  const coordinators = COORDINATORS.map(startCoordinator);
  const disks: Disk[] = Array.from({ length: AGENTS }, () => ({ spool: new Map() }));
  const startAgent = (index: number) =>
    new SimulatedAgent(world, `n${index}`, starts++, () => coordinators, checker, disks[index]!);
  const agents = disks.map((_, index) => startAgent(index));
  const faults = planFaults(world, { coordinators, agents, store, startCoordinator, startAgent });
  const users = new Users(world, () => coordinators, store);
  for (const sweep of sweeps) users.use(sweep, FAULTS_SECONDS, faults);
  const isDone = (): boolean => {
    if (world.now < FAULTS_SECONDS + 5) return false;
    const leader = coordinators.find(({ dispatcher }) => dispatcher?.leadership.leads);
    const isOver = (sweep: SimulatedSweep): boolean => {
      const state = leader?.dispatcher?.state.sweeps.get(sweep.sweepId);
      if (state === undefined) return false;
      return sweepStatus(state).state === 'done' || checker.idle.isSpent(sweep, store.facts);
    };
    return sweeps.every(isOver) && disks.every(({ spool }) => spool.size === 0);
  };
  let done = false;
  await world.run(MOST_SECONDS, () => {
    // Asked at this very moment: a moment later nobody may lead.
    done = isDone();
    return done || store.violations.length > 0;
  });
  const { violations } = store;
  if (violations.length === 0) {
    if (done) await world.run(world.now + 3, () => false);
    else violations.push(`the sweeps were not done ${MOST_SECONDS - FAULTS_SECONDS} s after the last fault`);
    checker.finish();
    await compare(store, coordinators, sweeps, policies, violations);
  }
  for (const { process } of [...coordinators, ...agents]) process.alive = false;
  const results = store.facts.filter(({ fact }) => fact === 'ResultRecorded').length;
  return { seed, violations, seconds: world.now, events: world.events, faults, results };
}

/**
 * The log, read anew, says the same as every coordinator that followed it; and every start of a point counts
 * once.
 */
async function compare(
  store: Store,
  coordinators: readonly SimulatedCoordinator[],
  sweeps: readonly SimulatedSweep[],
  policies: Policies,
  violations: string[],
): Promise<void> {
  const log = new MemoryLog();
  await log.append(store.facts, 0);
  const options = {
    leaseSeconds: LEASE_SECONDS,
    lostSeconds: 20,
    forgetSeconds: 1,
    fixedFleet: false,
    incarnation: '',
    namespaces: policies,
  };
  const fresh = new Projection(options, (sentence) => violations.push(sentence));
  await fresh.catchUp(log);
  const said = (state: Projection['state']): string =>
    JSON.stringify(
      [...state.sweeps.values()].map((sweep) => [
        sweep.view.sweepId,
        [...sweep.queues].map(([key, queue]) => [
          key,
          queue.counts,
          [...queue.settled].sort((a, b) => a[0] - b[0]),
        ]),
      ]),
    );
  for (const { name, dispatcher, answers } of coordinators) {
    if (!answers || dispatcher === null || dispatcher.position !== store.facts.length) continue;
    if (said(dispatcher.state) !== said(fresh.state))
      violations.push(
        `${name} and the log, read anew, are not of one mind: ${said(dispatcher.state)} / ${said(fresh.state)}`,
      );
    const counted = new Map<string, number>();
    for (const fact of store.facts) {
      const isCounted = (record: ResultRecord): boolean => record.valid && counts(dispatcher, record);
      if (fact.fact !== 'ResultRecorded' || !isResult(fact, isCounted)) continue;
      const point = pointOf(fact.record.sweep.id, fact.record.sweep);
      counted.set(point, (counted.get(point) ?? 0) + 1);
    }
    for (const [point, count] of counted)
      if (count > 1) violations.push(`${point} counts ${count} times at ${name}`);
    for (const { sweepId } of sweeps)
      if (!dispatcher.state.sweeps.has(sweepId)) violations.push(`${name} lacks the sweep ${sweepId}`);
  }
}

interface Cast {
  readonly coordinators: SimulatedCoordinator[];
  readonly agents: SimulatedAgent[];
  readonly store: Store;
  readonly startCoordinator: (name: string) => SimulatedCoordinator;
  readonly startAgent: (index: number) => SimulatedAgent;
}

/** Faults of a seed, each at its time. @returns what they are, as they come */
function planFaults(world: World, cast: Cast): string[] {
  const { random } = world;
  const { coordinators, agents, store } = cast;
  const told: string[] = [];
  const length = () => random.between(0.5, 15);
  const kinds: ((index: number) => string)[] = [
    (index) => {
      const gone = coordinators[index % coordinators.length]!;
      gone.kill();
      for (const agent of agents) agent.lose(gone);
      world.after(random.between(0.2, 6), () => {
        // Killed twice it starts once.
        const at = coordinators.indexOf(gone);
        if (at >= 0) coordinators[at] = cast.startCoordinator(gone.name);
      });
      return `kill ${gone.name}`;
    },
    (index) => {
      const still = coordinators[index % coordinators.length]!;
      const seconds = length();
      still.process.standStill(seconds);
      return `stop ${still.name} for ${seconds.toFixed(1)} s`;
    },
    (index) => {
      const cut = coordinators[index % coordinators.length]!;
      cut.link.cutUntil = world.now + length();
      return `cut ${cut.name} off the store`;
    },
    () => {
      store.stalledUntil = world.now + random.between(0.5, 4);
      return 'the store stalls';
    },
    (index) => {
      const agent = agents[index % agents.length]!;
      const seconds = random.between(0.5, 40);
      agent.cut(seconds);
      return `cut ${agent.node} off for ${seconds.toFixed(1)} s`;
    },
    (index) => {
      const at = index % agents.length;
      const gone = agents[at]!;
      gone.kill();
      world.after(random.between(0.2, 10), () => {
        if (agents[at] === gone) agents[at] = cast.startAgent(at);
      });
      return `kill n${at}`;
    },
    (index) => {
      const agent = agents[index % agents.length]!;
      agent.process.standStill(length());
      return `stop ${agent.node}`;
    },
    (index) => {
      const jumping = coordinators[index % coordinators.length]!;
      jumping.process.jump(random.between(-1e5, 1e5));
      return `the wall clock of ${jumping.name} jumps`;
    },
    () => {
      const leader = coordinators.find(({ dispatcher }) => dispatcher?.leadership.leads);
      const seconds = random.between(2, 8);
      leader?.process.standStill(seconds);
      return `stop the leader for ${seconds.toFixed(1)} s`;
    },
  ];
  const count = 3 + random.whole(8);
  for (let fault = 0; fault < count; fault += 1) {
    const [kind, index] = [random.pick(kinds), random.whole(60)];
    world.after(random.between(1, FAULTS_SECONDS), () => {
      told.push(`${world.now.toFixed(3)} s: ${kind(index)}`);
    });
  }
  return told;
}
