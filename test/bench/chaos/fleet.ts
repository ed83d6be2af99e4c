import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CoordinatorConfig } from '../../../coordinator/config.js';
import { aLease, aNode, aRecord } from '../../support/wire-records.js';
import { clock } from './clock.js';
import type { Ground, Place } from './ground.js';
import { Member } from './member.js';

export const COORDINATORS = ['c0', 'c1', 'c2'] as const;
export const LEASE_SECONDS = 8;
const GRPC = 7117;
const METRICS = 9464;
const COORDINATOR = join(import.meta.dirname, '../../fixtures/configured-coordinator.mjs');
const AGENT = join(import.meta.dirname, 'agent-child.mjs');

/** What an agent or the bench wrote down; times are nanoseconds of the machine's monotonic clock. */
export interface Noted {
  readonly at: number;
  readonly node: string;
  readonly what: string;
  readonly trialId?: string;
  readonly point?: string;
  readonly purpose?: string;
  /** Address of the coordinator. */
  readonly by?: string | null;
  readonly trials?: readonly string[];
  readonly reason?: string;
}

/** A coordinator has said that it leads. */
export interface Took {
  readonly address: string;
  /** Last entry of the log that it knew then. */
  readonly entry: number;
  /** Between the last time that it took over, or its start, and when it said so. */
  readonly after: number;
  readonly at: number;
}

/** How long trials take: most are short, and every so many-th runs long enough that a fault falls into it. */
export const TRIAL_SECONDS = { short: 0.2, long: 4, longEvery: 10 };

export const addressOf = ({ ip }: Place) => `${ip}:${GRPC}`;

/** The coordinators and the agents. */
export class Fleet {
  readonly coordinators: readonly Member[];
  readonly agents: readonly Member[];
  readonly took: Took[] = [];
  /** When each agent was killed. */
  readonly kills: Noted[] = [];
  readonly #journals: string;

  constructor(ground: Ground, log: NonNullable<CoordinatorConfig['log']>, journals: string) {
    this.#journals = journals;
    const place = (name: string) => ground.places.find((one) => one.name === name)!;
    const places = COORDINATORS.map(place);
    this.coordinators = places.map((at) => this.#coordinator(ground, at, log));
    const addresses = places.map(addressOf).join(',');
    this.agents = ground.places
      .filter(({ name }) => name.startsWith('node'))
      .map((at) => this.#agent(ground, at, addresses));
  }

  get addresses(): string {
    return this.coordinators.map(({ place }) => addressOf(place)).join(',');
  }

  start(): void {
    for (const member of [...this.coordinators, ...this.agents]) member.start();
  }

  /** @returns the one that says that it leads; null when none does. */
  async leader(): Promise<Member | null> {
    const leading = await Promise.all(
      this.coordinators.map(({ place }) =>
        fetch(`http://${place.ip}:${METRICS}/leadz`, { signal: AbortSignal.timeout(300) }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    );
    return this.coordinators[leading.indexOf(true)] ?? null;
  }

  async kill(member: Member): Promise<void> {
    const { name: node } = member.place;
    if (this.agents.includes(member)) this.kills.push({ at: clock(), node, what: 'killed' });
    await member.kill();
  }

  /** @returns what the agents wrote down, and when they were killed, in the order of time. */
  journal(): Noted[] {
    const noted = this.agents.flatMap(({ place }) =>
      readFileSync(this.#journalOf(place), 'utf8')
        .split('\n')
        // The last line of one that was killed may not be whole.
        .flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Noted] : [])),
    );
    return [...noted, ...this.kills].sort((one, other) => one.at - other.at);
  }

  #journalOf({ name }: Place): string {
    return join(this.#journals, `${name}.jsonl`);
  }

  #coordinator(ground: Ground, place: Place, log: NonNullable<CoordinatorConfig['log']>): Member {
    const config: CoordinatorConfig = {
      log,
      grpcAddress: addressOf(place),
      metricsAddress: `${place.ip}:${METRICS}`,
      webAddress: null,
      heartbeatSeconds: 1,
      leaseSeconds: LEASE_SECONDS,
      lostSeconds: 15,
      drainSeconds: 0,
      logLevel: 'info',
      logFormat: 'json',
    };
    const member = new Member(ground, place, () => {
      let after = clock();
      const words = [process.execPath, COORDINATOR, JSON.stringify(config)];
      const child = ground.spawn(place, words, { clock: true, stderr: 'pipe' });
      child.stdout?.resume();
      createInterface(child.stderr!).on('line', (line) => {
        const at = clock();
        const entry = /"msg":"leads from entry (\d+) on"/.exec(line)?.[1];
        if (process.env.RIDGE_DEBUG) console.error(`${(at / 1e9).toFixed(2)} ${place.name} ${line}`);
        member.said(line);
        if (entry === undefined) return;
        this.took.push({ address: addressOf(place), entry: Number(entry), after, at });
        after = at;
      });
      return child;
    });
    return member;
  }

  #agent(ground: Ground, place: Place, addresses: string): Member {
    const { name } = place;
    const device = { id: 'cpu0', classes: ['cpu'] as const, name: 'CPU', memoryBytes: 8e9, cpus: [0] };
    const profile = aNode(name, { devices: [{ ...device, classes: [...device.classes] }] });
    const template = { ...aRecord(aLease('t'), profile), device: { id: 'cpu0', class: 'cpu', name: 'CPU' } };
    const task = {
      name,
      addresses,
      profile,
      template,
      seconds: TRIAL_SECONDS,
      spoolFolder: join(place.disk, 'spool'),
      journal: this.#journalOf(place),
    };
    writeFileSync(task.journal, '');
    return new Member(ground, place, () => {
      const words = [process.execPath, AGENT, JSON.stringify(task)];
      const child = ground.spawn(place, words, { clock: true, stderr: 'inherit' });
      child.stdout?.resume();
      return child;
    });
  }
}
