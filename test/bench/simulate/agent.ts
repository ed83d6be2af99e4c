import type { Lease } from '../../../core/experiment/lease.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { parseLease, toHello, toReport } from '../../../proto/convert.js';
import { WireError } from '../../../proto/errors.js';
import type { SessionRequest, SessionResponse } from '../../../proto/gen/ridgepoint/v1/agents.js';
import { oneRequest, responsesOf } from '../../../proto/several.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import type { Checker } from './check.js';
import { HEARTBEAT_SECONDS, type SimulatedCoordinator } from './coordinator.js';
import { Process, type World } from './world.js';

type Up = SessionRequest['message'];
type Down = NonNullable<SessionResponse['message']>;

/** A stream between an agent and a coordinator: messages in their order, late, until it breaks. */
class Wire {
  open = true;
  readonly agent: Process;
  readonly coordinator: SimulatedCoordinator;
  readonly heard: (message: Down) => void;
  readonly broken: (error: unknown) => void;
  readonly #world: World;
  readonly #inbox: SessionRequest[] = [];
  #wake: () => void = () => undefined;
  #lastUp = 0;
  #lastDown = 0;

  constructor(
    world: World,
    agent: Process,
    coordinator: SimulatedCoordinator,
    heard: (message: Down) => void,
    broken: (error: unknown) => void,
  ) {
    this.#world = world;
    this.agent = agent;
    this.coordinator = coordinator;
    this.heard = heard;
    this.broken = broken;
    const server = {
      send: async (message: SessionResponse) => this.#down(message),
      end: () => undefined,
      [Symbol.asyncIterator]: () => this.#messages(),
    };
    coordinator.process.after(this.#late(), () => {
      coordinator.serve(server).then(
        () => this.#end(null),
        (error: unknown) => this.#end(error),
      );
    });
  }

  /** Says it at one moment. */
  say(...messages: Up[]): void {
    if (!this.open) return;
    this.#lastUp = Math.max(this.#lastUp, this.#world.now + this.#late());
    this.coordinator.process.after(this.#lastUp - this.#world.now, () => {
      if (!this.open) return;
      this.#inbox.push(oneRequest(messages.map((message) => ({ message }))));
      this.#wake();
    });
  }

  /** Breaks for both ends; each notices in its time. */
  cut(): void {
    if (!this.open) return;
    this.open = false;
    this.coordinator.process.after(this.#late(), () => this.#wake());
    this.agent.after(this.#late(), () => this.broken(new WireError('unavailable', 'It broke.')));
  }

  #late(): number {
    const { random } = this.#world;
    return random.chance(0.02) ? random.between(0.1, 1.5) : random.between(0.001, 0.02);
  }

  #down(response: SessionResponse): void {
    if (!this.open || !this.coordinator.process.alive) return;
    this.#lastDown = Math.max(this.#lastDown, this.#world.now + this.#late());
    this.agent.after(this.#lastDown - this.#world.now, () => {
      for (const { message } of responsesOf(response)) if (this.open) this.heard(message!);
    });
  }

  #end(error: unknown): void {
    if (!this.open) return;
    this.agent.after(this.#late(), () => {
      if (!this.open) return;
      this.open = false;
      this.broken(error);
    });
  }

  async *#messages(): AsyncGenerator<SessionRequest> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) yield message;
      else if (!this.open) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

/** What outlives the process of an agent. */
export interface Disk {
  readonly spool: Map<string, ResultRecord>;
}

/**
 * An agent as its session behaves (agent/session.ts), with one device, and trials that take their time and
 * compute nothing.
 */
export class SimulatedAgent {
  readonly process: Process;
  readonly node: string;
  cutUntil = 0;
  readonly #world: World;
  readonly #instance: string;
  readonly #coordinators: () => readonly SimulatedCoordinator[];
  readonly #checker: Checker;
  readonly #disk: Disk;
  readonly #profile;
  #wire: Wire | null = null;
  #welcome = false;
  #running: Lease | null = null;
  #asked = false;
  /** Named as the one that leads. */
  #leader: string | null = null;
  #connecting = false;
  #streams = 0;

  constructor(
    world: World,
    node: string,
    start: number,
    coordinators: () => readonly SimulatedCoordinator[],
    checker: Checker,
    disk: Disk,
  ) {
    this.#world = world;
    this.node = node;
    this.#instance = `${node}.${start}`;
    this.process = new Process(world, this.#instance);
    this.#coordinators = coordinators;
    this.#checker = checker;
    this.#disk = disk;
    this.#profile = aNode(node, {
      devices: [{ id: 'cpu0', classes: ['cpu'], name: 'CPU', memoryBytes: 8e9, cpus: [0] }],
    });
    this.#connect(0.1);
    this.#beat();
    this.#look();
  }

  kill(): void {
    this.process.alive = false;
    this.#wire?.cut();
    if (this.#running !== null) this.#checker.stopped(this.node, this.#running.trialId, false);
  }

  /** The network between it and every coordinator is gone for a while. */
  cut(seconds: number): void {
    this.cutUntil = this.#world.now + seconds;
    this.#wire?.cut();
  }

  /** The coordinator it talks to is gone. */
  lose(coordinator: SimulatedCoordinator): void {
    if (this.#wire?.coordinator === coordinator) this.#wire.cut();
  }

  #connect(seconds: number): void {
    if (this.#connecting) return;
    this.#connecting = true;
    this.process.after(seconds, () => {
      this.#connecting = false;
      const { random, now } = this.#world;
      const up = this.#coordinators().filter(({ process }) => process.alive);
      const named = up.find(({ name }) => name === this.#leader);
      const coordinator = named ?? (up.length > 0 ? random.pick(up) : null);
      if (coordinator === null || now < this.cutUntil) return this.#connect(0.3);
      this.#welcome = false;
      this.#asked = false;
      const wire: Wire = new Wire(
        this.#world,
        this.process,
        coordinator,
        (message) => {
          if (this.#wire === wire) this.#hear(message);
        },
        (error) => {
          if (this.#wire !== wire) return;
          this.#wire = null;
          this.#welcome = false;
          this.#leader = error instanceof WireError ? error.leader : null;
          this.#connect(this.#leader === null ? random.between(0.1, 1) : 0.01);
        },
      );
      this.#wire = wire;
      const running = this.#running === null ? [] : [this.#running.trialId];
      const ended = [...this.#disk.spool.keys()];
      const hello = toHello(this.#profile, {
        instance: this.#instance,
        runningTrialIds: running,
        endedTrialIds: ended,
        stream: ++this.#streams,
      });
      wire.say({ $case: 'hello', value: hello });
    });
  }

  /** Who leads is told by whichever coordinator answers: WatchLeader. */
  #look(): void {
    this.process.after(0.3, () => {
      const answering = this.#coordinators().filter(({ answers }) => answers);
      if (answering.length > 0 && this.#world.now >= this.cutUntil && this.#wire !== null) {
        const leader = this.#world.random.pick(answering).dispatcher?.leadership.leader?.grpc ?? null;
        if (leader !== null && leader !== this.#wire.coordinator.name) {
          this.#leader = leader;
          this.#wire.cut();
        }
      }
      this.#look();
    });
  }

  #beat(): void {
    this.process.after(HEARTBEAT_SECONDS, () => {
      const trialIds = this.#running === null ? [] : [this.#running.trialId];
      if (this.#welcome)
        this.#wire?.say({ $case: 'heartbeat', value: { trialIds, state: '', health: undefined } });
      this.#beat();
    });
  }

  #hear(message: Down): void {
    switch (message.$case) {
      case 'welcome':
        this.#welcome = true;
        for (const trialId of message.value.unknownTrialIds) this.#stop(trialId);
        this.#say(
          [...this.#disk.spool.values()].flatMap((record) => this.#report(record)),
          this.#ask(),
        );
        return;
      case 'lease': {
        this.#asked = false;
        const lease = parseLease(message.value.leaseJson);
        if (this.#running === null) this.#begin(lease);
        return;
      }
      case 'noWork':
        this.#asked = true;
        this.process.after(Math.min(1, message.value.retryMilliseconds / 1000), () => {
          this.#asked = false;
          this.#say(this.#ask());
        });
        return;
      case 'resultAck':
        this.#checker.acknowledged(message.value.trialId);
        this.#disk.spool.delete(message.value.trialId);
        return;
      case 'resultRefused':
        this.#checker.refused(message.value.trialId, message.value.reason);
        this.#disk.spool.delete(message.value.trialId);
        return;
      case 'stopTrial':
        this.#stop(message.value.trialId);
        return;
      default:
    }
  }

  #say(...said: Up[][]): void {
    const messages = said.flat();
    if (messages.length > 0) this.#wire?.say(...messages);
  }

  #ask(): Up[] {
    if (!this.#welcome || this.#running !== null || this.#asked) return [];
    this.#asked = true;
    return [{ $case: 'leaseRequest', value: { deviceId: 'cpu0' } }];
  }

  #begin(lease: Lease): void {
    const { random } = this.#world;
    this.#running = lease;
    this.#checker.began(this.node, lease);
    const seconds = random.chance(0.1) ? random.between(10, 40) : random.between(1, 8);
    this.process.after(seconds, () => {
      if (this.#running !== lease) return;
      const valid = random.chance(0.95);
      const record = {
        ...aRecord(lease, this.#profile, { valid, seconds }),
        device: { id: 'cpu0', class: 'cpu', name: 'CPU' },
      };
      // On disk first.
      this.#disk.spool.set(record.trialId, record);
      this.#checker.stopped(this.node, lease.trialId, true);
      this.#running = null;
      this.#say(this.#report(record), this.#ask());
    });
  }

  #stop(trialId: string): void {
    if (this.#running?.trialId !== trialId) return;
    this.#checker.stopped(this.node, trialId, false);
    this.#running = null;
    this.#say(this.#ask());
  }

  #report(record: ResultRecord): Up[] {
    if (!this.#welcome) return [];
    const report: Up = { $case: 'result', value: toReport(record) };
    // Said twice now and then, as after a break.
    return this.#world.random.chance(0.1) ? [report, report] : [report];
  }
}
