import { latenciesOf } from '../../core/serving/latencies.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import type { ExportMapping, FieldMapping } from './mapping.js';
import { mean, type ServedRun, servedField, sorted } from './served.js';

const after = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from);

/** Servers under load as GuideLLM's report has them (schema 2 of 0.8): names are ways into one of its `benchmarks`. */
export const GUIDELLM: ExportMapping = {
  tool: 'GuideLLM',
  about:
    'A run is the first start of a row. Figures are of answers that are whole; percentiles are the smallest value that so many do not exceed, as there.',
  fields: [
    servedField(
      'metrics.request_totals.successful',
      '',
      'Requests with a whole answer.',
      ({ complete }) => complete.length,
    ),
    servedField(
      'metrics.request_totals.total',
      '',
      'All requests, failed and unfinished ones included.',
      ({ requests }) => requests.length,
    ),
    ...distribution(
      'request_latency',
      's',
      'From dispatch to the end of the answer.',
      (request) => latenciesOf(request).service.e2e,
    ),
    ...distribution(
      'request_scheduled_latency',
      's',
      'From the intended start to the end of the answer; GuideLLM has it where its strategy has a schedule.',
      (request) => latenciesOf(request).scheduled.e2e,
    ),
    ...distribution(
      'request_dispatch_delay',
      's',
      'From the intended start to the dispatch; GuideLLM has it where its strategy has a schedule.',
      ({ intended, dispatched }) => after(intended, dispatched),
    ),
    ...distribution(
      'time_to_first_token_ms',
      'ms',
      'From dispatch to the first token of any kind.',
      (request) => thousandfold(latenciesOf(request).service.ttft),
    ),
    ...distribution(
      'time_per_output_token_ms',
      'ms',
      'From dispatch to the last token over all output tokens: the time to the first is in it. Ours (TPOT) has it not.',
      ({ dispatched, lastToken, outputTokens }) => perToken(after(dispatched, lastToken), outputTokens),
    ),
    ...distribution(
      'inter_token_latency_ms',
      'ms',
      'From the first token to the last over output tokens less one. Ours (TPOT) leaves out all tokens of the first chunk.',
      ({ firstToken, lastToken, outputTokens }) =>
        perToken(after(firstToken, lastToken), outputTokens === null ? null : outputTokens - 1),
    ),
    ...distribution('prompt_token_count', '', 'Tokens of prompts.', ({ promptTokens }) => promptTokens),
    ...distribution('output_token_count', '', 'Tokens of answers.', ({ outputTokens }) => outputTokens),
  ],
};

function perToken(seconds: number | null, tokens: number | null): number | null {
  return seconds === null || tokens === null || tokens < 1 ? null : (1000 * seconds) / tokens;
}

const thousandfold = (seconds: number | null) => (seconds === null ? null : 1000 * seconds);

function distribution(
  name: string,
  unit: string,
  meaning: string,
  of: (request: RequestRecord) => number | null,
): FieldMapping[] {
  const values = ({ complete }: ServedRun) => sorted(complete.map(of));
  const least = (all: Float64Array, share: number) =>
    all.length === 0 ? null : all[Math.max(0, Math.ceil(share * all.length - 1e-9) - 1)]!;
  const field = (word: string, figure: (all: Float64Array) => number | null) =>
    servedField(`metrics.${name}.successful.${word}`, unit, meaning, (run) => figure(values(run)));
  return [
    field('mean', mean),
    ...([50, 90, 99] as const).map((p) => field(`percentiles.p${p}`, (all) => least(all, p / 100))),
  ];
}
