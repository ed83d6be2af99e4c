import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ExperimentContent, MeasurePolicy } from '../experiment/experiment.js';
import type { NodeSelector } from '../experiment/node-selector.js';
import { getOrMake } from '../maps.js';
import type { QuestionsOfTask } from '../quality/questions.js';
import type { PlacementSpec, Sweep } from './spec.js';

/** Changes when the content that is hashed changes its meaning, so that old and new ids never meet. */
const EXPERIMENT_FORMAT = 'ridgepoint.dev/experiment/v1';
const SWEEP_FORMAT = 'ridgepoint.dev/sweep/v1';
const POINTS_FORMAT = 'ridgepoint.dev/points/v1';
const QUESTIONS_FORMAT = 'ridgepoint.dev/questions/v1';

/**
 * One text for one value: keys sorted by code unit, no spaces, numbers as ECMAScript prints them (so 1.0 is
 * 1 and -0 is 0), fields that are undefined left out. In substance RFC 8785 (JSON canonicalization).
 * @throws TypeError for what JSON cannot say (NaN, Infinity, functions).
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical JSON`);
    return String(value);
  }
  if (value instanceof Canonical) return value.json;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const fields = value as Record<string, unknown>;
    // Asked of every point of a sweep: nothing is made but the text.
    let text = '';
    for (const key of Object.keys(fields).sort()) {
      if (fields[key] === undefined) continue;
      text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(fields[key])}`;
    }
    return `{${text}}`;
  }
  throw new TypeError(`a ${typeof value} has no canonical JSON`);
}

/** Stands for a value whose text is known. */
class Canonical {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

function digest(format: string, value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(`${format}\n${canonicalJson(value)}`)));
}

/** All points of a sweep have the same policy, which is half of what is hashed of each. */
const policies = new WeakMap<MeasurePolicy, Canonical>();

function policyIn(measure: MeasurePolicy): Canonical {
  // What a grade is called changes no number.
  const { gates: _, ...identifying } = measure;
  return getOrMake(policies, measure, () => new Canonical(canonicalJson(identifying)));
}

/**
 * @returns `x` + 24 hex digits of everything that can change a number and was asked for: the model's digest
 *   (its source while the digest is not known), technique, runner and workload with every option, measurement
 *   policy, what is asked of its quality, device class and how the device is set, and the node where
 *   placement is per node. Not the model's name, its facts, nor the engine that answers
 *   (docs/decisions/0003-identity.md).
 */
export function experimentId(content: ExperimentContent): string {
  const { model, technique, runner, workload, quality, device, settings, node } = content;
  const measure = policyIn(content.measure);
  const file = model.digest ?? `source:${model.source}`;
  return `x${digest(EXPERIMENT_FORMAT, { model: file, technique, runner, workload, measure, quality, device, settings, node }).slice(0, 24)}`;
}

/**
 * @returns `s` + 16 hex digits of all that the file says, once its defaults are filled in; the same for any
 * order of keys, comments, or defaults written out. Model digests count, facts read from files do not.
 */
export function sweepId(sweep: Sweep): string {
  const models = sweep.models.map(({ name, source, digest: file }) => ({ name, source, digest: file }));
  const objectives = Object.fromEntries(sweep.objectives.map((o) => [o.metric, o.better]));
  const placement = { ...sweep.placement, nodeSelector: selectorOf(sweep.placement) };
  return `s${digest(SWEEP_FORMAT, { ...sweep, models, objectives, placement }).slice(0, 16)}`;
}

/**
 * @returns the same for two sweeps that ask for the same points, however they name, order and measure them.
 */
export function pointsId(sweep: Sweep): string {
  const { techniques, runners, workloads, quality, zip, include, exclude, settings, placement } = sweep;
  const models = sweep.models.map(({ source, digest: file }) => file ?? `source:${source}`);
  const { devices, perNode } = placement;
  const nodeSelector = selectorOf(placement);
  const included = include.map(({ at }) => at);
  const points = sweep.points.length === 0 ? undefined : sweep.points.map(({ at }) => at);
  const asked = {
    models,
    techniques,
    runners,
    workloads,
    quality,
    zip,
    exclude,
    settings,
    include: included,
    points,
  };
  return digest(POINTS_FORMAT, { ...asked, devices, perNode, nodeSelector });
}

/**
 * @returns `q` + 24 hex digits of all that answers were asked and scored by. The id of an experiment names
 *   task files only, not their content.
 */
export function questionsId(questions: readonly QuestionsOfTask[]): string {
  return `q${digest(QUESTIONS_FORMAT, questions).slice(0, 24)}`;
}

/**
 * Which nodes measure a sweep says what is measured only where the node is an axis; elsewhere a sweep goes on
 * on other nodes.
 */
function selectorOf({ perNode, nodeSelector }: PlacementSpec): NodeSelector | undefined {
  return perNode && Object.keys(nodeSelector).length > 0 ? nodeSelector : undefined;
}

/**
 * @returns a name for what nobody named: a word, and six hex digits of the content, so that other content has
 *   another name.
 */
export function nameOfContent(setting: string, content: unknown): string {
  const start = setting.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${start === '' ? 'sweep' : start.slice(0, 56)}-${digest('ridgepoint.dev/name/v1', content).slice(0, 6)}`;
}

/** @returns a 32-bit seed made from a name, the same everywhere. */
export function seedFrom(name: string): number {
  return Number.parseInt(digest('ridgepoint.dev/seed/v1', name).slice(0, 8), 16);
}

/** The namespace of sweeps that name none, and of all that were submitted before there were namespaces. */
export const DEFAULT_NAMESPACE = 'default';

/**
 * @returns the id of a sweep in a namespace: one of its own, so that two namespaces that ask for the same
 *   have nothing in common.
 */
export function idInNamespace(id: string, namespace: string): string {
  if (namespace === DEFAULT_NAMESPACE) return id;
  return `s${bytesToHex(sha256(utf8ToBytes(`${id}\n${namespace}`))).slice(0, id.length - 1)}`;
}
