import type { RequestRecord } from './requests.js';
import type { ServingWindow } from './summary.js';

/** When a server read prompts and nothing else, and when it decoded and nothing else. */
export interface ApartPhases {
  readonly prefill: readonly ServingWindow[];
  readonly decode: readonly ServingWindow[];
}

/** Share of the time in which both may go on: what belongs to neither is left out. */
const MOST_MIXED = 0.01;

/**
 * Tells reading prompts and decoding apart by the times of the requests: prompts are read while a request
 * waits for its first token and none gets others, decoding is the reverse. That is so with one request at a
 * time, and where all are read before any goes on.
 * @returns why it cannot be told, as a sentence without its end, where both go on at once for more than a
 *   hundredth of the time.
 */
export function phasesApart(requests: readonly RequestRecord[]): ApartPhases | string {
  const changes: (readonly [time: number, waiting: number, decoding: number])[] = [];
  for (const { dispatched, firstToken, lastToken } of requests) {
    if (dispatched === null || firstToken === null || lastToken === null) continue;
    changes.push([dispatched, 1, 0], [firstToken, -1, 1], [lastToken, 0, -1]);
  }
  if (changes.length === 0) return 'no answer came in chunks, so that its parts have no times';
  changes.sort(([a], [b]) => a - b);
  const found = { prefill: [] as ServingWindow[], decode: [] as ServingWindow[] };
  let [waiting, decoding, since, busy, mixed] = [0, 0, 0, 0, 0];
  for (const [time, wait, decode] of changes) {
    if (time > since && waiting + decoding > 0) {
      busy += time - since;
      if (waiting > 0 && decoding > 0) mixed += time - since;
      else lengthen(waiting > 0 ? found.prefill : found.decode, since, time);
    }
    waiting += wait;
    decoding += decode;
    since = time;
  }
  if (mixed <= MOST_MIXED * busy) return found;
  const share = `${Math.round((100 * mixed) / busy)} %`;
  return `prompts were read while others decoded for ${share} of the time: what each of both took cannot be told apart`;
}

/** Stretches that touch are one. */
function lengthen(windows: ServingWindow[], fromSeconds: number, toSeconds: number): void {
  const last = windows.at(-1);
  if (last?.toSeconds === fromSeconds) windows[windows.length - 1] = { ...last, toSeconds };
  else windows.push({ fromSeconds, toSeconds });
}
