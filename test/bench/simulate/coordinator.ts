import { pushMessage, serveAgent } from '../../../coordinator/api/agents.js';
import { Audit } from '../../../coordinator/audit.js';
import { Dispatcher } from '../../../coordinator/dispatcher.js';
import type { Log } from '../../../coordinator/log/log.js';
import { Registry } from '../../../coordinator/registry/registry.js';
import { namespaceOf, quotaRefusal } from '../../../coordinator/scheduler/namespaces.js';
import type { SchedulerState } from '../../../coordinator/scheduler/state.js';
import { seekLeadership } from '../../../coordinator/seek.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import type { Reply } from '../../../coordinator/writing/write-behind.js';
import { WireError } from '../../../proto/errors.js';
import type { SessionRequest, SessionResponse } from '../../../proto/gen/ridgepoint/v1/agents.js';
import type { Duplex } from '../../../proto/stream.js';
import type { Checker } from './check.js';
import type { Plants } from './plants.js';
import { SimulatedLog, type Store, StoreLink } from './store.js';
import type { Policies, SimulatedSweep } from './sweeps.js';
import { Process, type World } from './world.js';

export const LEASE_SECONDS = 10;
export const HEARTBEAT_SECONDS = 2;
const LEADER_SECONDS = 3;

export type ServerStream = Duplex<SessionResponse, SessionRequest>;

/** What the coordinators of a history share. */
export interface CoordinatorParts {
  readonly store: Store;
  readonly checker: Checker;
  readonly plants: Plants;
  readonly policies: Policies;
}

/**
 * A coordinator as main.ts puts it together, without its edges: the real dispatcher, registry and sessions
 * over a simulated store.
 */
export class SimulatedCoordinator {
  readonly name: string;
  readonly process: Process;
  readonly link: StoreLink;
  readonly #checker: Checker;
  readonly #plants: Plants;
  readonly #policies: Policies;
  readonly #registry = new Registry();
  #dispatcher: Dispatcher | null = null;

  constructor(
    world: World,
    name: string,
    start: number,
    { store, checker, plants, policies }: CoordinatorParts,
  ) {
    this.name = name;
    this.process = new Process(world, `${name}.${start}`);
    this.link = new StoreLink(this.process, store);
    this.#checker = checker;
    this.#plants = plants;
    this.#policies = policies;
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

  async submit({ document, namespace, priority }: SimulatedSweep): Promise<void> {
    if (this.#dispatcher === null) throw new WireError('unavailable', 'It is starting.');
    await this.#dispatcher.submit(document, [], 'simulation', false, null, { namespace, priority });
  }

  /** Nothing more of a sweep is begun, or it goes on. */
  async pause(sweepId: string, event: 'pause-requested' | 'resume-requested'): Promise<void> {
    if (this.#dispatcher === null) throw new WireError('unavailable', 'It is starting.');
    const at = this.#clock().isoTime();
    await this.#dispatcher.dispatch({ event, at, sweepId, reason: 'the simulation' });
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
      namespaces: this.#policies,
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
        onLeader: (other) => leadership.learnLeader(other),
        unheard: () => undefined,
      },
      took: () => {
        this.#checker.took(this.name);
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
      const asked = event.event === 'work-requested' ? event : null;
      const keeps =
        asked !== null && this.#plants.keptBlock === true && holdsBlockInVain(dispatcher.state, asked);
      const replies: Reply[] = keeps ? [noWork(asked.deviceId)] : await dispatch(event, bytes);
      if (!this.process.alive) return replies;
      const grants = replies.flatMap((reply) => (reply.command === 'grant' ? [reply.lease] : []));
      if (asked !== null) for (const lease of grants) this.#checker.granted(asked.node, lease, this.name);
      if (asked !== null && grants.length === 0)
        this.#checker.askedInVain(asked.node, this.name, dispatcher.position);
      if (event.event === 'heartbeat') this.#checker.renewed(event.node, event.trialIds, heard);
      if (event.event === 'node-joined') {
        this.#checker.joined(event.profile.name);
        const { trialIds, endedTrialIds = [] } = event;
        this.#checker.renewed(event.profile.name, [...trialIds, ...endedTrialIds], heard);
      }
      return replies;
    };
  }

  #tick(dispatcher: Dispatcher): void {
    this.process.after(1, () => {
      const clock = this.#clock();
      dispatcher.dispatch({ event: 'tick', now: clock.now(), at: clock.isoTime() }).catch(() => undefined);
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

/** A planted bug: whether a device has a block of a namespace that may begin nothing more. */
function holdsBlockInVain(
  state: SchedulerState,
  { node, deviceId }: { readonly node: string; readonly deviceId: string },
): boolean {
  const block = state.nodes.get(node)?.slots.get(deviceId)?.block ?? null;
  return block !== null && quotaRefusal(state, namespaceOf(state, block.sweepId)) !== null;
}

const noWork = (deviceId: string): Reply => ({
  command: 'no-work',
  deviceId,
  retrySeconds: 2,
  idle: false,
  undecided: false,
});
