import { toFailure } from '../core/errors.js';
import type { RooflineGiven, RooflinePhase, RooflineRecord } from '../core/result/roofline-record.js';
import { runnerNamed } from '../core/runners/index.js';
import { ONE_DEVICE, type ServedDemand } from '../core/work/served-work.js';
import type { Evidence } from '../judgement/evidence.js';
import { hardwareNamed } from './hardware/catalogue.js';
import { measuredMachine } from './machine-model.js';
import { SHIPPED } from './operators/shipped/index.js';
import { type ServedPrediction, servedPrediction, type TimedPhase } from './served-prediction.js';
import { named } from './under-roofs.js';

/** Standard deviations on each side of a prediction that 95 of 100 measurements lie within. */
const NORMAL_95 = 1.96;

/**
 * Predicts the phases of a server from measured operators of its engine, where its GPU is in the shipped
 * tables. Factors of the node itself win: a record that has them stays as it is.
 * @param queueSeconds that requests waited in the mean before they were begun; null = nobody knows.
 * @returns the record with `predictedBy` and its predictions, or with the reason why there are none.
 */
export function predictedByTables(
  record: RooflineRecord,
  input: Evidence['input'],
  given: RooflineGiven,
  demand: ServedDemand,
  queueSeconds: number | null,
): RooflineRecord {
  if (record.factors !== null) return record;
  const found = predictionOf(input, given);
  if (found === null) return record;
  if (!('source' in found)) {
    const notPredicted = found.join('; ');
    const phases = record.phases.map((phase) =>
      phase.name === 'serve' || phase.predictedSeconds !== null ? phase : { ...phase, notPredicted },
    );
    return { ...record, phases };
  }
  const phases = record.phases.map((phase) => {
    if (phase.name === 'prefill') return withTime(phase, found.firstToken(demand), queueSeconds);
    return phase.name === 'decode' ? withTime(phase, found.perToken(demand), 0) : phase;
  });
  return { ...record, predictedBy: found.source, phases };
}

/** @returns null where no table is of the engine or of the GPU; clauses where they do not answer. */
function predictionOf(
  { device, experiment, roofs, environment }: Evidence['input'],
  { architecture, split, threads, cacheBytes }: RooflineGiven,
): ServedPrediction | readonly string[] | null {
  const kind = runnerNamed(experiment.runner.kind);
  if (kind === undefined || kind.tables === null || kind.counting.by !== 'served') return null;
  const gpu = hardwareNamed(device.name) ?? hardwareNamed(experiment.device.split(':')[1] ?? '');
  if (gpu === null || !SHIPPED.some((factors) => factors.device === gpu.id)) return null;
  const machine = roofs === null ? null : measuredMachine(roofs, named(device), threads, cacheBytes);
  try {
    return servedPrediction({
      architecture,
      options: experiment.runner.options,
      passes: kind.counting.engine,
      split: split ?? ONE_DEVICE,
      tables: kind.tables,
      release: releaseIn(environment),
      device: gpu,
      own: machine?.ceilings ?? null,
    });
  } catch (error) {
    return [toFailure(error).message];
  }
}

/** @returns `0.24.0` of `vllm 0.24.0`, as the server said; null = it did not. */
function releaseIn({ serverRelease }: Evidence['input']['environment']): string | null {
  return typeof serverRelease === 'string' ? (serverRelease.split(' ').at(-1) ?? null) : null;
}

function withTime(phase: RooflinePhase, time: TimedPhase, queueSeconds: number | null): RooflinePhase {
  const { seconds, operatorSeconds, gapSeconds, spread, widened } = time;
  return {
    ...phase,
    predictedSeconds: seconds,
    predictionError: { ratio: Math.exp(NORMAL_95 * spread), beyond: [...widened] },
    residualRatio: phase.measuredSeconds / seconds,
    parts: { operatorSeconds, gapSeconds, queueSeconds },
  };
}
