import type { Repeat, RepeatPart } from '../../core/metrics/derive.js';
import type { TrialFacts } from '../../core/result/result.js';
import { phasesApart } from '../../core/serving/apart.js';
import { requestsOf } from '../../core/serving/record.js';
import type { ServingWindow } from '../../core/serving/summary.js';

/**
 * Prefill and decode of a server as phases of one repeat, if they overlap little enough.
 * @returns the reason if they overlap too much; null for a trial without a server.
 */
export function servedParts({ serving, phases }: TrialFacts): Repeat | string | null {
  const served = phases.find(({ name }) => name === 'serve');
  if (serving === undefined || served === undefined) return null;
  const requests = requestsOf(serving.requests);
  const apart = phasesApart(requests);
  if (typeof apart === 'string') return apart;
  const read = requests.filter(({ firstToken }) => firstToken !== null);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const part = (windows: readonly ServingWindow[], tokens: number): RepeatPart | null => {
    if (windows.length === 0 || tokens === 0) return null;
    const { startSeconds } = served;
    return {
      windows: windows.map(({ fromSeconds, toSeconds }) => ({
        startSeconds: startSeconds + fromSeconds,
        endSeconds: startSeconds + toSeconds,
      })),
      seconds: sum(windows.map(({ fromSeconds, toSeconds }) => toSeconds - fromSeconds)),
      tokens,
    };
  };
  return {
    index: 0,
    prefill: part(apart.prefill, sum(read.map(({ promptTokens }) => promptTokens ?? 0))),
    // The first token of an answer is a result of the prefill.
    decode: part(apart.decode, sum(read.map(({ outputTokens }) => Math.max(0, (outputTokens ?? 0) - 1)))),
    train: null,
    kernel: null,
    infer: null,
    serve: null,
  };
}
