import { availableParallelism } from 'node:os';
import { stringify } from 'yaml';
import type { AxisValue, ModelRef } from '../../core/experiment/experiment.js';
import { DEFAULT_RUNNER } from '../../core/runners/index.js';
import { planSpace } from '../../core/sweep/space.js';
import { API_VERSION, type Sweep } from '../../core/sweep/spec.js';
import { withinContext } from '../../core/sweep/within-context.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { latency } from '../../core/workloads/latency.js';
import { madeSweep } from '../sweep-file.js';
import type { Variable } from './command.js';

/** The answers that a sweep file is written from. */
export interface Answers {
  /** A name for the sweep. */
  readonly name: string;
  /** With what is known of it; facts are null for a model that is not here. */
  readonly model: ModelRef;
  readonly vary: readonly Variable[];
  /** Whether perplexity is measured. */
  readonly quality: boolean;
  /** Where the file will be, for the commands at its end. */
  readonly path: string;
}

interface Varied {
  /** What the values are of: of the sweep's techniques, its runner or its workload. */
  readonly section: 'techniques' | 'runner' | 'workload';
  readonly axis: string;
  readonly values: readonly AxisValue[];
  readonly comment: string;
}

/**
 * The axes that stand for a word of `--vary`; values that the model cannot have are left out when they are
 * written.
 */
function axesOf(variable: Variable, { facts }: ModelRef): readonly Varied[] {
  const varied =
    (section: Varied['section']) =>
    (axis: string, values: readonly AxisValue[], comment: string): Varied => ({
      section,
      axis,
      values,
      comment,
    });
  const [technique, runner, workload] = [varied('techniques'), varied('runner'), varied('workload')];
  switch (variable) {
    case 'quantization': {
      const types = ['base', 'q8_0', 'q4_k_m'].filter((type) => type !== facts?.quantization);
      return [
        technique('quantization', types, 'base is the file as it is; the others are made from it, once each'),
      ];
    }
    case 'attention': {
      const window = Math.max(16, Math.floor((facts?.contextLength ?? 2048) / 8));
      const slides = 'a sliding window of so many tokens: faster at long contexts, and another model';
      return [
        technique('attention', ['base', `window:${window}`], slides),
        runner('flashAttention', [true, false], 'the fused kernel, or matrices of scores'),
      ];
    }
    case 'batch':
      return [workload('parallel', [1, 2, 4, 8], 'sequences decoded together')];
    case 'threads':
      return [runner('threads', threadCounts(availableParallelism()), 'up to the CPUs of this machine')];
  }
}

/** Powers of two, and all of them. */
function threadCounts(most: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

/** @returns what can be varied of a model: more than one value has to be possible. */
export function variablesFor(model: ModelRef, all: readonly Variable[]): Variable[] {
  return all.filter((variable) => possibleAxes(variable, model).length > 0);
}

/**
 * The axes of a variable with the values that this model can have, as far as that is known; those with one
 * alone are left out.
 */
function possibleAxes(variable: Variable, model: ModelRef): Varied[] {
  const { promptTokens, generateTokens } = tokensFor(model);
  return axesOf(variable, model)
    .map((varied) => ({
      ...varied,
      values: varied.values.filter((value) => {
        const { section, axis } = varied;
        const axisIn = (wanted: Varied['section']) => (section === wanted ? { [axis]: value } : {});
        const spec = {
          models: model.source,
          techniques: axisIn('techniques'),
          runners: [{ kind: DEFAULT_RUNNER, ...axisIn('runner') }],
          workloads: [{ kind: latency.kind, promptTokens, generateTokens, ...axisIn('workload') }],
        };
        const { sweep } = madeSweep('init', spec, '');
        return planSpace({ ...sweep, models: withFacts(sweep, model) }).count > 0;
      }),
    }))
    .filter(({ values }) => values.length > 1);
}

interface Tokens {
  readonly promptTokens: AxisValue;
  readonly generateTokens: AxisValue;
  /** Of the windows of quality. */
  readonly contextTokens: number;
}

/** What a sweep of this model alone would ask, so that it stays within the model's context. */
function tokensFor(model: ModelRef): Tokens {
  const made = madeSweep('init', { models: model.source, quality: { text: BUILTIN_TEXT } }, '');
  const known: Sweep = { ...made.sweep, models: withFacts(made.sweep, model) };
  const sweep = withinContext(made.document, known)?.sweep ?? known;
  const value = (name: string) =>
    sweep.workloads.flatMap(({ axes }) => axes).find((axis) => axis.name === name)?.values[0] ?? null;
  return {
    promptTokens: value('promptTokens'),
    generateTokens: value('generateTokens'),
    contextTokens: sweep.quality?.contextTokens ?? 0,
  };
}

const withFacts = ({ models }: Sweep, { facts }: ModelRef) => models.map((one) => ({ ...one, facts }));

/** @returns a sweep file with comments, which `ridge plan` accepts. */
export function initDocument({ name, model, vary, quality, path }: Answers): string {
  const varied = vary.flatMap((variable) => possibleAxes(variable, model));
  const { promptTokens, generateTokens, contextTokens } = tokensFor(model);
  const axes = (section: Varied['section'], indent: string) =>
    varied
      .filter((one) => one.section === section)
      .map(({ axis, values, comment }) => `${indent}${axis}: ${listOf(values)} # ${comment}`);
  const techniques = axes('techniques', '    ');
  const objectives = [
    '    decodeTokensPerSecond: max',
    ...(varied.some(({ axis }) => axis === 'quantization') ? ['    modelBytes: min'] : []),
    ...(quality ? ['    perplexity: min'] : []),
  ];
  return `${[
    '# Every list is an axis; the sweep is their product. All fields: schemas/sweep.schema.json',
    `apiVersion: ${API_VERSION}`,
    'kind: Sweep',
    'metadata:',
    `  name: ${scalar(name)}`,
    'spec:',
    `  models: ${scalar(model.source)}`,
    ...(techniques.length === 0 ? [] : ['', '  techniques:', ...techniques]),
    '',
    '  runners:',
    `    - kind: ${DEFAULT_RUNNER}`,
    ...axes('runner', '      '),
    '',
    '  workloads:',
    `    - kind: ${latency.kind} # a prompt, then so many decode steps, as llama-bench`,
    `      promptTokens: ${promptTokens}`,
    `      generateTokens: ${generateTokens}`,
    ...axes('workload', '      '),
    '',
    '  measure:',
    '    starts: 3 # processes that measure each row, in passes over the sweep',
    '    maxSeconds: 0.5 # repeats of each take so long (or end within 2 % of the mean, halfWidth: 0.02);',
    '    maxRepeats: 30 # more, or longer, starts show smaller differences',
    ...(quality
      ? [
          '',
          '  quality:',
          `    text: ${BUILTIN_TEXT} # perplexity on this text: name one of yours for numbers that matter`,
          `    contextTokens: ${contextTokens}`,
        ]
      : []),
    '',
    '  objectives: # what the Pareto front is drawn over',
    ...objectives,
    '',
    '# How to run it:',
    `#   ridge plan ${path}   what it does, what cannot run, and about how long it takes`,
    `#   ridge run ${path}    here and now; the same command goes on where it was killed`,
  ].join('\n')}\n`;
}

/** As YAML writes it, quoted where it has to be. */
const scalar = (value: AxisValue) => stringify(value).trimEnd();
const listOf = (values: readonly AxisValue[]) => `[${values.map(scalar).join(', ')}]`;
