import { z } from 'zod';
import type { AxisValue, MeasurePolicy, ModelRef, QualityPolicy } from '../experiment/experiment.js';
import type { Path } from '../input/diagnostic.js';
import { withoutEnding } from '../models/formats.js';
import { withoutPart } from '../models/parts.js';
import { isRemote, readRemote } from '../models/remote.js';
import { isSynthetic, readSynthetic } from '../models/synthetic.js';
import { chosenTask, taskChoiceSchema, waysOf } from '../quality/tasks/asking.js';
import { DEFAULT_RUNNER } from '../runners/index.js';
import { gridsOf, readExcludes, readIncludes, readPoints, readZip } from './constraints.js';
import type { Field } from './fields.js';
import { deviceField, runnerFields, settingFields, techniqueFields, workloadFields } from './fields.js';
import { seedFrom } from './identity.js';
import { defaultObjectives } from './measurable.js';
import type { ReadBlock, Reader } from './reader.js';
import { MEASURE, PLACEMENT, QUALITY, REPETITION, SEARCH } from './schema.js';
import {
  API_VERSION,
  type Block,
  type Objective,
  type PlacementSpec,
  type SearchBound,
  type SearchSpec,
  type StartsPolicy,
  type Sweep,
} from './spec.js';

/**
 * Turns a file of sound structure into a Sweep: defaults filled in, ranges written out, and everything
 * judged that depends on several fields at once. Findings go to the reader; the Sweep that comes back is
 * only good when there are none.
 */
export function resolveSweep(reader: Reader): Sweep {
  const models = readModels(reader);
  const name = text(reader.value(['metadata', 'name'])) ?? sweepNameOf(models);
  const techniques = techniqueFields.map((field) => reader.axis(field, ['spec', 'techniques', field.name]));
  const { blocks: runners, ...allRunners } = readBlocks(reader, 'runners', runnerFields, DEFAULT_RUNNER);
  const { blocks: workloads, ...allWorkloads } = readBlocks(reader, 'workloads', workloadFields, 'latency');
  const device = reader.axis(deviceField, ['spec', 'placement', 'device']);
  const settings = settingFields.map((field) => reader.axis(field, ['spec', 'device', field.name]));
  const shared = [
    {
      name: 'model',
      values: models.map((model) => model.name),
      places: [],
      damaged: reader.damaged(['spec', 'models']),
    },
    ...techniques,
    device,
    ...settings,
  ];
  const grids = gridsOf(shared, runners, workloads, allRunners.complete && allWorkloads.complete);
  const names = new Set<string>();
  const bare = ({ kind, axes }: ReadBlock): Block => ({ kind, axes: axes.map(plain) });
  const sweep = {
    apiVersion: API_VERSION,
    kind: 'Sweep',
    name,
    labels: Object.fromEntries(
      reader.entries(['metadata', 'labels']).map(([key, path]) => [key, String(reader.value(path))]),
    ),
    models,
    techniques: techniques.map(plain),
    runners: runners.map(bare),
    workloads: workloads.map(bare),
    measure: readMeasure(reader),
    startsPolicy: readStartsPolicy(reader),
    quality: readQuality(reader),
    zip: readZip(reader, grids),
    include: readIncludes(reader, grids, names),
    points: readPoints(reader, grids, names),
    exclude: readExcludes(reader, grids),
    settings: settings.map(plain),
    placement: readPlacement(reader, name, device.values.map(String)),
    search: readSearch(reader, name),
  } satisfies Omit<Sweep, 'objectives'>;
  const objectives = readObjectives(reader);
  return { ...sweep, objectives: objectives.length > 0 ? objectives : defaultObjectives(sweep) };
}

const plain = ({ name, values }: { name: string; values: readonly AxisValue[] }) => ({ name, values });
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

function readModels(reader: Reader): ModelRef[] {
  const models: ModelRef[] = [];
  const names = new Set<string>();
  const files = new Set<string>();
  for (const { path, value } of reader.items(['spec', 'models'])) {
    const bare = typeof value === 'string';
    const source = bare ? value : text(reader.value([...path, 'source']));
    const written = bare ? null : (text(reader.value([...path, 'digest'])) ?? null);
    if (source === undefined) continue;
    const reading = isSynthetic(source)
      ? readSynthetic(source)
      : isRemote(source)
        ? readRemote(source)
        : null;
    if (reading?.ok === false) {
      reader.report(bare ? path : [...path, 'source'], `${reading.reason}. ${reading.hint}`);
      continue;
    }
    const name = (bare ? undefined : text(reader.value([...path, 'name']))) ?? nameFromSource(source);
    const remote = reading !== null && 'remote' in reading ? reading.remote : null;
    const digest = written ?? remote?.digest ?? null;
    const file = `${source}\n${digest}`;
    if (names.has(name)) {
      reader.report(path, `two models have the name ${name}: give each a name of its own`);
    } else if (files.has(file)) {
      reader.report(path, `the model ${name} has a source that is there already: remove one of them`);
    } else {
      names.add(name);
      files.add(file);
      models.push({ name, source, digest, facts: null });
    }
  }
  return models;
}

/** Names of sweeps are shorter than those of models may be. */
function sweepNameOf([first]: readonly ModelRef[]): string {
  return first?.name.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 63) ?? 'sweep';
}

/**
 * `builtin:small` → small, `llms/llama-1b.Q4_K_M.gguf` → llama-1b.Q4_K_M, `synthetic:llama-3.2-1b?seed=2` →
 * llama-3.2-1b, `hf:owner/repo:QUANT` → repo-QUANT.
 */
export function nameFromSource(source: string): string {
  const repository = /^hf:[^/]+\/([^:#]+)(?::([^#]+))?(?:#.*)?$/.exec(source);
  const tail = repository
    ? [repository[1], repository[2]].filter((part) => part !== undefined).join('-')
    : (source
        .replace(/[?#].*$/, '')
        .split(/[/\\:]/)
        .findLast((part) => part !== '') ?? source);
  const name = withoutEnding(withoutPart(tail))
    .replace(/[^A-Za-z0-9._+-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
  return name === '' ? 'model' : name;
}

function readBlocks(
  reader: Reader,
  section: 'runners' | 'workloads',
  fields: ReadonlyMap<string, readonly Field[]>,
  fallback: string,
): { blocks: ReadBlock[]; complete: boolean } {
  const readBlock = (kind: string, path: Path): ReadBlock => ({
    kind,
    axes: (fields.get(kind) ?? []).map((field) => reader.axis(field, [...path, field.name])),
  });
  const whole = reader.value(['spec', section]);
  const blocks = reader.items(['spec', section]).flatMap(({ path }) => {
    const kind = text(reader.value([...path, 'kind']));
    return kind === undefined ? [] : [readBlock(kind, path)];
  });
  const written = whole === undefined ? 0 : Array.isArray(whole) ? whole.length : 1;
  const complete = !reader.broken(['spec', section]) && blocks.length === written;
  return { blocks: blocks.length > 0 ? blocks : [readBlock(fallback, ['spec', section])], complete };
}

/** @returns what is written of some fields. */
function writtenOf(reader: Reader, path: Path, fields: object): Record<string, unknown> {
  const values = Object.keys(fields).map((name) => [name, reader.value([...path, name])] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function readMeasure(reader: Reader): MeasurePolicy {
  const given = writtenOf(reader, ['spec', 'measure'], MEASURE.shape);
  const policy = MEASURE.parse(given);
  if (policy.minRepeats <= policy.maxRepeats) return policy;
  // Whoever writes one of the two means it; the other one's default gives way.
  if (given.minRepeats === undefined) return { ...policy, minRepeats: policy.maxRepeats };
  if (given.maxRepeats === undefined) return { ...policy, maxRepeats: policy.minRepeats };
  reader.report(
    ['spec', 'measure', 'minRepeats'],
    `minRepeats is ${policy.minRepeats} but maxRepeats is ${policy.maxRepeats}: raise maxRepeats or lower minRepeats`,
  );
  return policy;
}

function readStartsPolicy(reader: Reader): StartsPolicy {
  const written = writtenOf(reader, ['spec', 'measure'], REPETITION);
  const { starts, maxStarts = starts, retryInvalid } = z.object(REPETITION).parse(written);
  if (maxStarts >= starts) return { starts, maxStarts, retryInvalid };
  // Whoever writes maxStarts alone means it: the default of starts gives way.
  if (written.starts === undefined) return { starts: maxStarts, maxStarts, retryInvalid };
  reader.report(
    ['spec', 'measure', 'maxStarts'],
    `maxStarts is ${maxStarts} but starts is ${starts}: raise maxStarts, or leave it out`,
  );
  return { starts, maxStarts: starts, retryInvalid };
}

function readQuality(reader: Reader): QualityPolicy | null {
  const path = ['spec', 'quality'];
  if (reader.value(path) === undefined) return null;
  const { tasks: _tasks, ...given } = writtenOf(reader, path, QUALITY.shape);
  const tasks = reader
    .items([...path, 'tasks'])
    .map(({ value }) => (typeof value === 'string' ? value : taskChoiceSchema.parse(value)));
  for (const [i, task] of tasks.entries()) {
    for (const { axis, message } of waysOf(chosenTask(task).ways).problems)
      reader.report([...path, 'tasks', i, 'ways', ...(axis === '' ? [] : [axis])], message, null, 'key');
  }
  const { tasks: _, ...policy } = QUALITY.parse(given);
  if (policy.text === null && tasks.length === 0 && !reader.damaged(path)) {
    reader.report(path, 'quality asks nothing: name a text, such as builtin:sample, or tasks', null, 'key');
  }
  if (policy.stride !== null && policy.windows !== 'strided') {
    reader.report(
      [...path, 'stride'],
      `stride is for strided windows, and these are ${policy.windows}: remove it`,
    );
  }
  const written = tasks.map((task) => JSON.stringify(task));
  const twice = tasks.find((_, i) => written.indexOf(written[i]!) !== i);
  if (twice !== undefined)
    reader.report([...path, 'tasks'], `tasks has ${chosenTask(twice).file} twice: remove one`);
  return { ...policy, tasks };
}

function readPlacement(reader: Reader, name: string, devices: readonly string[]): PlacementSpec {
  const path = ['spec', 'placement'];
  const { nodeSelector: _selector, ...fields } = PLACEMENT;
  const { seed = seedFrom(name), ...given } = z.object(fields).parse(writtenOf(reader, path, fields));
  const nodeSelector = Object.fromEntries(
    reader
      .entries([...path, 'nodeSelector'])
      .map(([key, at]) => [key, [...new Set(reader.items(at).map(({ value }) => String(value)))]]),
  );
  return { devices, ...given, nodeSelector, seed };
}

/** @returns none where the file states none. */
function readObjectives(reader: Reader): Objective[] {
  const path = ['spec', 'objectives'];
  const objectives = reader.entries(path).map(([metric, at]): Objective => {
    return { metric, better: reader.value(at) === 'min' ? 'min' : 'max' };
  });
  if (objectives.length === 0 && reader.value(path) !== undefined && !reader.damaged(path)) {
    reader.report(
      path,
      'objectives is empty: name a metric, such as decodeTokensPerSecond: max, or leave it out',
    );
  }
  return objectives;
}

/** @returns null where every point is to be measured, or the block is damaged, which was reported. */
function readSearch(reader: Reader, name: string): SearchSpec | null {
  const path = ['spec', 'search'];
  const written = reader.value(path);
  if (written === undefined || reader.damaged(path)) return null;
  const { strategy, seed, budget = {}, leastGainPerDeviceHour, predict, fidelity } = SEARCH.parse(written);
  const { money, pricePerDeviceHour } = budget;
  if ((money === undefined) !== (pricePerDeviceHour === undefined)) {
    reader.report(
      [...path, 'budget'],
      'money and pricePerDeviceHour belong together: name both, or a budget of deviceHours',
    );
  }
  const bought =
    money === undefined || pricePerDeviceHour === undefined
      ? Number.POSITIVE_INFINITY
      : money / pricePerDeviceHour;
  const hours = Math.min(bought, budget.deviceHours ?? Number.POSITIVE_INFINITY);
  return {
    strategy,
    seed: seed ?? seedFrom(name),
    budget: {
      trials: budget.trials ?? null,
      deviceHours: Number.isFinite(hours) ? hours : null,
      joules: budget.joules ?? null,
    },
    leastGainPerDeviceHour,
    constraints: readBounds(reader, [...path, 'constraints']),
    predict,
    fidelity,
  };
}

function readBounds(reader: Reader, path: Path): SearchBound[] {
  return reader.entries(path).map(([metric, at]): SearchBound => {
    const number = (side: string): number | null => {
      const value = reader.value([...at, side]);
      return typeof value === 'number' ? value : null;
    };
    const bound = { metric, atMost: number('atMost'), atLeast: number('atLeast') };
    if (bound.atMost === null && bound.atLeast === null) {
      reader.report(at, `${metric} has no bound: give it atMost, atLeast or both`);
    }
    return bound;
  });
}
