import { toFailure } from '../core/errors.js';
import type { RooflineRecord } from '../core/result/roofline-record.js';
import { type ServedLoad, servedLoad } from '../core/serving/load.js';
import { prefixHitRatio } from '../core/serving/prefix-hits.js';
import { requestsOf, type ServingRecord } from '../core/serving/record.js';
import type { RequestRecord } from '../core/serving/requests.js';
import { steadyStateOf } from '../core/serving/steady-state.js';
import { type ServingWindow, wholeRun } from '../core/serving/summary.js';
import type { ServedPasses } from '../core/work/engine-passes.js';
import { devicesOf, ONE_DEVICE, servedWork } from '../core/work/served-work.js';
import type { Evidence } from '../judgement/evidence.js';
import { predictedByTables } from './served-tables.js';
import { underRoofs } from './under-roofs.js';

/**
 * Places a row of a server under the roofs. Its time to the first token is set beside the work of the mean
 * prompt alone, its time per output token beside that of a mean step, and all that it did in the window
 * beside the time of that (core/work/served-work.ts).
 *
 * Percent of roof, MFU and MBU of the window are achieved values: Σ work / (window · roof), prompts and steps
 * together, without what a prefix cache had.
 * @returns the block of a record, or why there is none.
 */
export function servedRow({ input }: Evidence, engine: ServedPasses): RooflineRecord | string {
  const { serving, given, experiment, absent } = input;
  if (serving === undefined) return 'no server was asked';
  if (given.roofline === null)
    return absent.roofline ?? 'the shapes of the model that is served are not known';
  const { options } = experiment.runner;
  const requests = requestsOf(serving.requests);
  const window = windowOf(requests, experiment.workload.options);
  if (window === null) return 'no request was sent';
  const load = servedLoad(requests, window, runningOf(serving));
  if (typeof load === 'string') return load;
  const hits = cachedShare(serving, experiment);
  if (typeof hits === 'string') return hits;

  const split = given.roofline.split ?? ONE_DEVICE;
  const cachedTokens = hits * load.promptTokens;
  try {
    const work = servedWork(given.roofline.architecture, engine, options, split, { ...load, cachedTokens });
    if (typeof work === 'string') return work;
    const seconds = secondsOf(load);
    const alone = work.map((phase) => [phase]);
    const underOwn = underRoofs(input, given.roofline, alone, (name) => seconds[name] ?? []);
    if (typeof underOwn === 'string') return underOwn;
    const demand = { ...load, cachedTokens };
    const placed = predictedByTables(underOwn, input, given.roofline, demand, queuedSeconds(serving, load));
    const { batchFrom, stepSequences, meanSequences, contextTokens } = load;
    const { promptsPerStep, promptsAtOnce, promptsBetween, promptTokens } = load;
    const devices = devicesOf(split);
    return {
      ...placed,
      // Passes in the mean are no whole number; and where prompts stand between two steps, it is one step all
      // the same.
      phases: placed.phases.map((phase) => ({
        ...phase,
        passes: phase.name === 'decode' ? 1 : Math.max(1, Math.round(phase.passes)),
      })),
      served: {
        window,
        batchFrom,
        stepSequences,
        meanSequences,
        contextTokens,
        promptsPerStep,
        promptsAtOnce,
        promptsBetween,
        promptTokens,
        cachedTokens,
      },
      ...(devices > 1 && { devices }),
    };
  } catch (error) {
    return toFailure(error).message;
  }
}

/** The steady state, where there is one; else all of the run. */
function windowOf(
  requests: readonly RequestRecord[],
  options: Readonly<Record<string, unknown>>,
): (ServingWindow & { readonly steady: boolean }) | null {
  const steady = steadyStateOf(requests, options);
  if (steady.found) {
    const { fromSeconds, toSeconds } = steady.window;
    return { fromSeconds, toSeconds, steady: true };
  }
  const whole = wholeRun(requests);
  return whole === null ? null : { ...whole, steady: false };
}

function secondsOf({ ttftSeconds, tpotSeconds, window }: ServedLoad) {
  const known = (seconds: number | null) => (seconds === null || seconds <= 0 ? [] : [seconds]);
  return {
    prefill: known(ttftSeconds),
    decode: known(tpotSeconds),
    serve: known(window.toSeconds - window.fromSeconds),
  } as Partial<Record<string, readonly number[]>>;
}

/**
 * Of a server that others may ask, too: one that we started works for us alone, and our requests say when to
 * the millisecond.
 */
function runningOf({ startSeconds, inside, requests }: ServingRecord): number | null {
  const streamed = requests.firstToken.some((time) => time !== null);
  if (startSeconds !== null && streamed) return null;
  const { requestsRunning } = inside;
  return requestsRunning !== undefined && 'mean' in requestsRunning ? requestsRunning.mean : null;
}

/** That a request waits in the mean, by Little's law; null where the server tells nothing of its queue. */
function queuedSeconds({ inside }: ServingRecord, { prompts, window }: ServedLoad): number | null {
  const { requestsWaiting } = inside;
  const seconds = window.toSeconds - window.fromSeconds;
  if (requestsWaiting === undefined || !('mean' in requestsWaiting) || prompts === 0) return null;
  return (requestsWaiting.mean * seconds) / prompts;
}

/** @returns the share of the tokens of prompts that the prefix cache had, or why nobody knows. */
function cachedShare(
  serving: ServingRecord,
  { runner, workload }: Evidence['input']['experiment'],
): number | string {
  const told = prefixHitRatio(serving);
  if (told !== null) return told;
  if (runner.options.prefixCaching === false) return 0;
  const { sharedPrefix, turns, promptDataset, trace } = workload.options;
  // Random texts of their own begin alike in nothing.
  const alone = !(
    Number(sharedPrefix ?? 0) > 0 ||
    Number(turns ?? 1) > 1 ||
    (promptDataset ?? trace ?? null) !== null
  );
  return alone
    ? 0
    : 'prompts begin alike, and the server does not say how much of them its prefix cache had: their work is not known';
}
