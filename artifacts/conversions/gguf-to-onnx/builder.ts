import { type AttributeValue, attributes } from '../../../formats/onnx/attributes.js';
import { CONTRIB, constant, type OnnxNode, type OnnxTensor } from '../../../formats/onnx/model.js';

interface Call {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Of ONNX Runtime's operators instead of ONNX's own. */
  readonly contrib?: true;
  /** What outputs are called; left out = one, called as the node. */
  readonly outputs?: readonly string[];
}

/** Collects nodes and constants of a graph, each under a name that says its place. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly #numbers = new Map<string, string>();

  /**
   * Adds a node.
   * @param inputs names of values; '' = an optional one is left out.
   * @returns the name of its first output.
   */
  add(name: string, kind: string, inputs: readonly string[], call: Call = {}): string {
    const outputs = call.outputs ?? [name];
    const domain = call.contrib === true ? CONTRIB : '';
    this.nodes.push({ name, kind, domain, inputs, outputs, attributes: attributes(call.attributes ?? {}) });
    return outputs[0]!;
  }

  /** Adds a constant. @returns its name. */
  hold(tensor: OnnxTensor): string {
    this.constants.push(tensor);
    return tensor.name;
  }

  /** @returns the name of a constant of whole numbers, one for all that ask for the same. */
  integers(values: readonly number[] | number): string {
    const key = JSON.stringify(values);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const list = typeof values === 'number' ? [values] : values;
    const data = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    const name = `whole.${list.join('_')}${typeof values === 'number' ? '' : '.list'}`;
    this.#numbers.set(key, name);
    return this.hold(constant(name, 'i64', typeof values === 'number' ? [] : [list.length], () => [data]));
  }

  /** @returns the name of a constant number. */
  number(name: string, value: number): string {
    return this.hold(constant(name, 'f32', [], () => [new Uint8Array(Float32Array.of(value).buffer)]));
  }
}
