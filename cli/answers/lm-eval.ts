import type { AnswerRecord } from '../../core/quality/answers/record.js';
import type { Answer } from './read.js';

const NONE = 'none';
/** A text of Python. */
const python = (value: number | boolean | null): string => {
  if (value === null) return 'None';
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
};

/** What was said, as `resps` has it: one list for each request. */
function responses({ options, samples, answer }: AnswerRecord): unknown[] {
  if (options !== null)
    return options.map(({ logProbability, greedy }) => [[python(logProbability), python(greedy ?? null)]]);
  return [samples?.map((one) => one.answer) ?? [answer ?? '']];
}

/**
 * Writes an answer as lm-evaluation-harness's `--log_samples` does: a line for each filter, with the scores that it has. Texts of prompts and the records of
 * items are not kept here, so `doc` has the item's id and groups, and `arguments` is empty; the hashes are those of the harness.
 */
export function lmEvalSamples({ record }: Answer): object[] {
  const hash = (digest: string | undefined) => digest?.replace(/^sha256:/, '') ?? null;
  const { readings = { '': record.extracted ?? record.answer ?? '' }, options, right, references } = record;
  const number = Number(record.item);
  const target = right === null ? references : right;
  return Object.entries(readings).map(([name, read]) => {
    const suffix = name === '' ? '' : `,${name}`;
    const scores = Object.entries(record.scores).flatMap(([score, value]) => {
      const [metric = score, filter = ''] = score.split(',');
      return (filter === '' ? '' : `,${filter}`) === suffix ? [[metric, value] as const] : [];
    });
    const answers = responses(record);
    return {
      doc_id: Number.isSafeInteger(number) ? number : record.index,
      doc: { id: record.item, ...record.groups },
      target: String(target.length === 1 ? target[0] : JSON.stringify(target)),
      arguments: {},
      resps: answers,
      filtered_resps: options === null ? [read] : answers.map((one) => (one as unknown[])[0]),
      filter: name === '' ? NONE : name,
      metrics: scores.map(([metric]) => metric),
      doc_hash: hash(record.docDigest),
      prompt_hash: hash(record.promptDigest),
      ...Object.fromEntries(scores),
    };
  });
}
