import { type PointHere, pointSimulator, type SimulatedPoint } from '../../batching/own-point.js';
import { FailureError } from '../../core/errors.js';
import { deviceKind, type Experiment } from '../../core/experiment/experiment.js';
import { latenciesOf } from '../../core/serving/latencies.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { serving } from '../../core/workloads/serving.js';
import type { PredictedPhase } from '../../report/recommend/predicted.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import { techniqueShapes } from '../../roofline/technique-shapes.js';
import { mean } from '../../statistics/summary.js';
import type { TrialTime } from './estimate.js';

/** @returns whether a point asks a server on the CPU, as `simulatedTrial` does. */
export const asksServerHere = ({ workload, device }: Experiment): boolean =>
  workload.kind === serving.kind && deviceKind(device) === 'cpu';

/**
 * Simulates a point that asks a server on this machine's CPU.
 * @param base the model as its file has it.
 * @param aroundSeconds what comes around the requests of a trial.
 * @returns a clause where nothing is known of it.
 */
export function simulatedTrial(
  experiment: Experiment,
  base: ModelArchitecture,
  measured: Pick<PointHere, 'machineModel' | 'factors'>,
  host: HostTimes | null,
  aroundSeconds: number,
): TrialTime | string {
  try {
    const architecture = techniqueShapes(base, experiment.technique);
    if (typeof architecture === 'string') return architecture;
    const simulator = pointSimulator({ point: experiment, architecture, ...measured });
    if (typeof simulator === 'string') return simulator;
    const simulated = simulator.simulate(host);
    if (typeof simulated === 'string') return simulated;
    const by = measured.factors === 'roofs' && host === null ? 'roofs' : 'factors';
    return trialOf(simulated, by, aroundSeconds + simulator.secondsAround(host));
  } catch (error) {
    if (error instanceof FailureError) return error.failure.message;
    throw error;
  }
}

function trialOf(simulated: SimulatedPoint, by: TrialTime['by'], aroundSeconds: number): TrialTime {
  const { requests, runSeconds, errorRatio } = simulated;
  const latencies = requests.map(latenciesOf);
  const ttft = mean(latencies.flatMap(({ service }) => service.ttft ?? []));
  const tpots = latencies.flatMap(({ tpot }) => tpot ?? []);
  const tpot = tpots.length === 0 ? null : mean(tpots);
  const seconds = aroundSeconds + runSeconds;
  const tokens = requests.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0);
  const phases: readonly PredictedPhase[] = [
    { name: 'prefill', tokens: requests[0]?.promptTokens ?? 0, seconds: ttft, errorRatio },
    ...(tpot === null ? [] : [{ name: 'decode', tokens: 1, seconds: tpot, errorRatio }]),
    { name: 'serve', tokens, seconds: runSeconds, errorRatio },
  ];
  return {
    least: seconds,
    most: seconds,
    roundSeconds: runSeconds,
    secondsPerPromptToken: 0,
    served: { firstTokenSeconds: ttft, perTokenSeconds: tpot },
    simulated,
    by,
    phases,
  };
}
