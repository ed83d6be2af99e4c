import { dirname, resolve } from 'node:path';
import { heldHere } from '../../agent/door/roofs.js';
import { isSimulated, type SimulatedPoint } from '../../batching/own-point.js';
import { FailureError } from '../../core/errors.js';
import type { Experiment, MeasurePolicy } from '../../core/experiment/experiment.js';
import { getOrMake } from '../../core/maps.js';
import { minuteOf } from '../../core/minute.js';
import { isFitted, runnerNamed } from '../../core/runners/index.js';
import { nodeDemands } from '../../core/runners/node-demands.js';
import { meanLength, parseLengths } from '../../core/serving/lengths.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { predictableWork } from '../../core/work/latency.js';
import { phaseWork } from '../../core/work/phase-work.js';
import { type ServedDemand, servedWork, splitAsked } from '../../core/work/served-work.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { lastCacheBytes } from '../../process/device/caches.js';
import type { PredictedPhase } from '../../report/recommend/predicted.js';
import { factorsAt } from '../../roofline/factor-at.js';
import { measuredMachine } from '../../roofline/machine-model.js';
import { type ExpectedPhase, expectPhase } from '../../roofline/placement.js';
import { techniqueShapes } from '../../roofline/technique-shapes.js';
import { openArchitecture } from '../roofline/open-model.js';
import type { ThisNode } from '../this-node.js';
import { asksServerHere, simulatedTrial } from './served-estimate.js';

/**
 * What starting a process, loading a small model and writing the record take around the rounds of a trial.
 */
export const SECONDS_AROUND_A_TRIAL = 1;

/** Rounds whose spread ends the warm-up. */
const WARMUP_ROUNDS = 3;

/** Seconds of one trial: with the fewest rounds that the measurement policy allows, and with the most. */
export interface TrialTime {
  readonly least: number;
  readonly most: number;
  /** Of one round: a prefill and its decode steps, or all requests to a server. */
  readonly roundSeconds: number;
  /** Of a prompt; 0 where a round has none. */
  readonly secondsPerPromptToken: number;
  /**
   * Of a server: to the first token, and between two tokens, in the mean of its requests where they were
   * simulated, and else of the mean prompt without a queue; left out of others.
   */
  readonly served?: { readonly firstTokenSeconds: number; readonly perTokenSeconds: number | null };
  /** What each request of a server meets; left out where no queue is simulated. */
  readonly simulated?: SimulatedPoint;
  /** `factors` predict what the engine takes; `roofs` what it takes at least. */
  readonly by: 'factors' | 'roofs';
  /** What one round is made of. */
  readonly phases: readonly PredictedPhase[];
}

/** Says how long trials on this machine take, or in one clause why that is not known. */
export interface TimeEstimator {
  estimate(experiment: Experiment): TrialTime | string;
  /** What the numbers stand on: `the roofs of cpu0, measured 2026-11-27T…`; null where there are no roofs. */
  readonly basis: string | null;
}

/**
 * Reads the roofs and factors that this machine was measured at; nothing is measured.
 * @param modelFolders where models named by a path may be.
 */
export async function timeEstimator(node: ThisNode, modelFolders: readonly string[]): Promise<TimeEstimator> {
  const { sysRoot } = node;
  const { devices } = node.profile;
  const { roofs, factors } = await heldHere(node);
  const architectures = new Map<string, ModelArchitecture | string>();
  const architectureOf = (source: string) =>
    getOrMake(architectures, source, () => opened(source, modelFolders));
  const measured = devices.flatMap(({ id }) => {
    const of = roofs.forDevice(id);
    return of === null ? [] : [`${id}, measured ${minuteOf(of.measuredAt)}`];
  });
  return {
    basis: measured.length === 0 ? null : `the roofs of ${measured.join(' and ')}`,
    estimate(experiment) {
      const device = devices.find(({ classes }) => classes.includes(experiment.device));
      if (device === undefined) return `this machine has no device of class ${experiment.device}`;
      const own = roofs.forDevice(device.id);
      if (own === null) return `no roofs of ${device.id}: ${roofs.absenceReason(device.id)}`;
      const { devices: several } = nodeDemands(experiment.runner.options);
      if (several > 1 && runnerNamed(experiment.runner.kind)?.counting.by === 'pass')
        return `how ${experiment.runner.kind} shares a model among ${several} devices is known when it is loaded`;
      const base = architectureOf(experiment.model.source);
      if (typeof base === 'string') return base;
      const { threads: asked } = experiment.runner.options;
      const threads = typeof asked === 'number' ? asked : Math.max(1, device.cpus.length);
      const machineModel = measuredMachine(
        own,
        { name: device.name, memoryBytes: null },
        threads,
        lastCacheBytes(device.cpus, sysRoot),
      );
      if (machineModel === null) return `the roofs of ${device.id} hold no bandwidth of memory`;
      const stored = isFitted(experiment) ? factors.forDevice(device.id, own) : null;
      const needs = workloadNamed(experiment.workload.kind)?.needs;
      const { kind } = experiment.runner;
      if (asksServerHere(experiment) && isSimulated(kind)) {
        const kernels = stored === null ? 'roofs' : factorsAt(stored.factors.threads, threads);
        const measured = { machineModel, factors: kernels } as const;
        const host = factors.hostFor(device.id, kind);
        return simulatedTrial(experiment, base, measured, host, SECONDS_AROUND_A_TRIAL);
      }
      const load = needs === 'endpoint' ? plannedLoad(experiment) : null;
      if (typeof load === 'string') return load;
      const phases = phasesOf(experiment, base, load);
      if (typeof phases === 'string') return phases;
      const expected = phases.map((work) =>
        expectPhase({
          work,
          machineModel,
          factors: stored === null ? null : factorsAt(stored.factors.threads, threads),
        }),
      );
      const predicted = expected.every(({ predictedSeconds }) => predictedSeconds !== null);
      const by = predicted ? 'factors' : 'roofs';
      const secondsOf = ({ predictedSeconds, roof }: ExpectedPhase) =>
        predicted ? predictedSeconds! : roof.seconds;
      const estimated = phases.map(({ name, tokens }, i): PredictedPhase => {
        const phase = expected[i]!;
        return {
          name,
          tokens,
          seconds: secondsOf(phase),
          errorRatio: predicted ? (phase.band?.ratio ?? null) : null,
        };
      });
      if (load !== null) {
        const named = new Map(estimated.map(({ name, seconds }) => [name, seconds]));
        return { ...servedSeconds(load, named, experiment), by, phases: estimated };
      }
      const roundSeconds = expected.reduce((sum, phase) => sum + secondsOf(phase), 0);
      const prompt = phases.findIndex(({ name }) => name === 'prefill');
      const tokens = phases[prompt]?.passes.reduce((sum, pass) => sum + pass.tokens, 0) ?? 0;
      const secondsPerPromptToken = tokens === 0 ? 0 : secondsOf(expected[prompt]!) / tokens;
      const trial = trialSeconds(roundSeconds, experiment.measure);
      return { ...trial, roundSeconds, secondsPerPromptToken, by, phases: estimated };
    },
  };
}

/** @returns what a trial takes by the rounds that its policy allows. */
function trialSeconds(
  roundSeconds: number,
  { minRepeats, maxRepeats, maxSeconds, maxWarmups }: MeasurePolicy,
): Pick<TrialTime, 'least' | 'most'> {
  const budget = maxSeconds ?? Number.POSITIVE_INFINITY;
  // Each ends between two rounds, and has one in any case: warming up before half of the budget, repeating
  // when it is over.
  const warmups = (count: number) =>
    Math.min(count * roundSeconds, Math.max(Math.min(1, count) * roundSeconds, budget / 2));
  const repeats = (count: number) => Math.min(count * roundSeconds, budget + roundSeconds);
  return {
    least: SECONDS_AROUND_A_TRIAL + warmups(Math.min(WARMUP_ROUNDS, maxWarmups)) + repeats(minRepeats),
    most: SECONDS_AROUND_A_TRIAL + warmups(maxWarmups) + repeats(maxRepeats),
  };
}

/**
 * All requests as fast as they go, behind those that warm up one by one; the start of the server comes on
 * top.
 */
function servedSeconds(
  { warmups, outputTokens }: PlannedLoad,
  phases: ReadonlyMap<string, number>,
  { workload }: Experiment,
): Omit<TrialTime, 'by' | 'phases'> {
  const { loadSeconds } = workload.options;
  const firstTokenSeconds = phases.get('prefill') ?? 0;
  const perTokenSeconds = phases.get('decode') ?? null;
  const all = phases.get('serve') ?? 0;
  const roundSeconds = typeof loadSeconds === 'number' ? Math.min(loadSeconds, all) : all;
  const warmup = warmups * (firstTokenSeconds + Math.max(0, outputTokens - 1) * (perTokenSeconds ?? 0));
  const seconds = SECONDS_AROUND_A_TRIAL + warmup + roundSeconds;
  const served = { firstTokenSeconds, perTokenSeconds };
  return { least: seconds, most: seconds, roundSeconds, secondsPerPromptToken: 0, served };
}

function opened(source: string, modelFolders: readonly string[]): ModelArchitecture | string {
  try {
    return openArchitecture(source, [...modelFolders, dirname(resolve(source))]);
  } catch (error) {
    if (error instanceof FailureError) return error.failure.message;
    throw error;
  }
}

/** Counts the work of one round; a clause where nobody can. */
function phasesOf(
  { runner, workload, technique }: Experiment,
  base: ModelArchitecture,
  load: PlannedLoad | null,
) {
  const counting = runnerNamed(runner.kind)?.counting;
  if (counting?.by === 'nothing') return counting.reason;
  const needs = workloadNamed(workload.kind)?.needs;
  const served = counting?.by === 'served' ? counting.engine : null;
  const engine = counting?.by === 'pass' && needs === 'generator' ? counting.engine : null;
  if (engine === null && (served === null || load === null))
    return `the time of ${workload.kind} on ${runner.kind} does not follow from the shapes of a model`;
  if (counting?.by === 'pass' && counting.packed)
    return `how ${runner.kind} packs matrices is known when they are loaded`;
  try {
    const architecture = techniqueShapes(base, technique);
    if (typeof architecture === 'string') return architecture;
    const { options } = runner;
    if (served !== null && load !== null)
      return servedWork(architecture, served, options, splitAsked(options), load.demand);
    return phaseWork(architecture, options, predictableWork(workload), engine ?? undefined);
  } catch (error) {
    if (error instanceof FailureError) return error.failure.message;
    throw error;
  }
}

/** What a closed loop, or all requests at once, ask of a server. */
interface PlannedLoad {
  readonly demand: ServedDemand;
  /** Requests before those that are measured, one after the other. */
  readonly warmups: number;
  readonly outputTokens: number;
}

/**
 * @returns how full the steps of a server will be, as far as the sweep decides that: each slot has a
 *   sequence, and while one of n slots decodes its answer, each of the others reads a prompt. A clause where
 *   the load or the server decide it.
 */
function plannedLoad({ workload, runner }: Pick<Experiment, 'workload' | 'runner'>): PlannedLoad | string {
  const { arrival, concurrency, requests, warmupRequests, findHighest, promptDataset } = workload.options;
  const { sharedPrefix, turns, inputTokens, outputTokens, exactLength } = workload.options;
  if (findHighest !== 'none') return 'how long a search for the highest load lasts depends on what it finds';
  if (arrival !== 'closed' && arrival !== 'offline')
    return `how full a server is under arrival ${arrival} depends on its speed`;
  if (promptDataset !== null || exactLength !== true)
    return 'how long prompts and answers are is known when they are there';
  if (Number(sharedPrefix) > 0 || Number(turns) > 1)
    return 'how much of prompts that begin alike a server keeps is its own affair';
  const [prompt, answer] = [inputTokens, outputTokens].map((written) =>
    parseLengths(written as string | number),
  );
  if (typeof prompt !== 'object' || typeof answer !== 'object') return 'its lengths cannot be read';
  const [promptTokens, answerTokens] = [meanLength(prompt), meanLength(answer)];
  const count = Number(requests);
  const { maxSequences } = runner.options;
  const most = typeof maxSequences === 'number' ? maxSequences : Number.POSITIVE_INFINITY;
  const slots = Math.min(arrival === 'closed' ? Number(concurrency) : count, count, most);
  const steps = Math.max(0, answerTokens - 1);
  return {
    demand: {
      stepSequences: steps === 0 ? 0 : slots,
      meanSequences: steps === 0 ? 0 : slots,
      contextTokens: promptTokens + answerTokens / 2,
      promptsPerStep: steps === 0 ? 0 : (slots - 1) / steps,
      promptsAtOnce: 1,
      promptsBetween: slots > 1 ? 1 : 0,
      promptTokens,
      cachedTokens: 0,
      prompts: count,
      decodeTokens: count * steps,
    },
    warmups: Number(warmupRequests),
    outputTokens: answerTokens,
  };
}
