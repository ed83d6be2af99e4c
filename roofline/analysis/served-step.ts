import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { OperatorTimes } from '../../core/work/operator-call.js';
import type { Parallelism } from '../../core/work/pass/setting.js';
import { isKnown } from '../step/calls-time.js';
import { compileStep, type Step } from '../step/compile.js';
import type { ServingEngine } from '../step/engines.js';
import type { HostTimes, StepSetting } from '../step/setting.js';
import type { ServedBits } from './bits.js';
import { served } from './prediction.js';

/** A model under an engine on devices, and what its steps take. */
export interface ServedStep {
  /** As it is served: in the engine's formats, with its fused matrices. */
  readonly architecture: ModelArchitecture;
  readonly setting: StepSetting;
  readonly step: Step;
}

/**
 * @param architecture as its file has it.
 * @param times of the engine's operators on the device.
 * @param host null = those that the engine is shipped with.
 * @returns in clauses why its steps cannot be timed.
 * @throws FailureError `impossible-combination` for a split that the model cannot have.
 */
export function servedStep(
  architecture: ModelArchitecture,
  formats: ServedBits,
  parallelism: Parallelism,
  engine: ServingEngine,
  times: OperatorTimes,
  host: HostTimes | null = null,
): ServedStep | readonly string[] {
  const found = served(architecture, formats);
  if (found === null) return ['no engine on a GPU multiplies the types that the model is kept in'];
  const { kernels } = found;
  const setting = { parallelism, kernels, graphs: engine.graphs, host: host ?? engine.host };
  const step = compileStep(found.architecture, times, setting);
  return isKnown(step) ? { architecture: found.architecture, setting, step } : step;
}
