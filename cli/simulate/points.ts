import type { ServingOptions } from '../../batching/load.js';
import type { PredictedServer } from '../../batching/predicted-server.js';
import type { AxisValue } from '../../core/experiment/experiment.js';

/** A load on a server, before anything is simulated. */
export interface Point {
  readonly axes: Readonly<Record<string, AxisValue>>;
  readonly options: ServingOptions;
  /** The text of the trace that the options name. */
  readonly trace: string | null;
  readonly predicted: PredictedServer;
}

/** A point that nothing can be said of. */
export interface LeftOut {
  readonly label: string;
  /** In sentences or clauses. */
  readonly reason: string;
}

export interface Points {
  readonly points: readonly Point[];
  readonly leftOut: readonly LeftOut[];
  /** What a reader should know of all of them: sentences. */
  readonly notes: readonly string[];
}

/**
 * @returns what says a point apart from the others: `concurrency=4 tensorParallel=2`; empty for one alone.
 */
export function labeller(points: readonly Point[]): (point: Point) => string {
  const names = [...new Set(points.flatMap(({ axes }) => Object.keys(axes)))].filter(
    (name) => new Set(points.map(({ axes }) => axes[name])).size > 1,
  );
  return ({ axes }) =>
    names.flatMap((name) => (axes[name] === undefined ? [] : [`${name}=${axes[name]}`])).join(' ');
}
