import type { ExportMapping, FieldMapping } from './mapping.js';
import { deviation, mean, percentile, type ServedRun, servedField } from './served.js';

/** Servers under load as `vllm bench serve --save-result` writes them. */
export const VLLM: ExportMapping = {
  tool: 'vLLM',
  about:
    'A run is the first start of a row. Latencies are from dispatch, as there; what a request waited for its slot or its time is in none of them.',
  fields: [
    servedField('duration', 's', 'From the first dispatch to the last end.', ({ seconds }) => seconds),
    servedField('completed', '', 'Requests with a whole answer.', ({ complete }) => complete.length),
    servedField(
      'failed',
      '',
      'Requests without a whole answer.',
      ({ requests, complete }) => requests.length - complete.length,
    ),
    servedField(
      'total_input_tokens',
      '',
      'Prompt tokens of whole answers.',
      ({ inputTokens }) => inputTokens,
    ),
    servedField(
      'total_output_tokens',
      '',
      'Of whole answers, by our tokenizer where one is known.',
      ({ outputTokens }) => outputTokens,
    ),
    servedField(
      'request_throughput',
      '1/s',
      'Whole answers over duration.',
      ({ complete, seconds }) => complete.length / seconds,
    ),
    servedField(
      'output_throughput',
      'tokens/s',
      'Output tokens over duration.',
      ({ outputTokens, seconds }) => outputTokens / seconds,
    ),
    servedField(
      'total_token_throughput',
      'tokens/s',
      'Input and output tokens over duration.',
      ({ inputTokens, outputTokens, seconds }) => (inputTokens + outputTokens) / seconds,
    ),
    ...latency('ttft', 'Time to the first token of any kind.', ({ ttft }) => ttft),
    ...latency(
      'tpot',
      'Time after the first chunk over output tokens less one. Ours (TPOT) leaves out all tokens of the first chunk: the same where it holds one.',
      ({ perToken }) => perToken,
    ),
    ...latency('itl', 'From chunk to chunk, whatever number of tokens it holds.', ({ gaps }) => gaps),
    ...latency('e2el', 'To the end of the answer.', ({ e2e }) => e2e),
  ],
};

function latency(name: string, meaning: string, of: (run: ServedRun) => Float64Array): FieldMapping[] {
  const figures: readonly (readonly [string, (values: Float64Array) => number | null])[] = [
    ['mean', mean],
    ['median', (values) => percentile(values, 0.5)],
    ['std', deviation],
    ['p99', (values) => percentile(values, 0.99)],
  ];
  return figures.map(([key, figure]) =>
    servedField(`${key}_${name}_ms`, 'ms', meaning, (run) => milliseconds(figure(of(run)))),
  );
}

const milliseconds = (seconds: number | null) => (seconds === null ? null : 1000 * seconds);
