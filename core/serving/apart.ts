import type { RequestRecord } from './requests.js';
import type { ServingWindow } from './summary.js';

/** The times in which a server only read prompts, and those in which it only decoded. */
export interface ApartPhases {
  readonly prefill: readonly ServingWindow[];
  readonly decode: readonly ServingWindow[];
}

/** Largest share of the time in which both may happen at once; that time is left out of both. */
const MOST_MIXED = 0.01;

/**
 * Separates prefill from decoding by the times of the requests. It is prefill while a request waits for its
 * first token and no request gets later ones, and decoding in the reverse case. The two are separate with one
 * request at a time, and if all prompts are read before any answer continues.
 * @returns why they cannot be separated, as a clause, if both happen at once for more than a hundredth of the
 *   time.
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
