import type { RankingDefinition, RankingSpec, Way } from './definition.js';

/** One way of ranking the documents of a data set, ready to be tried: paths are whole. */
export interface RankingTask {
  /** Of the file and the way: `scifact/first-token`. */
  readonly name: string;
  /** What its file calls it, and the way. */
  readonly task: string;
  readonly wayName: string;
  readonly spec: RankingSpec;
  readonly way: Way;
  readonly files: RankingFiles;
  /** Sizes and times of those files: what was answered of others is not gone on with. */
  readonly stamp: string;
}

export interface RankingFiles {
  readonly documents: string;
  readonly queries: string;
  /** null = the queries say themselves what is relevant. */
  readonly judgements: string | null;
  /** Of candidates; null = no run. */
  readonly run: string | null;
  /** A model that finds the candidates; null = none, or the one that is asked. */
  readonly model: string | null;
}

/** @returns paths as a definition names them, relative to it. */
export function filesNamed({ data, candidates }: RankingSpec): RankingFiles {
  const run = candidates.from === 'run' ? candidates.file : null;
  const model = candidates.from === 'embeddings' ? (candidates.model ?? null) : null;
  if (data.layout === 'beir') {
    const { folder, split } = data;
    const pathIn = (name: string) => `${folder}/${name}`;
    const judgements = pathIn(`qrels/${split}.tsv`);
    return { documents: pathIn('corpus.jsonl'), queries: pathIn('queries.jsonl'), judgements, run, model };
  }
  if (data.layout === 'bright')
    return { documents: data.documents, queries: data.examples, judgements: null, run, model };
  return { documents: data.collection, queries: data.queries, judgements: data.qrels, run, model };
}

/** @returns a task for each way of a definition. @param files whole paths. @param stamp of them. */
export function tasksOf(
  { name, spec }: RankingDefinition,
  files: RankingFiles,
  stamp: string,
): RankingTask[] {
  return Object.entries(spec.ways).map(([way, how]) => ({
    name: `${name}/${way}`,
    task: name,
    wayName: way,
    spec,
    way: how,
    files,
    stamp,
  }));
}
