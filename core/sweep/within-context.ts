import { stringify } from 'yaml';
import type { AxisValue } from '../experiment/experiment.js';
import type { Path } from '../input/diagnostic.js';
import { readYaml } from '../input/yaml.js';
import { opensModels } from '../runners/index.js';
import { workloadNamed } from '../workloads/index.js';
import { valueAt } from './expected.js';
import { parseSweep } from './parse.js';
import type { Block, Sweep } from './spec.js';

/**
 * A sweep that asks no model for more tokens than it was trained for, as far as the file leaves that open.
 */
export interface WithinContext {
  /** The sweep file with what was chosen written into it. */
  readonly document: string;
  readonly sweep: Sweep;
  /** `promptTokens 256`, in the order of the file. */
  readonly chosen: readonly string[];
  /** The model with the shortest context, and its tokens. */
  readonly model: string;
  readonly contextLength: number;
}

/**
 * Writes into a sweep file what it leaves open and the shortest context of its models decides: tokens of
 * workloads, and of the windows of quality. All models get the same, so that their rows can be compared.
 * @param sweep the file's, with what is known of its models.
 * @returns null where the defaults fit, or no context is known: then the sweep stays as it is.
 */
export function withinContext(document: string, sweep: Sweep): WithinContext | null {
  const shortest = shortestContext(sweep);
  if (shortest === null) return null;
  const { data } = readYaml(document);
  const choices = sweep.workloads.flatMap((block, index) =>
    chosenFor(data, block, index, shortest.contextLength),
  );
  const quality = sweep.quality;
  const windows: Path = ['spec', 'quality', 'contextTokens'];
  if (
    quality !== null &&
    valueAt(data, windows) === undefined &&
    quality.contextTokens > shortest.contextLength
  )
    choices.push({ path: windows, value: shortest.contextLength });
  if (choices.length === 0) return null;
  const changed = choices.reduce((tree, { path, value }) => written(tree, path, value), data);
  const text = stringify(changed);
  const parsed = parseSweep(text);
  // What names a default elsewhere, in an exclude for one, has to stay as it is.
  if (!parsed.ok) return null;
  return {
    document: text,
    sweep: { ...parsed.sweep, models: sweep.models },
    chosen: choices.flatMap(({ path, value }) =>
      typeof value === 'number' ? [`${path.at(-1)} ${value}`] : [],
    ),
    ...shortest,
  };
}

function shortestContext({ models, runners }: Sweep): Pick<WithinContext, 'model' | 'contextLength'> | null {
  if (!runners.some(({ kind }) => opensModels(kind))) return null;
  return models.reduce<Pick<WithinContext, 'model' | 'contextLength'> | null>((least, { name, facts }) => {
    const contextLength = facts?.contextLength ?? null;
    if (contextLength === null || (least !== null && least.contextLength <= contextLength)) return least;
    return { model: name, contextLength };
  }, null);
}

interface Choice {
  readonly path: Path;
  readonly value: number | string;
}

function chosenFor(data: unknown, block: Block, index: number, contextLength: number): Choice[] {
  const workloads = valueAt(data, ['spec', 'workloads']);
  const path: Path = ['spec', 'workloads', ...(Array.isArray(workloads) ? [index] : [])];
  const says = ({ name }: { readonly name: string }) => valueAt(data, [...path, name]) !== undefined;
  const given = new Map<string, readonly AxisValue[]>(
    block.axes.filter(says).map(({ name, values }) => [name, values]),
  );
  const choices = Object.entries(workloadNamed(block.kind)?.withinContext(given, contextLength) ?? {});
  if (choices.length === 0) return [];
  // A workload that is not written at all gets its kind, too.
  const all: readonly (readonly [string, number | string])[] =
    workloads === undefined ? [['kind', block.kind], ...choices] : choices;
  return all.map(([name, value]) => ({ path: [...path, name], value }));
}

/** The tree with a value at a path of keys and positions; maps that are not there are made. */
function written(tree: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item, i) => (i === step ? written(item, rest, value) : item));
  const map = (tree ?? {}) as Readonly<Record<string, unknown>>;
  return { ...map, [step]: written(map[step], rest, value) };
}
