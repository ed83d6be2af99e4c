import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../../core/errors.js';
import type { TrainingPart } from '../../../core/result/roofline-record.js';
import { isAdapterMethod, type TrainingSettings } from '../../../core/training/methods.js';
import { graphWork, type TracedNode } from '../../../roofline/graph/graph-work.js';
import type { Pointer } from '../../native/llama.js';
import type { TrainedResult, Trainer, TrainingBatch, TrainingMemory, TrainingStep } from '../trainer.js';
import type { Architecture } from './architecture.js';
import { Batch } from './batch.js';
import type { Engine } from './engine.js';
import { AdapterFactors, inverse } from './factors.js';
import { forward } from './forward.js';
import { AdamW, type Parameter } from './optimizer.js';
import { trainedMatrices } from './selection.js';
import { Tape } from './tape.js';
import type { Weights } from './weights.js';

/**
 * DoRA's row lengths |W + s B A|, which change with every step and which no gradient goes through (arXiv
 * 2402.09353, §4.3):
 * |w|² + 2 s B·(W Aᵀ) + s² B (A Aᵀ) Bᵀ row by row, so that B A itself is never made.
 */
class RowLengths {
  readonly bytes: number;
  readonly #engine: Engine;
  readonly #graph: Pointer;
  readonly #rows: { readonly squares: Pointer; readonly inverse: Pointer }[] = [];

  constructor(engine: Engine, factors: AdapterFactors) {
    this.#engine = engine;
    const { functions: f } = engine;
    const nodes = factors.layers.length * 16 + 16;
    const c = engine.context(nodes, nodes);
    this.#graph = f.ggml_new_graph_custom(c, nodes, false);
    const turned = (tensor: Pointer) => f.ggml_cont(c, f.ggml_transpose(c, tensor));
    for (const { base, a, b, magnitude } of factors.layers) {
      if (magnitude === null) continue;
      const { baseSquares, inverse } = magnitude;
      const overRank = (values: Pointer) =>
        f.ggml_repeat_back(c, f.ggml_mul(c, b.tensor, values), baseSquares);
      const mixed = overRank(f.ggml_mul_mat(c, base.tensor, a.tensor));
      const inner = f.ggml_mul_mat(c, a.tensor, a.tensor);
      const own = overRank(f.ggml_mul_mat(c, turned(b.tensor), inner));
      const change = f.ggml_add(
        c,
        f.ggml_scale(c, mixed, 2 * factors.scale),
        f.ggml_scale(c, own, factors.scale ** 2),
      );
      const squares = f.ggml_add(c, change, baseSquares);
      f.ggml_set_output(squares);
      f.ggml_build_forward_expand(this.#graph, squares);
      this.#rows.push({ squares, inverse: inverse.tensor });
    }
    this.bytes = engine.plan(this.#graph, 'the row lengths of DoRA');
  }

  /** What computing them asks. */
  nodes(): TracedNode[] {
    return this.#engine.nodes(this.#graph);
  }

  /** Computes them anew from A and B as they are. */
  refresh(): void {
    this.#engine.compute(this.#graph);
    for (const row of this.#rows) {
      const into = this.#engine.floats(row.inverse);
      const squares = this.#engine.floats(row.squares);
      for (let i = 0; i < into.length; i++) into[i] = inverse(Math.sqrt(squares[i]!));
    }
  }
}

/**
 * One fine-tuning: a forward, a backward and an optimizer graph over the same tensors. They are made as one,
 * so that memory is planned for the whole step, and cut in three, so that each part is timed by itself: that
 * costs two more waits for the threads.
 */
export class GgmlTrainer implements Trainer {
  readonly trainableParameters: number;
  readonly memory: TrainingMemory;
  readonly work: readonly TrainingPart[];
  readonly #engine: Engine;
  readonly #architecture: Architecture;
  readonly #factors: AdapterFactors | null;
  readonly #lengths: RowLengths | null;
  readonly #parameters: readonly Parameter[];
  readonly #optimizer: AdamW;
  readonly #batch: Batch;
  readonly #loss: Pointer;
  readonly #gradients: ReadonlyMap<string, Pointer>;
  readonly #graphs: { readonly forward: Pointer; readonly backward: Pointer; readonly optimizer: Pointer };
  #steps = 0;

  constructor(engine: Engine, architecture: Architecture, weights: Weights, settings: TrainingSettings) {
    this.#engine = engine;
    this.#architecture = architecture;
    const { functions: f } = engine;
    this.#factors = isAdapterMethod(settings.method)
      ? new AdapterFactors(
          engine,
          weights,
          trainedMatrices(architecture.layers, settings),
          settings,
          uniformFrom(settings.seed),
        )
      : null;
    this.#lengths =
      this.#factors !== null && settings.method === 'dora' ? new RowLengths(engine, this.#factors) : null;
    this.#parameters = parametersOf(this.#factors, weights, settings);
    this.trainableParameters = this.#parameters.reduce(
      (sum, { value }) => sum + value.shape.reduce((a, b) => a * b, 1),
      0,
    );
    this.#optimizer = new AdamW(engine, this.#parameters, settings.weightDecay);
    this.#batch = new Batch(engine, architecture.vocabulary, settings);

    const nodes = 2048 + 512 * architecture.layers;
    const context = engine.context(4 * nodes, 4 * nodes);
    const tape = new Tape(f, context);
    const factors = this.#factors;
    const loss = forward(tape, architecture, weights, this.#batch.inputs, (on, name, x) =>
      factors === null ? on.linear(weights.need(`${name}.weight`), x) : factors.apply(on, weights, name, x),
    );
    this.#loss = loss.tensor;
    f.ggml_set_output(loss.tensor);
    const whole = f.ggml_new_graph_custom(context, nodes, false);
    f.ggml_build_forward_expand(whole, loss.tensor);
    const forwardEnd = f.ggml_graph_n_nodes(whole);
    tape.backward(loss, this.#batch.one);
    // The last layers first: their gradients are ready first, and what they need is freed first.
    const backwards = [...this.#parameters].reverse();
    const gradients = backwards.map((parameter) => tape.gradientOf(parameter.value));
    const gradientBytes = engine.pin(gradients, 'the gradients');
    for (const gradient of gradients) f.ggml_build_forward_expand(whole, gradient);
    const backwardEnd = f.ggml_graph_n_nodes(whole);
    for (const [i, parameter] of backwards.entries()) {
      f.ggml_build_forward_expand(whole, this.#optimizer.update(context, parameter, gradients[i]!));
    }
    const activations = engine.plan(whole, 'the activations of a step');
    this.#gradients = new Map(backwards.map(({ name }, i) => [name, gradients[i]!]));
    const part = (from: number, to: number): Pointer => {
      const graph = f.ggml_new_graph_custom(context, nodes, false);
      for (let i = from; i < to; i++) f.ggml_graph_add_node(graph, f.ggml_graph_node(whole, i));
      return graph;
    };
    this.#graphs = {
      forward: part(0, forwardEnd),
      backward: part(forwardEnd, backwardEnd),
      optimizer: part(backwardEnd, f.ggml_graph_n_nodes(whole)),
    };
    const lengths = this.#lengths?.nodes() ?? [];
    const { forward: there, backward: back, optimizer } = this.#graphs;
    this.work = [
      { name: 'forward', operators: graphWork([...lengths, ...engine.nodes(there)]) },
      { name: 'backward', operators: graphWork(engine.nodes(back)) },
      { name: 'optimizer', operators: graphWork(engine.nodes(optimizer)) },
    ];
    this.memory = {
      weights: weights.bytes + (factors?.bytes ?? 0),
      gradients: gradientBytes,
      optimizer: this.#optimizer.bytes,
      activations: activations + (this.#lengths?.bytes ?? 0),
      inputs: this.#batch.bytes,
    };
  }

  step(batch: TrainingBatch, rate: number): TrainingStep {
    const { forward, backward, optimizer } = this.#graphs;
    const start = seconds();
    this.#batch.set(batch);
    this.#optimizer.prepare(rate);
    const filled = seconds();
    this.#lengths?.refresh();
    this.#engine.compute(forward);
    const forwardEnd = seconds();
    this.#engine.compute(backward);
    const backwardEnd = seconds();
    this.#engine.compute(optimizer);
    const end = seconds();
    this.#steps += 1;
    return {
      loss: this.#readLoss(),
      forwardSeconds: forwardEnd - filled,
      backwardSeconds: backwardEnd - forwardEnd,
      optimizerSeconds: end - backwardEnd,
      seconds: end - start,
    };
  }

  evaluate(batch: TrainingBatch): number {
    this.#batch.set(batch);
    this.#lengths?.refresh();
    this.#engine.compute(this.#graphs.forward);
    return this.#readLoss();
  }

  /**
   * For checks against differences: the gradient of each parameter by its name, where the parameter is, and
   * the loss alone.
   */
  gradientsAt(batch: TrainingBatch): {
    readonly parameters: ReadonlyMap<string, Float32Array>;
    readonly gradients: ReadonlyMap<string, Float32Array>;
    lossAgain(): number;
  } {
    this.evaluate(batch);
    this.#engine.compute(this.#graphs.backward);
    return {
      parameters: new Map(
        this.#parameters.map(({ name, value }) => [name, this.#engine.floats(value.tensor)]),
      ),
      gradients: new Map(
        [...this.#gradients].map(([name, gradient]) => [name, this.#engine.floats(gradient).slice()]),
      ),
      lossAgain: () => {
        this.#engine.compute(this.#graphs.forward);
        return this.#readLoss();
      },
    };
  }

  result(): TrainedResult {
    if (this.#factors !== null) {
      return { kind: 'adapter', ...this.#factors.export(this.#engine, this.#architecture.name) };
    }
    const tensors = this.#parameters.map(
      ({ name, value }) => [name, () => this.#engine.floats(value.tensor)] as const,
    );
    return { kind: 'model', tensors: new Map(tensors) };
  }

  #readLoss(): number {
    const loss = this.#engine.floats(this.#loss)[0]!;
    if (Number.isFinite(loss)) return loss;
    const message = `the loss is no number after ${this.#steps} steps`;
    throw failed('run-failed', message, 'Lower learningRate.');
  }
}

function parametersOf(
  factors: AdapterFactors | null,
  weights: Weights,
  { method, learningRateRatio }: TrainingSettings,
): Parameter[] {
  if (factors !== null) {
    return factors.parameters().map(({ name, group, value }) => ({
      name,
      value,
      rateFactor: method === 'lora-plus' && group === 'b' ? learningRateRatio : 1,
      decays: value.shape[1] > 1,
    }));
  }
  return [...weights.entries()]
    .filter(([, value]) => value.learns)
    .map(([name, value]) => ({ name, value, rateFactor: 1, decays: value.shape[1] > 1 }));
}

const seconds = () => Number(process.hrtime.bigint()) / 1e9;

/** @returns numbers from 0 to 1, the same for the same seed. */
function uniformFrom(seed: number): () => number {
  const random = xoroshiro128plus(seed);
  return () => (random.next() >>> 0) / 2 ** 32;
}
