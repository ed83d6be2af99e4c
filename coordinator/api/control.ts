import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '../../core/quote.js';
import { parseModels } from '../../proto/convert.js';
import { WireError } from '../../proto/errors.js';
import {
  type ControlServiceServer,
  RecordDetail,
  type StreamResultsResponse,
  type WatchSweepResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import type { Handlers } from '../../proto/server.js';
import type { Clock } from '../clock.js';
import type { Conductor } from '../conductor.js';
import type { Log } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { type StoredResult, storedResults } from '../results.js';
import type { SweepState } from '../scheduler/state.js';
import { nodeStatuses, otherReleaseStatus, runningTrials, wireStatus } from './status.js';

export interface ControlApi {
  readonly conductor: Conductor;
  readonly registry: Registry;
  readonly log: Log;
  readonly clock: Clock;
  readonly inform: (sentence: string) => void;
}

/** Pushes of one watcher are at least this far apart; what happens between them is told together. */
const WATCH_MILLISECONDS = 250;
/** Of a reason or a name that somebody gives. */
const MOST_CHARACTERS = 1_000;
/** Records of a message, about; a larger one has a message of its own. */
const TOGETHER_CHARACTERS = 256 * 1024;

/** What people and tools ask for. */
export function controlService(api: ControlApi, handlers: Handlers): ControlServiceServer {
  const { conductor, registry, log, clock } = api;
  return {
    submitSweep: handlers.unary(async (request, { caller }) => {
      bounded('submitter', request.submitter);
      const models = parseModels(request.modelsJson);
      const submitter = request.submitter === '' ? caller : request.submitter;
      const { view, created } = await conductor.submit(
        request.document,
        models,
        submitter,
        request.retryFailed,
      );
      if (created) api.inform(`sweep ${view.name} (${view.sweepId}): ${view.count} points from ${submitter}`);
      return { sweepId: view.sweepId, created, points: view.count, impossible: view.impossible };
    }),
    cancelSweep: handlers.unary(async ({ sweepId, reason }, { caller }) => {
      sweepNamed(conductor, sweepId);
      bounded('reason', reason);
      const why = reason === '' ? `cancelled by ${caller}` : reason;
      await conductor.dispatch({ event: 'cancel-asked', at: clock.at(), sweepId, reason: why });
      return {};
    }),
    listSweeps: handlers.unary(async () => ({
      sweeps: [
        ...[...conductor.state.otherReleases.values()].map(otherReleaseStatus),
        ...[...conductor.state.sweeps.values()].map((sweep) => wireStatus(conductor, sweep)),
      ],
    })),
    listNodes: handlers.unary(async () => ({ nodes: nodeStatuses(conductor, registry) })),
    drainNode: handlers.unary(async ({ node, reason }, { caller }) => {
      if (registry.session(node) === null) {
        throw new WireError(
          'not-found',
          `There is no node ${quote(node)} connected: \`ridge nodes\` lists those there are.`,
        );
      }
      bounded('reason', reason);
      const why = reason === '' ? `drained by ${caller}` : reason;
      await conductor.dispatch({ event: 'node-drain-asked', node, reason: why });
      api.inform(`${node} was asked to leave: ${why}`);
      const leases = [...conductor.state.leases.values()];
      return { running: leases.filter((lease) => lease.node === node).length };
    }),
    watchSweep: handlers.stream(({ sweepId }, { signal }) =>
      watch(conductor, registry, sweepNamed(conductor, sweepId), signal),
    ),
    streamResults: handlers.stream(async function* (request, { signal }) {
      const sweepId = request.sweepId === '' ? null : request.sweepId;
      if (sweepId !== null && !conductor.state.otherReleases.has(sweepId)) sweepNamed(conductor, sweepId);
      const query = {
        sweepId,
        follow: request.follow,
        allTrials: request.allTrials,
        detail: request.detail === RecordDetail.RECORD_DETAIL_ROW ? ('row' as const) : ('full' as const),
      };
      const most = request.together && !request.follow ? TOGETHER_CHARACTERS : 0;
      yield* messagesOf(storedResults(log, conductor, query, 0, signal), most);
    }),
  };
}

/** What people write beside what they ask for is kept in the log and told to everybody. @throws WireError `invalid` */
function bounded(what: string, text: string): void {
  if (text.length <= MOST_CHARACTERS) return;
  throw new WireError(
    'invalid',
    `The ${what} has ${text.length} characters: write ${MOST_CHARACTERS} at most.`,
  );
}

/** @param most characters of a message with more than one record */
async function* messagesOf(
  stored: AsyncIterable<StoredResult>,
  most: number,
): AsyncGenerator<StreamResultsResponse> {
  let records: string[] = [];
  let characters = 0;
  const message = (): StreamResultsResponse => {
    const [recordJson = '', ...moreJson] = records;
    [records, characters] = [[], 0];
    return { recordJson, moreJson };
  };
  try {
    for await (const { json } of stored) {
      if (records.length > 0 && characters + json.length > most) yield message();
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

/** @throws WireError `not-found`, or `refused` for a sweep of another release. */
export function sweepNamed(conductor: Conductor, sweepId: string): SweepState {
  const sweep = conductor.state.sweeps.get(sweepId);
  if (sweep === undefined) {
    if (conductor.state.otherReleases.has(sweepId)) {
      throw new WireError(
        'refused',
        `Sweep ${sweepId} is from another release and is not resumed: \`ridge results ${sweepId}\` prints what it has.`,
      );
    }
    throw new WireError(
      'not-found',
      `There is no sweep ${quote(sweepId)} here: \`ridge sweeps\` lists those there are.`,
    );
  }
  return sweep;
}

/** The state now, then every change of it, until the sweep is finished and nothing of it runs. */
async function* watch(
  conductor: Conductor,
  registry: Registry,
  sweep: SweepState,
  signal: AbortSignal,
): AsyncGenerator<WatchSweepResponse> {
  let told = '';
  while (!signal.aborted) {
    const running = runningTrials(conductor, registry).filter(
      ({ sweepId }) => sweepId === sweep.view.sweepId,
    );
    const message = { status: wireStatus(conductor, sweep), running: running.map(({ trial }) => trial) };
    const text = JSON.stringify(message);
    if (text !== told) {
      told = text;
      yield message;
    }
    if (isOver(conductor, sweep)) return;
    const change = conductor.changes.wait(signal);
    await sleep(WATCH_MILLISECONDS, undefined, { signal }).catch(() => undefined);
    await change;
  }
}

function isOver(conductor: Conductor, sweep: SweepState): boolean {
  const runs = [...conductor.state.leases.values()].some(({ sweepId }) => sweepId === sweep.view.sweepId);
  if (sweep.cancelled) return !runs;
  const tracks = [...sweep.tracks.values()];
  return tracks.length > 0 && tracks.every((track) => track.settled.size === sweep.view.count);
}
