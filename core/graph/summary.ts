import { median } from '../../statistics/quantile.js';
import { getOrMake } from '../maps.js';
import { criticalPath, meanInFlight, type PathStep, type TimedCall } from './critical-path.js';
import type { ApplicationRecord, CallRecord, GraphRecord, NodeRecord } from './record.js';

/** What calls come to, by node and together. */
type GraphSummary = Pick<GraphRecord, 'nodes' | 'path' | 'meanRequestsInFlight'>;

/**
 * @returns from when it was wanted to its answer, in seconds; null for an application that has none: it
 *   failed, or was interrupted.
 */
export function latencyOf({ outcome, intended, end }: ApplicationRecord): number | null {
  return outcome === 'complete' ? end - intended : null;
}

/**
 * Sums calls up by node, and finds the critical path of the application whose time is the median.
 * @param order of nodes.
 * @param submitted seconds from the start of an application until its first call could begin.
 * @param sitting the one that `seconds` are of: what ran at once is known of that alone.
 */
export function summarizeCalls(
  calls: Iterable<CallRecord>,
  applications: readonly ApplicationRecord[],
  order: readonly string[],
  {
    submitted,
    sitting,
    seconds,
  }: { readonly submitted: number; readonly sitting: number; readonly seconds: number },
): GraphSummary {
  const ended = new Map(applications.map((one) => [one.application, one]));
  const timed = new Map<number, TimedCall[]>();
  const tallies = new Map<string, Tally>();
  const now: TimedCall[] = [];
  for (const { call: id, application, node, after, start, end, ...call } of calls) {
    const one = { id, node, after, start, end };
    if (call.kind === 'prompt' && call.sitting === sitting) now.push(one);
    const outcome = ended.get(application)?.outcome;
    if (outcome === undefined || outcome === 'failed') continue;
    getOrMake(timed, application, () => []).push(one);
    getOrMake(tallies, node, () => new Tally(node, call.kind)).add({ ...call, start, end });
  }
  const paths = applications.flatMap((one) => {
    if (one.outcome !== 'complete') return [];
    const own = timed.get(one.application) ?? [];
    return [
      {
        seconds: one.end - one.start,
        steps: criticalPath(
          own,
          one.start + submitted,
          own.map(({ id }) => id),
        ),
      },
    ];
  });
  for (const { steps } of paths) for (const step of steps) tallies.get(step.node)?.onPath(step);
  const sorted = paths.toSorted((a, b) => a.seconds - b.seconds);
  const place = (node: string) => order.indexOf(node);
  return {
    nodes: [...tallies.values()].map((tally) => tally.record()).sort((a, b) => place(a.node) - place(b.node)),
    path: [...(sorted[(sorted.length - 1) >> 1]?.steps ?? [])],
    meanRequestsInFlight: meanInFlight(now, seconds),
  };
}

type Counted = Pick<
  CallRecord,
  'start' | 'end' | 'firstToken' | 'promptTokens' | 'cachedTokens' | 'outputTokens'
>;

class Tally {
  readonly #node: string;
  readonly #kind: CallRecord['kind'];
  readonly #first: number[] = [];
  #calls = 0;
  #seconds = 0;
  #pathCalls = 0;
  #pathSeconds = 0;
  readonly #tokens = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
  /** A count that one call does not have is not known of the node. */
  readonly #unknown = new Set<string>();

  constructor(node: string, kind: CallRecord['kind']) {
    this.#node = node;
    this.#kind = kind;
  }

  add(call: Counted): void {
    this.#calls += 1;
    this.#seconds += call.end - call.start;
    if (call.firstToken !== null) this.#first.push(call.firstToken - call.start);
    for (const name of ['promptTokens', 'cachedTokens', 'outputTokens'] as const) {
      if (call[name] === null) this.#unknown.add(name);
      else this.#tokens[name] += call[name];
    }
  }

  onPath({ seconds }: PathStep): void {
    this.#pathCalls += 1;
    this.#pathSeconds += seconds;
  }

  record(): NodeRecord {
    const knownTokens = (name: 'promptTokens' | 'cachedTokens' | 'outputTokens') =>
      this.#unknown.has(name) ? null : this.#tokens[name];
    return {
      node: this.#node,
      kind: this.#kind,
      calls: this.#calls,
      seconds: this.#seconds,
      pathCalls: this.#pathCalls,
      pathSeconds: this.#pathSeconds,
      timeToFirstTokenP50: this.#first.length === 0 ? null : median(this.#first),
      promptTokens: knownTokens('promptTokens'),
      cachedTokens: knownTokens('cachedTokens'),
      outputTokens: knownTokens('outputTokens'),
    };
  }
}

/**
 * @returns the joules of a node: its share by time of all calls' seconds; null where no energy was measured.
 */
export function nodeJoules(
  { seconds }: NodeRecord,
  nodes: readonly NodeRecord[],
  joules: number | null,
): number | null {
  const whole = nodes.reduce((sum, node) => sum + node.seconds, 0);
  return joules === null || whole === 0 ? null : (joules * seconds) / whole;
}
