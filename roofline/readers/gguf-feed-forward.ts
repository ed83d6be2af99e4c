import type {
  ActivationFunction,
  ExpertsShape,
  FeedForwardShape,
  MatrixShape,
} from '../../core/work/architecture.js';
import type { GgufFile } from './gguf-file.js';
import { Unreadable } from './reading.js';

/** @param at a tensor's name in its layer. @throws Unreadable when shapes contradict each other. */
export function ggufFeedForward(
  file: GgufFile,
  at: (name: string) => string,
  activation: ActivationFunction,
): FeedForwardShape {
  if (file.tensor(at('ffn_gate_inp.weight')) !== undefined) return mixture(file, at, activation);
  const down = file.matrix(at('ffn_down'));
  const up = file.matrix(at('ffn_up'));
  // Phi-3 and ChatGLM keep the gate in front of up, in one matrix.
  const fused = up.outputs === 2 * down.inputs;
  const half: MatrixShape = fused ? { ...up, outputs: down.inputs } : up;
  if (half.outputs !== down.inputs)
    throw new Unreadable(
      `${at('ffn_up')} has ${up.outputs} outputs, and ${at('ffn_down')} ${down.inputs} inputs`,
    );
  const hasGate = file.tensor(at('ffn_gate.weight')) !== undefined;
  const gate = fused ? half : hasGate ? file.matrix(at('ffn_gate')) : null;
  return {
    kind: gate === null ? 'plain' : 'gated',
    activation,
    fused,
    gate,
    up: half,
    down,
    experts: null,
  };
}

function mixture(
  file: GgufFile,
  at: (name: string) => string,
  activation: ActivationFunction,
): FeedForwardShape {
  const matrix = (name: string) => file.matrix(at(name));
  const together = file.tensor(at('ffn_gate_up_exps.weight')) !== undefined;
  const both = together ? matrix('ffn_gate_up_exps') : null;
  const half = both === null ? null : { ...both, outputs: both.outputs / 2 };
  const router = matrix('ffn_gate_inp');
  const shared = file.tensor(at('ffn_up_shexp.weight'));
  const experts: ExpertsShape = {
    count: router.outputs,
    usedPerToken: file.firstSize('expert_used_count'),
    sharedWidth: shared?.shape[1] ?? 0,
    sharedGate: file.tensor(at('ffn_gate_inp_shexp.weight')) !== undefined,
    router,
  };
  if (experts.usedPerToken > experts.count)
    throw new Unreadable(`${experts.usedPerToken} experts are used of ${experts.count}`);
  return {
    kind: 'gated',
    activation,
    fused: together,
    gate: half ?? matrix('ffn_gate_exps'),
    up: half ?? matrix('ffn_up_exps'),
    down: matrix('ffn_down_exps'),
    experts,
  };
}
