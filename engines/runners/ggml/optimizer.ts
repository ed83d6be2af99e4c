import { CONSTANTS, type Pointer } from '../../native/llama.js';
import type { Engine } from './engine.js';
import type { Value } from './tape.js';

/** A parameter and how it learns. */
export interface Parameter {
  readonly name: string;
  readonly value: Value;
  /** Its learning rate over the common one. */
  readonly rateFactor: number;
  /** Whether weight decay pulls on it: on matrices, not on norms, biases and magnitudes. */
  readonly decays: boolean;
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** Parameters of one learning rate and decay: AdamW's seven numbers, which lie where the graph reads them. */
interface Group {
  readonly rateFactor: number;
  readonly decay: number;
  readonly numbers: Pointer;
}

/** AdamW (arXiv 1711.05101) as ggml has it, with its two moments for each parameter. */
export class AdamW {
  readonly bytes: number;
  readonly #engine: Engine;
  readonly #moments = new Map<
    Parameter,
    { readonly m: Pointer; readonly v: Pointer; readonly group: Group }
  >();
  readonly #groups: Group[] = [];
  #steps = 0;

  constructor(engine: Engine, parameters: readonly Parameter[], weightDecay: number) {
    this.#engine = engine;
    const { functions } = engine;
    const context = engine.context(parameters.length * 2 + 16);
    for (const parameter of parameters) {
      const { shape } = parameter.value;
      const decay = parameter.decays ? weightDecay : 0;
      const moment = () => functions.ggml_new_tensor_4d(context, CONSTANTS.GGML_TYPE_F32, ...shape);
      const group = this.#group(context, parameter.rateFactor, decay);
      this.#moments.set(parameter, { m: moment(), v: moment(), group });
    }
    this.bytes = engine.allocate(context, 'the moments of the optimizer');
  }

  /** @returns the operation that moves a parameter against its gradient, in place. */
  update(context: Pointer, parameter: Parameter, gradient: Pointer): Pointer {
    const { m, v, group } = this.#moments.get(parameter)!;
    const { ggml_opt_step_adamw } = this.#engine.functions;
    return ggml_opt_step_adamw(context, parameter.value.tensor, gradient, m, v, group.numbers);
  }

  /** Sets the learning rate of the step that comes next. */
  prepare(rate: number): void {
    this.#steps += 1;
    const corrections = [1 / (1 - BETA1 ** this.#steps), 1 / (1 - BETA2 ** this.#steps)];
    for (const { rateFactor, decay, numbers } of this.#groups) {
      this.#engine.floats(numbers).set([rate * rateFactor, BETA1, BETA2, EPSILON, decay, ...corrections]);
    }
  }

  #group(context: Pointer, rateFactor: number, decay: number): Group {
    const known = this.#groups.find((group) => group.rateFactor === rateFactor && group.decay === decay);
    if (known !== undefined) return known;
    const numbers = this.#engine.functions.ggml_new_tensor_1d(context, CONSTANTS.GGML_TYPE_F32, 7);
    const group = { rateFactor, decay, numbers };
    this.#groups.push(group);
    return group;
  }
}
