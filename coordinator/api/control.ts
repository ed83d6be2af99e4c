import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '../../core/quote.js';
import { lackingEnergy, WITHOUT_ENERGY } from '../../core/sweep/energy.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import { NAMESPACE } from '../../core/sweep/namespace.js';
import { type Caller, mayUse } from '../../proto/caller.js';
import { parseModels } from '../../proto/convert.js';
import { invalid, WireError } from '../../proto/errors.js';
import {
  type CancelSweepRequest,
  type CancelSweepResponse,
  type ControlServiceServer,
  type CordonNodeRequest,
  type CordonNodeResponse,
  type PauseSweepRequest,
  type PauseSweepResponse,
  RecordDetail,
  type ResumeSweepRequest,
  type ResumeSweepResponse,
  type StreamResultsResponse,
  type SubmitSweepRequest,
  type SubmitSweepResponse,
  type WatchLeaderResponse,
  type WatchSweepResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import type { ProcessHealth } from '../../proto/gen/ridgepoint/v1/health.js';
import type { CallContext, Handlers } from '../../proto/server.js';
import type { Audit, By } from '../audit.js';
import type { Clock } from '../clock.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Durability, Log } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { type StoredResult, storedResults } from '../results.js';
import { PRIORITY_LIMIT } from '../scheduler/namespaces.js';
import { serves } from '../scheduler/placement.js';
import type { SweepState } from '../scheduler/state.js';
import { sweepStatus } from '../scheduler/status.js';
import type { SweepView } from '../scheduler/view.js';
import { deleteSweeps } from './deletion.js';
import { type LogApi, readLog, verifyLog } from './log.js';
import { namespaceStatuses } from './namespaces.js';
import { pinSweep } from './pins.js';
import { bounded, reasonOf } from './reason.js';
import { isLeaving, nodeStatuses, otherReleaseStatus, runningTrials, wireStatus } from './status.js';
import { resultsNamed, seesSweep, sweepNamed, sweepsOf } from './visible.js';

export interface ControlApi {
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly log: Log;
  readonly durability: Durability;
  readonly clock: Clock;
  /** `host:port` by which others name this coordinator. */
  readonly ownAddress: () => string;
  /** What this coordinator says of itself. */
  readonly health: () => Promise<ProcessHealth>;
  readonly audit: Audit;
  readonly inform: (sentence: string) => void;
}

/** Who asks, and what they may. */
export interface Asker extends By {
  readonly who: Caller;
}

function askerOf({ who, peer }: CallContext): Asker {
  return { who, name: who.name, from: peer };
}

/** Nodes serve every namespace. @throws WireError `forbidden` */
function managesNodes({ who }: Asker): void {
  if (who.managesNodes) return;
  throw new WireError(
    'forbidden',
    `${quote(who.name)} is for some namespaces, and nodes serve all: it takes the scope "admin".`,
  );
}

/** Pushes of one watcher are at least this far apart; what happens between them is sent together. */
const WATCH_MILLISECONDS = 250;
/** Records of a message, about; a larger one has a message of its own. */
const TOGETHER_CHARACTERS = 256 * 1024;

/** What people and tools ask for. */
export function controlService(api: ControlApi & LogApi, handlers: Handlers): ControlServiceServer {
  const { dispatcher, registry, log, durability } = api;
  return {
    submitSweep: handlers.unary((request, context) => submitSweep(api, request, askerOf(context))),
    cancelSweep: handlers.unary((request, context) => cancelSweep(api, request, askerOf(context))),
    deleteSweeps: handlers.unary(async (request, context) => ({
      sweeps: await deleteSweeps(api, request, askerOf(context)),
    })),
    pinSweep: handlers.unary((request, context) => pinSweep(api, request, askerOf(context))),
    pauseSweep: handlers.unary((request, context) => pauseSweep(api, request, askerOf(context))),
    resumeSweep: handlers.unary((request, context) => resumeSweep(api, request, askerOf(context))),
    listSweeps: handlers.unary(async (_request, { who }) => ({
      sweeps: [
        ...(mayUse(who, DEFAULT_NAMESPACE)
          ? [...dispatcher.state.otherReleases.values()].map((other) => otherReleaseStatus(dispatcher, other))
          : []),
        ...sweepsOf(dispatcher, who).map((sweep) => wireStatus(dispatcher, registry, sweep)),
      ],
    })),
    getSweep: handlers.unary(async ({ sweepId }, { who }) => {
      resultsNamed(dispatcher, sweepId, who);
      const { fact } = await log.get(dispatcher.submissionOf(sweepId) ?? 0, 'full');
      return { document: fact.fact === 'SweepSubmitted' ? fact.document : '' };
    }),
    listNodes: handlers.unary(async (_request, { who }) => ({
      nodes: nodeStatuses(dispatcher, registry, who),
      logDurability: durability.level,
      logSentence: durability.sentence,
    })),
    listNamespaces: handlers.unary(async (_request, { who }) => ({
      namespaces: namespaceStatuses(dispatcher).filter(({ name }) => mayUse(who, name)),
    })),
    cordonNode: handlers.unary((request, context) => cordonNode(api, request, askerOf(context))),
    drainNode: handlers.unary(async ({ node, reason }, context) => {
      const by = askerOf(context);
      managesNodes(by);
      if (registry.session(node) === null) {
        throw new WireError(
          'not-found',
          `There is no node ${quote(node)} connected: \`ridge nodes\` lists them.`,
        );
      }
      const why = reasonOf(reason, 'drained', by);
      await dispatcher.dispatch({ event: 'drain-requested', node, reason: why });
      api.inform(`${node} is asked to drain: ${why}`);
      api.audit.did('drain', by, { node, reason: why });
      const leases = [...dispatcher.state.leases.values()];
      return { running: leases.filter((lease) => lease.node === node).length };
    }),
    watchSweep: handlers.stream(({ sweepId }, { signal, who }) =>
      watch(dispatcher, registry, sweepNamed(dispatcher, sweepId, who), signal),
    ),
    streamResults: handlers.stream(async function* (request, { signal, who }) {
      const sweepId = request.sweepId === '' ? null : request.sweepId;
      if (sweepId !== null) resultsNamed(dispatcher, sweepId, who);
      const query = {
        sweepId,
        sees: (id: string) => seesSweep(dispatcher, who, id),
        follow: request.follow,
        allTrials: request.allTrials,
        detail: request.detail === RecordDetail.RECORD_DETAIL_ROW ? ('row' as const) : ('full' as const),
      };
      const most = request.together && !request.follow ? TOGETHER_CHARACTERS : 0;
      yield* messagesOf(storedResults(log, dispatcher, query, request.after, signal), most);
    }),
    readLog: handlers.stream((request, context) => readLog(api, request, askerOf(context), context.signal)),
    verifyLog: handlers.stream((_request, context) => verifyLog(api, askerOf(context), context.signal)),
    watchLeader: handlers.stream((_request, { signal }) => watchLeader(api, signal)),
  };
}

/**
 * @throws WireError `invalid` with the errors of the sweep file in its details, or where it asks for energy
 *   that no node can measure.
 */
export async function submitSweep(
  api: ControlApi,
  request: SubmitSweepRequest,
  by: Asker,
): Promise<SubmitSweepResponse> {
  const { dispatcher, inform, audit } = api;
  bounded('submitter', request.submitter);
  const models = parseModels(request.modelsJson);
  const submitter = request.submitter === '' ? by.name : request.submitter;
  const { namespace, priority } = turnOf(request, by);
  const { position } = dispatcher;
  const { view, created, otherwise } = await dispatcher.submit(
    request.document,
    models,
    submitter,
    request.retryFailed,
    budgetOf(request),
    { namespace, priority },
    (view) => checkEnergy(api, view),
  );
  if (created) inform(`sweep ${view.name} (${view.sweepId}): ${view.count} points from ${submitter}`);
  const { sweepId, name, count: points, impossible } = view;
  audit.did('submit', by, { sweepId, name, namespace, points, created, submitter });
  const measuredOtherwise = otherwise.map((sweep) => {
    const { sweepId, name, complete } = sweepStatus(sweep);
    return { sweepId, name, complete };
  });
  const sweep = dispatcher.state.sweeps.get(sweepId);
  const paused = sweep !== undefined && sweepStatus(sweep).state === 'paused';
  return { sweepId, created, points, impossible, measuredOtherwise, paused, position };
}

/**
 * Asks the nodes that take work now: who submits from a page or as an object of Kubernetes has no command
 * that asks before.
 * @throws WireError `invalid` where no row of a sweep would have a number for the energy that it asks for.
 */
function checkEnergy({ dispatcher, registry, inform }: ControlApi, view: SweepView): void {
  const { cordoned } = dispatcher.state;
  const nodes = registry
    .entries()
    .filter(
      ({ profile, session, state }) =>
        session !== null &&
        !cordoned.has(profile.name) &&
        !isLeaving(dispatcher, profile.name, state) &&
        serves(profile, view),
    )
    .map(({ profile }) => profile);
  const lacking = lackingEnergy(view.energyKeys, view.placement.devices, nodes, 'the fleet');
  if (lacking?.always === true) throw invalid(lacking.message, [WITHOUT_ENERGY]);
  if (lacking !== null) inform(`sweep ${view.name} (${view.sweepId}): ${lacking.message}`);
}

/** @throws WireError `invalid` */
function budgetOf({ budgetSeconds }: Pick<SubmitSweepRequest, 'budgetSeconds'>): number | null {
  if (budgetSeconds === undefined) return null;
  if (budgetSeconds > 0 && budgetSeconds < Infinity) return budgetSeconds;
  throw invalid(`budget_seconds must be a number above 0, not ${budgetSeconds}`);
}

/** @throws WireError `forbidden` for another namespace, `invalid` for what is none */
function turnOf(
  request: Pick<SubmitSweepRequest, 'namespace' | 'priority'>,
  { who }: Asker,
): { namespace: string; priority: number | null } {
  const asked = request.namespace ?? '';
  const priority = request.priority ?? null;
  const [own = '', ...more] = who.namespaces ?? [];
  const namespace = asked || (more.length === 0 && NAMESPACE.test(own) ? own : DEFAULT_NAMESPACE);
  if (!NAMESPACE.test(namespace)) {
    throw invalid(
      `${quote(namespace)} cannot be a namespace: use small letters, digits, dots and dashes, 63 at most.`,
    );
  }
  if (!mayUse(who, namespace)) {
    const those = (who.namespaces ?? []).map((one) => quote(one)).join(', ') || 'none';
    throw new WireError(
      'forbidden',
      `${quote(who.name)} may not use the namespace ${quote(namespace)}, but ${those}.`,
    );
  }
  if (priority !== null && Math.abs(priority) > PRIORITY_LIMIT) {
    throw invalid(`A priority is between -${PRIORITY_LIMIT} and ${PRIORITY_LIMIT}, not ${priority}.`);
  }
  return { namespace, priority };
}

/** What runs there is finished. @throws WireError `forbidden`, or `invalid` for what is no name */
async function cordonNode(
  { dispatcher, clock, audit, inform }: ControlApi,
  { node, reason, uncordon }: CordonNodeRequest,
  by: Asker,
): Promise<CordonNodeResponse> {
  managesNodes(by);
  const word = uncordon ? 'uncordon' : 'cordon';
  const why = reasonOf(reason, `${word}ed`, by);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(node)) {
    throw invalid(`${quote(node)} is no name of a node: \`ridge nodes\` lists them.`);
  }
  const before = dispatcher.position;
  await dispatcher.dispatch({ event: `${word}-requested`, at: clock.isoTime(), node, reason: why });
  inform(`${node} is ${word}ed: ${why}`);
  audit.did(word, by, { node, reason: why });
  const running = [...dispatcher.state.leases.values()].filter((lease) => lease.node === node).length;
  return { running, unchanged: dispatcher.position === before };
}

/** Its running trials are stopped, its results kept. @throws WireError `not-found` */
export async function cancelSweep(
  { dispatcher, clock, audit }: ControlApi,
  { sweepId, reason }: CancelSweepRequest,
  by: Asker,
): Promise<CancelSweepResponse> {
  sweepNamed(dispatcher, sweepId, by.who);
  const why = reasonOf(reason, 'cancelled', by);
  await dispatcher.dispatch({ event: 'cancel-requested', at: clock.isoTime(), sweepId, reason: why });
  audit.did('cancel', by, { sweepId, reason: why });
  return {};
}

/**
 * Nothing more of it is begun, for the reason given last; its running trials are finished.
 * @throws WireError `not-found`, or `refused` for a sweep that is over.
 */
export async function pauseSweep(
  { dispatcher, clock, audit }: ControlApi,
  { sweepId, reason }: PauseSweepRequest,
  by: Asker,
): Promise<PauseSweepResponse> {
  const sweep = sweepNamed(dispatcher, sweepId, by.who);
  const why = reasonOf(reason, 'paused', by);
  await dispatcher.dispatch({ event: 'pause-requested', at: clock.isoTime(), sweepId, reason: why });
  notOver(sweep);
  audit.did('pause', by, { sweepId, reason: why });
  const leases = [...dispatcher.state.leases.values()];
  return { running: leases.filter((lease) => lease.sweepId === sweepId).length };
}

/**
 * It goes on where it was paused; says whether it ran anyway.
 * @throws WireError `not-found`, or `refused` for a sweep that is over.
 */
export async function resumeSweep(
  { dispatcher, clock, audit }: ControlApi,
  { sweepId, reason }: ResumeSweepRequest,
  by: Asker,
): Promise<ResumeSweepResponse> {
  const sweep = sweepNamed(dispatcher, sweepId, by.who);
  const why = reasonOf(reason, 'resumed', by);
  const asked = { at: clock.isoTime(), sweepId, reason: why };
  const replies = await dispatcher.dispatch({ event: 'resume-requested', ...asked });
  notOver(sweep);
  audit.did('resume', by, { sweepId, reason: why });
  return { wasRunning: replies.some(({ command }) => command === 'not-paused') };
}

/** @throws WireError `refused` where nothing is left that a pause could hold back. */
function notOver(sweep: SweepState): void {
  const { sweepId, state } = sweepStatus(sweep);
  if (state === 'cancelled') {
    throw new WireError(
      'refused',
      `Sweep ${sweepId} is cancelled: submit its file again, and it goes on from there.`,
    );
  }
  if (state === 'done') throw new WireError('refused', `Sweep ${sweepId} is done: nothing of it is left.`);
}

/** @param most characters of a message with more than one record */
async function* messagesOf(
  stored: AsyncIterable<StoredResult>,
  most: number,
): AsyncGenerator<StreamResultsResponse> {
  let records: string[] = [];
  let characters = 0;
  let position = 0;
  const message = (): StreamResultsResponse => {
    const [recordJson = '', ...moreJson] = records;
    [records, characters] = [[], 0];
    return { recordJson, moreJson, position };
  };
  try {
    for await (const { json, position: at } of stored) {
      if (records.length > 0 && characters + json.length > most) yield message();
      position = at;
      records.push(json);
      characters += json.length;
      if (characters > most) yield message();
    }
  } catch (error) {
    // What could be read is sent before the stream breaks: its reader says how much that was.
    if (records.length > 0) yield message();
    throw error;
  }
  if (records.length > 0) yield message();
}

/** Who leads, now and at every change. */
async function* watchLeader(
  { dispatcher: { leadership }, ownAddress, health }: ControlApi,
  signal: AbortSignal,
): AsyncGenerator<WatchLeaderResponse> {
  while (!signal.aborted) {
    const { leader, trouble } = leadership;
    const changed = leadership.changes.wait(signal);
    yield {
      leaderAddress: leader?.grpc ?? '',
      leaderWebUrl: leader?.web ?? '',
      ownAddress: ownAddress(),
      trouble: trouble ?? '',
      health: await health(),
    };
    await changed;
  }
}

/** The state now, then every change of it, until the sweep is finished and nothing of it runs. */
async function* watch(
  dispatcher: Dispatcher,
  registry: Registry,
  sweep: SweepState,
  signal: AbortSignal,
): AsyncGenerator<WatchSweepResponse> {
  let sent = '';
  while (!signal.aborted) {
    const running = runningTrials(dispatcher, registry).filter(
      ({ sweepId }) => sweepId === sweep.view.sweepId,
    );
    const message = {
      status: wireStatus(dispatcher, registry, sweep),
      running: running.map(({ trial }) => trial),
    };
    const text = JSON.stringify(message);
    if (text !== sent) {
      sent = text;
      yield message;
    }
    if (isOver(dispatcher, sweep)) return;
    const looked = performance.now();
    await dispatcher.changes.wait(signal);
    // A change that comes later is told at once: where nothing else happens, nothing wakes up for it.
    const early = looked + WATCH_MILLISECONDS - performance.now();
    if (early > 0) await sleep(early, undefined, { signal }).catch(() => undefined);
  }
}

function isOver(dispatcher: Dispatcher, sweep: SweepState): boolean {
  const runs = [...dispatcher.state.leases.values()].some(({ sweepId }) => sweepId === sweep.view.sweepId);
  if (sweep.cancelled) return !runs;
  const queues = [...sweep.queues.values()];
  return (
    queues.length > 0 &&
    queues.every((queue) => queue.settled.size === sweep.view.count && queue.stale.size === 0)
  );
}
