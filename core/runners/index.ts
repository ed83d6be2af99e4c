import type { Experiment, ModelFacts, Options } from '../experiment/experiment.js';
import { knownFacts } from '../experiment/known-facts.js';
import type { ModelFormat } from '../models/formats.js';
import { factsOfFirst } from '../techniques/layers.js';
import type { MemoryRequest } from '../work/memory.js';
import type { Capability } from '../workloads/capability.js';
import { fake } from './fake.js';
import { ggml } from './ggml.js';
import { kernels } from './kernels.js';
import { llamaCpp } from './llama-cpp.js';
import { onnx } from './onnx.js';
import type { RunnerKind } from './runner.js';
import { SERVER_KINDS } from './server/index.js';
import { sparse } from './sparse.js';

/** A new kind is one file and one line here, and its room in engines/runners. */
const DESCRIPTIONS = {
  'llama-cpp': llamaCpp,
  ggml,
  sparse,
  fake,
  kernels,
  onnx,
  ...SERVER_KINDS,
} satisfies Readonly<Record<string, RunnerKind>>;
export type RunnerName = keyof typeof DESCRIPTIONS;

/** Every runner a sweep can name. */
export const RUNNERS: readonly RunnerKind[] = Object.values(DESCRIPTIONS);

/** Device classes that some runner can use. */
export const DEVICE_CLASSES: readonly string[] = [...new Set(RUNNERS.flatMap((runner) => runner.devices))];

/** @returns the kind, or undefined for a name that is not one. */
export function runnerNamed(kind: string): RunnerKind | undefined {
  return RUNNERS.find((runner) => runner.kind === kind);
}

/** Runs models where a sweep names no runner. */
export const DEFAULT_RUNNER = llamaCpp.kind;

/** @returns whether a runner has a capability; false of one that there is not. */
export const runnerOffers = (kind: string, capability: Capability): boolean =>
  runnerNamed(kind)?.offers.includes(capability) === true;

/** Whose engine calibration looks into: its graphs compute what every runner of model files does. */
export const OBSERVED_RUNNER = llamaCpp.kind;

/** @returns the runner whose engine changes GGUF files for another: itself, where it opens them. */
export function makerFor(kind: string): string {
  return runnerNamed(kind)?.formats.includes('gguf') === true ? kind : DEFAULT_RUNNER;
}

/**
 * @param format of the model; left out = any.
 * @returns the runner that commands which name none ask for a capability: the first that offers it.
 */
export function defaultRunnerFor(capability: Capability, format?: ModelFormat): string {
  const runner = RUNNERS.find(
    ({ offers, formats }) =>
      offers.includes(capability) && (format === undefined || formats.includes(format)),
  );
  if (runner === undefined) throw new Error(`no runner offers a ${capability}`);
  return runner.kind;
}

/** @returns formats of model files that some runner opens with a capability. */
export function formatsFor(capability: Capability): readonly ModelFormat[] {
  const able = RUNNERS.filter(({ offers }) => offers.includes(capability));
  return [...new Set(able.flatMap(({ formats }) => formats))];
}

/** Runners whose kernels efficiency factors are fitted of (`ridge factors`). */
export const FITTED_RUNNERS: readonly string[] = RUNNERS.filter(({ fitted }) => fitted).map(
  ({ kind }) => kind,
);

/** @returns false for runners that open no model file, and for unknown ones. */
export function opensModels(kind: string): boolean {
  return (runnerNamed(kind)?.formats.length ?? 0) > 0;
}

/**
 * @returns the bytes that a trial is predicted to take by the description of its runner; null = nothing is
 *   predicted, or the format of the model leaves a fact open.
 */
export function predictedBytes(
  request: Omit<MemoryRequest, 'facts'> & { readonly facts: ModelFacts },
): number | null {
  const whole = knownFacts(request.facts);
  const facts = whole === null ? null : factsOfFirst(whole, request.experiment.technique.layers);
  const memory = runnerNamed(request.experiment.runner.kind)?.memory ?? null;
  return facts === null || memory === null ? null : (memory({ ...request, facts })?.bytes ?? null);
}

/** @returns the runner that opens a plain model for this one: a base, or what was trained. */
export function plainRunnerOf(kind: string): string {
  return runnerNamed(kind)?.plainRunner ?? kind;
}

/**
 * @returns those of a point's options that a runner has: it may open a model in the place of the point's own
 *   runner.
 */
export function optionsFor(kind: string, options: Options): Options {
  const shape = runnerNamed(kind)?.options.shape ?? {};
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(shape, name)));
}

/**
 * What file a trial runs.
 * @returns the same text for points that run the same one, as far as that can be told before it is made; null
 *   for runners that open no model.
 */
export function artifactOf({ model, technique, runner }: Experiment): string | null {
  if (!opensModels(runner.kind)) return null;
  const opened = runnerNamed(runner.kind)?.formats ?? [];
  return JSON.stringify([model.source, model.digest, technique, makerFor(runner.kind), opened]);
}

/**
 * What a runner may keep between two trials: a server stays for points that differ in their load alone.
 * @returns the same text for points that can share it; null for runners that keep nothing.
 */
export function keptBetween({ model, technique, runner, device }: Experiment): string | null {
  return runnerOffers(runner.kind, 'endpoint')
    ? JSON.stringify([model.source, model.digest, technique, runner, device])
    : null;
}

/**
 * @returns whether efficiency factors are fitted of the kernels of its runner; elsewhere the roofs alone
 *   predict.
 */
export function isFitted({ runner }: Pick<Experiment, 'runner'>): boolean {
  return runnerNamed(runner.kind)?.fitted ?? false;
}
