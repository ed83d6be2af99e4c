import type { Answer, AnsweredRow, Answers } from './read.js';

export type Cell = string | number | boolean | null;

export interface AnswerColumn {
  readonly name: string;
  readonly kind: 'text' | 'integer' | 'number';
  readonly cellOf: (answer: Answer) => Cell;
}

const text = (name: string, cellOf: AnswerColumn['cellOf']): AnswerColumn => ({ name, kind: 'text', cellOf });
const integer = (name: string, cellOf: AnswerColumn['cellOf']): AnswerColumn => ({
  name,
  kind: 'integer',
  cellOf,
});
const number = (name: string, cellOf: AnswerColumn['cellOf']): AnswerColumn => ({
  name,
  kind: 'number',
  cellOf,
});

/** Values of options, as a list. */
const options =
  (pick: (option: { logProbability: number | null; tokens: number; bytes: number }) => number | null) =>
  (answer: Answer) => {
    const { options: all } = answer.record;
    return all === null ? null : JSON.stringify(all.map(pick));
  };
const dividedBy = (sum: number | null, by: number) => (sum === null ? null : sum / Math.max(1, by));

const experimentOf = ({ measured }: AnsweredRow) => measured?.row.experiment;

const modelDigestOf = ({ measured }: AnsweredRow) =>
  measured?.record.artifact?.digest ?? measured?.row.experiment.model.digest ?? null;

/** Columns that every run has, values in the unit of their name. */
const USUAL: readonly AnswerColumn[] = [
  integer('row', ({ of }) => of.number),
  text('label', ({ of }) => of.label),
  text('experimentId', ({ of }) => of.measured?.row.experimentId ?? null),
  text('model', ({ of }) => experimentOf(of)?.model.name ?? null),
  text('modelDigest', ({ of }) => modelDigestOf(of)),
  text('quantization', ({ of }) => experimentOf(of)?.technique.quantization ?? null),
  text('sparsity', ({ of }) => experimentOf(of)?.technique.sparsity ?? null),
  text('attention', ({ of }) => experimentOf(of)?.technique.attention ?? null),
  text('layers', ({ of }) => experimentOf(of)?.technique.layers ?? null),
  text('adapter', ({ of }) => experimentOf(of)?.technique.adapter ?? null),
  text('runner', ({ of }) => experimentOf(of)?.runner.kind ?? null),
  text('device', ({ of }) => experimentOf(of)?.device ?? null),
  text('task', ({ record }) => record.task),
  text('item', ({ record }) => record.item),
  integer('index', ({ record }) => record.index),
  text('promptDigest', ({ record }) => record.promptDigest),
  text('mode', ({ record }) => record.asked.mode),
  text('way', ({ record }) => record.asked.way ?? null),
  text('askedBy', ({ record }) => record.asked.by),
  integer('examples', ({ record }) => record.asked.examples),
  text('answer', ({ record }) => record.answer),
  text('extracted', ({ record }) => record.extracted),
  text('references', ({ record }) => JSON.stringify(record.references)),
  text('right', ({ record }) => (record.right === null ? null : JSON.stringify(record.right))),
  text(
    'logProbabilities',
    options(({ logProbability }) => logProbability),
  ),
  text(
    'logProbabilitiesPerToken',
    options(({ logProbability, tokens }) => dividedBy(logProbability, tokens)),
  ),
  text(
    'logProbabilitiesPerByte',
    options(({ logProbability, bytes }) => dividedBy(logProbability, bytes)),
  ),
  text('ranking', ({ record }) => (record.ranking === undefined ? null : JSON.stringify(record.ranking.ids))),
  number('unnamed', ({ record }) => record.ranking?.unnamed ?? null),
  number('anyName', ({ record }) => record.ranking?.anyName ?? null),
  number('firstTokenTau', ({ record }) => record.ranking?.firstTokenTau ?? null),
  number('score', ({ score }) => score),
  integer('tokensIn', ({ record }) => record.tokensIn),
  integer('tokensOut', ({ record }) => record.tokensOut),
  number('secondsToFirst', ({ record }) => record.secondsToFirst),
  number('seconds', ({ record }) => record.seconds),
  number('joules', ({ share }) => share.joules),
  text('noJoules', ({ share }) => (share.joules === null ? share.reason : null)),
];

/**
 * @returns the usual columns, one for each grouping, score and choice that these answers have, and those that
 *   were joined.
 */
export async function columnsFor(
  answers: Answers,
  joined: { readonly outside: readonly string[]; readonly money: boolean },
): Promise<AnswerColumn[]> {
  const [groups, scores, taken] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for await (const { record } of answers.answersOf()) {
    for (const name of Object.keys(record.groups)) groups.add(name);
    for (const name of Object.keys(record.scores)) scores.add(name);
    for (const name of Object.keys(record.taken)) taken.add(name);
  }
  return [
    ...USUAL,
    ...[...groups].map((name) => text(`group:${name}`, ({ record }) => record.groups[name] ?? null)),
    ...[...scores].map((name) => number(`score:${name}`, ({ record }) => record.scores[name] ?? null)),
    ...[...taken].map((name) => integer(`taken:${name}`, ({ record }) => record.taken[name] ?? null)),
    ...joined.outside.map((name) => number(`outside:${name}`, ({ outside }) => outside?.[name] ?? null)),
    ...(joined.money ? [number('money', ({ money }) => money)] : []),
  ];
}

/** @returns the record of an answer, with what is known of its row. */
export function exportedRecord({ of, record, share, outside, money }: Answer): object {
  return {
    ...record,
    row: of.number,
    label: of.label,
    ...(of.measured !== null && measuredPart(of, of.measured)),
    joules: share.joules,
    absent: { ...record.absent, ...(share.joules === null && { joules: share.reason }) },
    ...(outside !== null && { outside }),
    ...(money !== null && { money }),
  };
}

/** What a run says of the row beside its answers. */
function measuredPart(of: AnsweredRow, { row, record }: NonNullable<AnsweredRow['measured']>) {
  return {
    experimentId: row.experimentId,
    trialId: record.trialId,
    model: row.experiment.model.name,
    modelDigest: modelDigestOf(of),
    technique: row.experiment.technique,
    axes: row.axes,
  };
}
