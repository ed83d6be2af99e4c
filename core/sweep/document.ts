import type { AxisValue, QualityPolicy } from '../experiment/experiment.js';
import type { Axis, Block, Objective, SearchSpec, Selector, Sweep } from './spec.js';

/**
 * @returns the sweep as a plain document that parseSweep reads back to the same sweep (as JSON, which is
 * YAML): every default written out, every range spelled out. Facts of models are not part of a file.
 */
export function sweepDocument(sweep: Sweep): Record<string, unknown> {
  const { devices, nodeSelector, ...placement } = sweep.placement;
  return {
    apiVersion: sweep.apiVersion,
    kind: sweep.kind,
    metadata: { name: sweep.name, labels: sweep.labels },
    spec: {
      models: sweep.models.map(({ name, source, digest }) =>
        digest === null ? { name, source } : { name, source, digest },
      ),
      techniques: axesDocument(sweep.techniques),
      runners: sweep.runners.map(blockDocument),
      workloads: sweep.workloads.map(blockDocument),
      zip: sweep.zip,
      include: sweep.include.map(({ name, at }) => ({
        ...(name === null ? {} : { name }),
        ...selectorDocument(at),
      })),
      points: sweep.points.map(({ name, at }) => ({ name, ...selectorDocument(at) })),
      exclude: sweep.exclude.map(selectorDocument),
      measure: { ...sweep.measure, ...sweep.startsPolicy },
      ...(sweep.quality === null ? {} : { quality: qualityDocument(sweep.quality) }),
      device: axesDocument(sweep.settings),
      placement: {
        device: unwrapSingle(devices),
        nodeSelector: selectorDocument(nodeSelector),
        ...placement,
      },
      ...(sweep.objectives.length === 0 ? {} : { objectives: objectivesDocument(sweep.objectives) }),
      ...(sweep.search === null ? {} : { search: searchDocument(sweep.search) }),
    },
  };
}

const objectivesDocument = (objectives: readonly Objective[]) =>
  Object.fromEntries(objectives.map(({ metric, better }) => [metric, better]));
/** An empty list of tasks is written by leaving it out. */
const qualityDocument = ({ tasks, ...policy }: QualityPolicy) =>
  tasks.length === 0 ? policy : { ...policy, tasks };
const unwrapSingle = (values: readonly AxisValue[]) => (values.length === 1 ? values[0] : values);
const axesDocument = (axes: readonly Axis[]) =>
  Object.fromEntries(axes.map(({ name, values }) => [name, unwrapSingle(values)]));
const blockDocument = ({ kind, axes }: Block) => ({ kind, ...axesDocument(axes) });
const selectorDocument = (selector: Selector) =>
  Object.fromEntries(Object.entries(selector).map(([name, values]) => [name, unwrapSingle(values)]));

/** What has no bound is left out. */
function searchDocument({ budget, constraints, ...search }: SearchSpec): object {
  return {
    ...search,
    budget: present(budget),
    constraints: Object.fromEntries(constraints.map(({ metric, ...sides }) => [metric, present(sides)])),
  };
}

const present = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
