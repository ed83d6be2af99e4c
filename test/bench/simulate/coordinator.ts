import { pushMessage, serveAgent } from '../../../coordinator/api/agents.js';
import { Audit } from '../../../coordinator/audit.js';
import { Dispatcher, type Reply } from '../../../coordinator/dispatcher.js';
import type { Log } from '../../../coordinator/log/log.js';
import { Registry } from '../../../coordinator/registry/registry.js';
import { seekLeadership } from '../../../coordinator/seek.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { WireError } from '../../../proto/errors.js';
import type { SessionRequest, SessionResponse } from '../../../proto/gen/ridgepoint/v1/agents.js';
import type { Duplex } from '../../../proto/stream.js';
import type { Checker } from './check.js';
import type { Plants } from './plants.js';
import { SimulatedLog, type Store, StoreLink } from './store.js';
import { Process, type World } from './world.js';

export const LEASE_SECONDS = 10;
export const HEARTBEAT_SECONDS = 2;
const LEADER_SECONDS = 3;

export type ServerStream = Duplex<SessionResponse, SessionRequest>;

/** A coordinator as main.ts puts it together, without its edges: the real dispatcher, registry and sessions over a simulated store. */
export class SimulatedCoordinator {
  readonly name: string;
  readonly process: Process;
  readonly link: StoreLink;
  readonly #checker: Checker;
  readonly #plants: Plants;
  readonly #registry = new Registry();
  #dispatcher: Dispatcher | null = null;

  constructor(world: World, name: string, start: number, store: Store, checker: Checker, plants: Plants) {
    this.name = name;
    this.process = new Process(world, `${name}.${start}`);
    this.link = new StoreLink(this.process, store);
    this.#checker = checker;
    this.#plants = plants;
    void this.#start();
  }

  get dispatcher(): Dispatcher | null {
    return this.#dispatcher;
  }

  /** Whether anybody gets an answer there. */
  get answers(): boolean {
    return this.process.alive && !this.process.still && this.#dispatcher !== null;
  }

  kill(): void {
    this.process.alive = false;
  }

  /** Serves a stream until it ends. @throws WireError */
  async serve(stream: ServerStream): Promise<void> {
    const dispatcher = this.#dispatcher;
    if (dispatcher === null) throw new WireError('unavailable', 'It is starting.');
    const api = {
      dispatcher,
      registry: this.#registry,
      clock: this.#clock(),
      inform: () => undefined,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      leaseSeconds: LEASE_SECONDS,
      keepsBodies: false,
      audit: new Audit(
        null,
        () => '',
        () => undefined,
      ),
    };
    const context = { caller: 'agent', peer: 'here', nodeRefusal: () => null, refusal: () => null };
    await serveAgent(api, stream, context);
  }

  async submit(document: string): Promise<string> {
    if (this.#dispatcher === null) throw new WireError('unavailable', 'It is starting.');
    return (await this.#dispatcher.submit(document, [], 'simulation', false)).view.sweepId;
  }

  #clock() {
    const { clock } = this.process;
    return this.#plants.wallClock ? { ...clock, now: () => this.process.wall } : clock;
  }

  async #start(): Promise<void> {
    const { process } = this;
    const clock = this.#clock();
    const log: Log = new SimulatedLog(this.link, this.#plants);
    const incarnation = `${process.name.replace('.', '')}-`;
    const options = {
      leaseSeconds: LEASE_SECONDS,
      lostSeconds: 20,
      forgetSeconds: 86_400,
      fixedFleet: false,
      incarnation,
    };
    let dispatcher: Dispatcher | null = null;
    while (dispatcher === null && process.alive) {
      // A store that does not answer just now ends a real one, which its supervisor starts again.
      dispatcher = await Dispatcher.open({
        log,
        clock,
        options,
        sweeps: { read: async (document, models) => readSweep(document, models), close: async () => {} },
        push: (command) => this.#registry.session(command.node)?.push(pushMessage(command)),
        recorded: () => undefined,
        snapshotEntries: 4,
        warn: (sentence) => {
          if (/snapshot.*: it (is|knows|ends)/.test(sentence)) this.#checker.violations.push(sentence);
        },
      }).catch(async () => {
        await process.clock.wait(1);
        return null;
      });
    }
    if (dispatcher === null) return;
    if (this.#plants.countsRepeated) dispatcher.state.repeated.add = () => dispatcher.state.repeated;
    if (this.#plants.noDedup) dispatcher.state.recorded.has = () => false;
    this.#watch(dispatcher);
    this.#dispatcher = dispatcher;
    const leader = { holder: process.name, grpc: this.name, web: null };
    const { leadership } = dispatcher;
    seekLeadership({
      log,
      dispatcher,
      registry: this.#registry,
      timer: process.clock,
      leader,
      seconds: LEADER_SECONDS,
      waiting: {
        signal: new AbortController().signal,
        heard: (other) => leadership.heard(other),
        unheard: () => undefined,
      },
      took: () => {
        if (this.#plants.ownKeys) dispatcher.state.leaseKey = `a key of ${process.name}`;
      },
      ended: () => undefined,
    });
    this.#tick(dispatcher);
    this.#follow(dispatcher);
  }

  /** Tells the checker what is granted and renewed, as it is let out. */
  #watch(dispatcher: Dispatcher): void {
    const dispatch = dispatcher.dispatch.bind(dispatcher);
    dispatcher.dispatch = async (event, bytes) => {
      const heard = this.process.world.now;
      const replies: Reply[] = await dispatch(event, bytes);
      if (!this.process.alive) return replies;
      for (const reply of replies)
        if (reply.command === 'grant' && 'node' in event)
          this.#checker.granted(event.node, reply.lease, this.name);
      if (event.event === 'heartbeat') this.#checker.renewed(event.node, event.trialIds, heard);
      if (event.event === 'node-joined') this.#checker.renewed(event.profile.name, event.trialIds, heard);
      return replies;
    };
  }

  #tick(dispatcher: Dispatcher): void {
    this.process.after(1, () => {
      const clock = this.#clock();
      dispatcher.dispatch({ event: 'tick', now: clock.now(), at: clock.at() }).catch(() => undefined);
      void dispatcher.tryLog().catch(() => undefined);
      void dispatcher.keepSnapshot();
      this.#tick(dispatcher);
    });
  }

  #follow(dispatcher: Dispatcher): void {
    this.process.after(0.25, () => {
      void dispatcher
        .catchUp()
        .catch(() => undefined)
        .then(() => this.#follow(dispatcher));
    });
  }
}
