import { setTimeout as sleep } from 'node:timers/promises';
import type { CoordinatorConfig } from '../../../coordinator/config.js';
import type { ControlConnection } from '../../../proto/client.js';
import type { NatsServer } from '../../support/nats-server.js';
import type { Outcome } from './check.js';
import { Ground, recordsOf, submit, type Target, until, within } from './ground.js';
import { orphans } from './process-figures.js';

const AGENTS = ['node-a', 'node-b', 'node-c'];
const POINTS_EACH = 12;
/** A sweep is handed over before every so many kills. */
const KILLS_PER_SWEEP = 6;
/** How long everything may take to come to rest after the last kill. */
const REST_SECONDS = 400;

interface Seen {
  /** Sweeps whose submission was answered. */
  readonly sweeps: string[];
  /** Trials that somebody has read: none of them may go. */
  readonly trials: Set<string>;
}

/**
 * Kills a coordinator, agents and (where there is one) nats-server by turns with SIGKILL while sweeps are
 * handed over and measured, and starts each again; then waits for the end.
 * @param kind where the log is.
 */
export async function killSeries(kind: 'sqlite' | 'jetstream', kills: number): Promise<Outcome> {
  const ground = new Ground();
  const before = new Set(orphans());
  try {
    return await series(ground, kind, kills, before);
  } finally {
    await ground.close();
  }
}

async function series(
  ground: Ground,
  kind: 'sqlite' | 'jetstream',
  kills: number,
  before: ReadonlySet<string>,
): Promise<Outcome> {
  const nats = kind === 'jetstream' ? await ground.nats() : null;
  const config: CoordinatorConfig = nats === null ? {} : { log: { kind: 'jetstream', servers: [nats.url] } };
  const scene = new Scene(ground, await ground.coordinator({ leaseSeconds: 10, ...config }), nats);
  const seen: Seen = { sweeps: [], trials: new Set() };
  const victims = ['coordinator', ...AGENTS, 'coordinator', ...(nats === null ? [] : ['nats', 'nats'])];
  let killed = 0;
  for (; killed < kills; killed += 1) {
    if (killed % KILLS_PER_SWEEP === 0) await scene.handOver(seen, killed / KILLS_PER_SWEEP);
    await sleep(300 + Math.random() * 2000);
    await scene.look(seen);
    const victim = victims[Math.floor(Math.random() * victims.length)]!;
    await scene.kill(victim);
    console.log(`${kind}: kill ${killed + 1} of ${kills}: ${victim}, ${seen.trials.size} results seen`);
  }
  const control = scene.control();
  const over = await until(REST_SECONDS, async () => await atRest(control, seen.sweeps));
  return await judge(control, seen, killed, over !== null, before, ground);
}

/** The processes as they stand now, each in its newest life. */
class Scene {
  readonly #ground: Ground;
  readonly #nats: NatsServer | null;
  readonly #agents = new Map<string, ReturnType<Ground['agent']>>();
  #target: Target;
  #control: ControlConnection;

  constructor(ground: Ground, target: Target, nats: NatsServer | null) {
    this.#ground = ground;
    this.#target = target;
    this.#nats = nats;
    this.#control = ground.control(target);
    for (const name of AGENTS) this.#agents.set(name, ground.agent(target.grpcAddress, name));
  }

  control(): ControlConnection {
    return this.#control;
  }

  /** Submits until it is answered: what was answered must never be lost. */
  async handOver(seen: Seen, index: number): Promise<void> {
    const id = await until(60, async () => await submit(this.#control, sweepNumber(index)).catch(() => null));
    if (id === null) throw new Error('no coordinator took a sweep for a minute');
    seen.sweeps.push(id);
  }

  /** Notes every trial that can be read now; a log that is away for the moment shows nothing. */
  async look(seen: Seen): Promise<void> {
    const looked = within(10, 'the results', recordsOf(this.#control));
    for (const { trialId } of await looked.catch(() => [])) seen.trials.add(trialId);
  }

  async kill(victim: string): Promise<void> {
    if (victim === 'nats') {
      await this.#nats?.kill();
      await sleep(Math.random() * 500);
      await this.#nats?.restart();
      return;
    }
    if (victim === 'coordinator') {
      this.#target = await this.#ground.again(this.#target);
      return;
    }
    const { agent, state } = this.#agents.get(victim)!;
    agent.process.kill('SIGKILL');
    await agent.ended;
    this.#agents.set(victim, this.#ground.agent(this.#target.grpcAddress, victim, state));
  }
}

async function atRest(control: ControlConnection, sweeps: readonly string[]): Promise<true | null> {
  await sleep(1000);
  const listed = await control.listSweeps({ deadlineSeconds: 10 }).catch(() => null);
  if (listed === null) return null;
  const settled = listed.sweeps.filter(
    ({ points, complete, failed, invalid }) => complete + failed + invalid === points,
  );
  return sweeps.every((id) => settled.some(({ sweepId }) => sweepId === id)) ? true : null;
}

async function judge(
  control: ControlConnection,
  seen: Seen,
  killed: number,
  over: boolean,
  before: ReadonlySet<string>,
  ground: Ground,
): Promise<Outcome> {
  const { sweeps } = await control.listSweeps({ deadlineSeconds: 30 });
  const stored = (await recordsOf(control)).map(({ trialId }) => trialId);
  const ids = new Set(stored);
  const lostSweeps = seen.sweeps.filter((id) => !sweeps.some(({ sweepId }) => sweepId === id));
  const lost = [...seen.trials].filter((id) => !ids.has(id));
  const sum = (of: (sweep: (typeof sweeps)[number]) => number): number =>
    sweeps.reduce((total, sweep) => total + of(sweep), 0);
  const [points, complete] = [sum((sweep) => sweep.points), sum((sweep) => sweep.complete)];
  await ground.close();
  await sleep(2000);
  const left = orphans().filter((line) => !before.has(line));
  return {
    holds:
      over &&
      lostSweeps.length === 0 &&
      lost.length === 0 &&
      ids.size === stored.length &&
      complete === points &&
      left.length === 0,
    figure:
      `${killed} kills, ${seen.sweeps.length} sweeps accepted and ${lostSweeps.length} lost, ` +
      `${complete} of ${points} points complete${over ? '' : ' (not at rest)'}, ` +
      `${stored.length} trials, ${stored.length - ids.size} twice, ${lost.length} of ${seen.trials.size} seen ones lost, ` +
      `${left.length} processes left`,
  };
}

/** Points that differ from those of every other sweep, each of a few tenths of a second. */
function sweepNumber(index: number): string {
  const tokens = Array.from({ length: POINTS_EACH }, (_, point) => 20 + point + index * POINTS_EACH);
  return `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: kills-${index} }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: 2000 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: [${tokens.join(', ')}] }]
  measure: { starts: 1, minRepeats: 2, maxRepeats: 2, maxWarmups: 1 }
  placement: { driftControl: false, retries: 20 }
`;
}
