/** A call with its times: seconds of one clock. */
export interface TimedCall {
  readonly id: string;
  readonly node: string;
  readonly after: readonly string[];
  /** When it could begin, and when its answer was there. */
  readonly start: number;
  readonly end: number;
}

/** A part of the critical path. */
export interface PathStep {
  readonly id: string;
  readonly node: string;
  /** Of the call itself: its delay, its wait for a place, its computation. */
  readonly seconds: number;
  /** From the end of what it waited for, or the start of the application, to its own start. */
  readonly before: number;
}

/**
 * The calls that an application's latency is made of: from the one that ended last back through the one that
 * each waited for longest (the critical path method of Kelley and Walker, 1959, on measured times).
 * @param start when the application began.
 * @returns steps from the first; empty without calls.
 */
export function criticalPath(
  calls: readonly TimedCall[],
  start: number,
  last: readonly string[],
): readonly PathStep[] {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const latest = (ids: readonly string[]): TimedCall | null => {
    let found: TimedCall | null = null;
    for (const id of ids) {
      const call = byId.get(id);
      if (call !== undefined && (found === null || call.end > found.end)) found = call;
    }
    return found;
  };
  const steps: PathStep[] = [];
  for (let at = latest(last); at !== null; ) {
    const before = latest(at.after);
    steps.push({
      id: at.id,
      node: at.node,
      seconds: at.end - at.start,
      before: at.start - (before?.end ?? start),
    });
    at = before;
  }
  return steps.reverse();
}

/**
 * @returns how many calls were under way at once, on average over a time: sum of their seconds over its
 *   length.
 */
export function meanInFlight(
  calls: readonly Pick<TimedCall, 'start' | 'end'>[],
  seconds: number,
): number | null {
  return seconds > 0 ? calls.reduce((sum, { start, end }) => sum + end - start, 0) / seconds : null;
}
