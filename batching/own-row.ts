import { toFailure } from '../core/errors.js';
import { deviceKind } from '../core/experiment/experiment.js';
import type { TrialFacts } from '../core/result/result.js';
import type { RooflinePhase, RooflineRecord } from '../core/result/roofline-record.js';
import { isFitted } from '../core/runners/index.js';
import { latenciesOf } from '../core/serving/latencies.js';
import { requestsOf } from '../core/serving/record.js';
import type { RequestRecord } from '../core/serving/requests.js';
import { measuredMachine } from '../roofline/machine-model.js';
import { BELIEFS_ON_CPU, calibrateHost } from '../roofline/step/calibrate.js';
import { type HostTimes, NO_HOST } from '../roofline/step/setting.js';
import { named } from '../roofline/under-roofs.js';
import { median } from '../statistics/quantile.js';
import { mean } from '../statistics/summary.js';
import { calibrationPoints, type LoadMeans } from './calibration.js';
import { isSimulated, type PointHere, pointSimulator, type SimulatedPoint } from './own-point.js';

/** What of a record its simulation follows from. */
export type ServedFacts = Pick<TrialFacts, 'device' | 'experiment' | 'roofs' | 'serving'> & {
  readonly given: Pick<TrialFacts['given'], 'roofline'>;
};

/**
 * Simulates the load of a row of a server on a CPU whose kernels have factors, or whose host was fitted, and
 * puts what it says in the place of what its mean prompt and step would take alone: queues are in it.
 * @returns the record as it is where nothing is simulated.
 */
export function withSimulation(record: RooflineRecord, facts: ServedFacts): RooflineRecord {
  const { served, phases } = record;
  const point = pointHere(facts);
  if (served === undefined || point === null) return record;
  const host = facts.given.roofline?.host ?? null;
  // What roofs alone allow is no server's time.
  if (point.factors === 'roofs' && host === null) return record;
  const simulated = simulatedUnder(point, host);
  if (typeof simulated === 'string') return record;
  const { load, server } = simulated;
  return {
    ...record,
    phases: phases.map((phase) => withPrediction(phase, simulated)),
    served: { ...served, simulated: { load, server } },
  };
}

/** @returns null for a row that no server of this node's CPU made, or that lacks roofs or shapes. */
function pointHere({ device, experiment, roofs, serving, given }: ServedFacts): PointHere | null {
  const { roofline } = given;
  if (serving === undefined || roofline === null || roofs === null) return null;
  const isHere = deviceKind(experiment.device) === 'cpu' && serving.startSeconds !== null;
  if (!isHere || !isSimulated(experiment.runner.kind)) return null;
  const machineModel = measuredMachine(roofs, named(device), roofline.threads, roofline.cacheBytes);
  if (machineModel === null) return null;
  const factors = isFitted(experiment) ? (roofline.factors?.factors ?? null) : 'roofs';
  if (factors === null) return null;
  return {
    point: experiment,
    architecture: roofline.architecture,
    machineModel,
    factors,
  };
}

function simulatedUnder(point: PointHere, host: HostTimes | null): SimulatedPoint | string {
  try {
    const simulator = pointSimulator(point);
    return typeof simulator === 'string' ? simulator : simulator.simulate(host);
  } catch (error) {
    return toFailure(error).message;
  }
}

function withPrediction(phase: RooflinePhase, { requests, errorRatio }: SimulatedPoint): RooflinePhase {
  const seconds =
    phase.name === 'prefill' ? ttftOf(requests) : phase.name === 'decode' ? tpotOf(requests) : null;
  if (seconds === null) return phase;
  return {
    ...phase,
    predictedSeconds: seconds,
    ...(errorRatio === null ? {} : { predictionError: { ratio: errorRatio, beyond: [] } }),
    residualRatio: phase.measuredSeconds / seconds,
  };
}

/** As it is measured of a row: the median from dispatch. */
function ttftOf(requests: readonly RequestRecord[]): number | null {
  const all = requests.flatMap((request) => latenciesOf(request).service.ttft ?? []);
  return all.length === 0 ? null : median(all);
}

/** Of all steps together: longer answers have more. */
function tpotOf(requests: readonly RequestRecord[]): number | null {
  let [seconds, steps] = [0, 0];
  for (const request of requests) {
    const tpot = latenciesOf(request).tpot;
    if (tpot === null) continue;
    const own = request.outputTokens! - request.chunks.tokens[0]!;
    seconds += tpot * own;
    steps += own;
  }
  return steps === 0 ? null : seconds / steps;
}

/**
 * Fits what a server of this node takes beside kernels to its own rows: under it, the simulation of their
 * loads has their mean TTFT and TPOT.
 * @returns a clause where no row tells.
 * @throws FailureError `impossible-combination` for what an architecture cannot do.
 */
export function hostOfRows(rows: readonly ServedFacts[]): HostTimes | string {
  const points = rows.flatMap((row) => {
    const point = pointHere(row);
    const simulator = point === null ? '' : pointSimulator(point);
    const measured = meansOf(row.serving === undefined ? [] : requestsOf(row.serving.requests));
    if (typeof simulator === 'string' || measured === null) return [];
    return calibrationPoints(measured, (host) => {
      const found = simulator.simulate(host);
      const means = typeof found === 'string' ? null : meansOf(found.requests);
      if (means === null) throw new Error('a load that was served has no simulation');
      return means;
    });
  });
  if (points.length === 0)
    return 'no row of it is of a server on the CPU of this node, with roofs and factors';
  return calibrateHost(points, NO_HOST, BELIEFS_ON_CPU);
}

function meansOf(requests: readonly RequestRecord[]): LoadMeans | null {
  const latencies = requests.map(latenciesOf);
  const ttft = latencies.flatMap(({ service }) => service.ttft ?? []);
  const tpot = latencies.flatMap((one) => one.tpot ?? []);
  if (ttft.length === 0) return null;
  return { ttftSeconds: mean(ttft), tpotSeconds: tpot.length === 0 ? null : mean(tpot) };
}
