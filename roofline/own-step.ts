import type { ThreadFactors } from '../core/result/factors.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import type { PassSetting } from '../core/work/engine-passes.js';
import type { SequenceGroup } from '../core/work/pass/setting.js';
import { type CountedPass, counted, operatorsOf } from '../core/work/phase-work.js';
import { errorBandOf } from './error-band.js';
import type { MachineModel } from './machine-model.js';
import { expectPhase } from './placement.js';
import { unpredictable } from './predict.js';
import type { Step } from './step/compile.js';
import { type HostTimes, type StepBatch, tokensOf, withHost } from './step/setting.js';

/** A model under an engine on a device that was measured here. */
export interface OwnModel {
  /** As it is served. */
  readonly architecture: ModelArchitecture;
  readonly setting: PassSetting;
  readonly machineModel: MachineModel;
  /** Of the engine's kernels; `roofs` = what the roofs allow, where nobody fitted any. */
  readonly factors: ThreadFactors | 'roofs';
}

/** Steps of a model by what was measured on its own device. */
export interface OwnSteps {
  /** With what the engine's host takes around kernels. */
  stepWith(host: HostTimes): Pick<Step, 'secondsOf'>;
  /**
   * The kernels of a decoded token take within seconds / ratio and seconds · ratio 95 times of 100; null =
   * nobody looked.
   */
  readonly errorRatio: number | null;
}

/** Contexts so near to each other take the same time: keys are read in runs. */
const CONTEXT_TOKENS = 16;

/**
 * Times steps of a server by the work of each, under roofs and factors. The same step is computed once.
 * @returns in a clause why factors say nothing of the model.
 * @throws FailureError `impossible-combination` for what the architecture cannot do.
 */
export function ownSteps({ architecture, setting, machineModel, factors }: OwnModel): OwnSteps | string {
  // A simulated request may be longer than those that the model was trained for.
  const unbounded = { ...architecture, contextLength: Number.MAX_SAFE_INTEGER };
  const phaseOf = (batch: readonly SequenceGroup[]) => {
    const phase = batch[0]!.newTokens === 1 ? 'decode' : 'prefill';
    const pass: CountedPass = counted(unbounded, { ...setting, phase, batch, logits: 'last' }, 1);
    return { name: 'decode' as const, tokens: pass.tokens, passes: [pass] };
  };
  const one = phaseOf([{ sequences: 1, newTokens: 1, cachedTokens: CONTEXT_TOKENS }]);
  const reason = factors === 'roofs' ? null : unpredictable(operatorsOf(one));
  if (reason !== null) return reason;
  const known = new Map<string, number>();
  const kernelSeconds = (batch: readonly SequenceGroup[]) => {
    const key = batch.map((group) => `${group.sequences} ${group.newTokens} ${group.cachedTokens}`).join();
    const seconds =
      known.get(key) ?? expectPhase({ work: phaseOf(batch), machineModel, factors }).predictedSeconds!;
    known.set(key, seconds);
    return seconds;
  };
  return {
    stepWith: (host) => ({
      secondsOf(batch) {
        const groups = groupsOf(batch);
        if (groups.length === 0) return 0;
        const decodes = groups.filter(({ newTokens }) => newTokens === 1);
        const decodeSeconds = decodes.length === 0 ? 0 : kernelSeconds(decodes);
        const promptSeconds = kernelSeconds(groups) - decodeSeconds;
        const promptFactor = host.promptFactor ?? host.kernelFactor ?? 1;
        return withHost(decodeSeconds, 1, tokensOf(batch), host) + promptFactor * promptSeconds;
      },
    }),
    errorRatio: factors === 'roofs' ? null : (errorBandOf(one, factors)?.ratio ?? null),
  };
}

function groupsOf({ decodes, contextTokens, decodeTokens = 1, chunks }: StepBatch): SequenceGroup[] {
  const cachedTokens = Math.max(0, CONTEXT_TOKENS * Math.round((contextTokens - 1) / CONTEXT_TOKENS));
  return [
    ...(decodes === 0 ? [] : [{ sequences: decodes, newTokens: decodeTokens, cachedTokens }]),
    ...chunks.map(({ newTokens, cachedTokens: before }) => ({
      sequences: 1,
      newTokens,
      cachedTokens: before,
    })),
  ];
}
