import type { BatchingRun } from '../../batching/run.js';
import { type Columns, csvLines, linesOf } from '../../report/csv.js';
import type { Answered } from './simulate.js';

interface SimulatedRequest {
  readonly run: BatchingRun;
  readonly index: number;
}

const known = (seconds: number) => (Number.isNaN(seconds) ? null : seconds);

/** Seconds since the start of the load; empty for what never came. */
const REQUEST_COLUMNS: Columns<SimulatedRequest> = {
  request: ({ index }) => index,
  conversation: ({ run, index }) => {
    const conversation = run.requests.conversation.at(index);
    return conversation < 0 ? null : conversation;
  },
  turn: ({ run, index }) => run.requests.turn.at(index),
  promptTokens: ({ run, index }) => run.requests.promptTokens.at(index),
  outputTokens: ({ run, index }) => run.requests.outputTokens.at(index),
  cachedTokens: ({ run, index }) => run.requests.cachedTokens.at(index),
  preemptions: ({ run, index }) => run.requests.preemptions.at(index),
  replica: ({ run, index }) => {
    const replica = run.requests.server.at(index);
    return replica < 0 ? null : replica;
  },
  intendedSeconds: ({ run, index }) => run.requests.intended.at(index),
  sentSeconds: ({ run, index }) => run.requests.sent.at(index),
  scheduledSeconds: ({ run, index }) => known(run.requests.scheduled.at(index)),
  firstTokenSeconds: ({ run, index }) => known(run.requests.firstToken.at(index)),
  doneSeconds: ({ run, index }) => (run.refusals.has(index) ? null : known(run.requests.done.at(index))),
  refused: ({ run, index }) => run.refusals.get(index) ?? null,
};

/** @returns a line for each request of each load, in base units. */
export function requestsCsv(answered: readonly Answered[]): string {
  const several = answered.length > 1;
  const lines = answered.flatMap(({ label, run }) => {
    const requests = Array.from({ length: run.requests.count }, (_, index) => ({ run, index }));
    return linesOf(requests, REQUEST_COLUMNS).lines.map((line) => (several ? [label, ...line] : line));
  });
  return csvLines([[...(several ? ['load'] : []), ...Object.keys(REQUEST_COLUMNS)], ...lines]);
}
