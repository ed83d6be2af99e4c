import { readFileSync } from 'node:fs';
import type { ProfiledOperator } from '../../../core/result/profile-record.js';
import { placeOfOnnxNode } from '../../../roofline/profile/onnx-nodes.js';

/** What ONNX Runtime writes of a node (core/framework/sequential_executor.cc); sizes in bytes, as text. */
interface NodeEvent {
  readonly name: string;
  readonly cat: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly provider?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly activation_size?: string;
    readonly parameter_size?: string;
    readonly output_size?: string;
  };
}

const SUFFIX = '_kernel_time';
/** They run graphs of their own, whose nodes are told as well. */
const CONTAINERS: readonly string[] = ['If', 'Loop', 'Scan'];

/**
 * Reads a profile, a line for each event.
 * @param weights bytes of the constants of each node, by name.
 * @returns the operators of each run, in order.
 */
export function readProfile(
  path: string,
  weights: ReadonlyMap<string, number> = new Map(),
): ProfiledOperator[][] {
  const [nodes, begins]: [NodeEvent[], number[]] = [[], []];
  for (const line of lines(readFileSync(path))) {
    const event = JSON.parse(line) as NodeEvent;
    if (event.cat === 'Node' && event.name.endsWith(SUFFIX)) nodes.push(event);
    if (event.cat === 'Session' && event.name === 'model_run') begins.push(event.ts);
  }
  // Releases differ in the order in which they write events: a node is of the last run that began before it.
  begins.sort((a, b) => a - b);
  const runs = begins.map((): NodeEvent[] => []);
  let at = 0;
  for (const node of nodes.sort((a, b) => a.ts - b.ts)) {
    while (at + 1 < begins.length && begins[at + 1]! <= node.ts) at++;
    runs[at]?.push(node);
  }
  return runs.map((own) => operatorsOf(own, weights));
}

/** Of a file that may be longer than a string. */
function* lines(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes
      .toString('utf8', start, end)
      .replace(/^\[|[,\]]\s*$/g, '')
      .trim();
    if (line.startsWith('{')) yield line;
    start = end + 1;
  }
}

function operatorsOf(nodes: readonly NodeEvent[], weights: ReadonlyMap<string, number>): ProfiledOperator[] {
  const inside = new Map<NodeEvent, number>();
  for (const outer of nodes.filter(({ args }) => CONTAINERS.includes(args.op_name ?? ''))) {
    const within = nodes.filter(
      (node) => node !== outer && node.ts >= outer.ts && node.ts + node.dur <= outer.ts + outer.dur,
    );
    const microseconds = within.reduce((sum, { dur }) => sum + dur, 0);
    inside.set(outer, microseconds);
  }
  return nodes.map((node) => {
    const { args, dur, name } = node;
    const op = args.op_name ?? 'unknown';
    const called = name.slice(0, -SUFFIX.length);
    const ranks = (args.input_type_shape ?? []).flatMap((input) =>
      Object.values(input).map(({ length }) => length),
    );
    const [flops, bytes] = [flopsOf(op, args), bytesOf(op, args, weights.get(called))];
    return {
      ...placeOfOnnxNode(called, op, ranks),
      op,
      calls: 1,
      seconds: Math.max(0, dur - (inside.get(node) ?? 0)) / 1e6,
      ...(bytes === null ? {} : { bytes }),
      ...(flops === null ? {} : { flops }),
      shape: shapeOf(args.input_type_shape ?? []),
      provider: args.provider ?? 'unknown',
    };
  });
}

/** Bits of the types that products are computed in, as profiles call them. */
const FLOAT_BITS: Readonly<Record<string, number>> = { float: 32, double: 64, float16: 16, bfloat16: 16 };

/**
 * Everything that goes in and comes out, once. Of a table that is gathered from, what is taken alone. Weights
 * that were laid out anew when the session began are told no more: they are those of the file, and without it
 * of plain products those of the shapes.
 * @returns null where they do not.
 */
function bytesOf(op: string, args: NodeEvent['args'], weights: number | undefined): number | null {
  const sizes = [args.activation_size, args.parameter_size, args.output_size];
  const [activations = 0, parameters = 0, outputs = 0] = sizes.map((size) => Number(size ?? 0));
  if (op === 'Gather' || op === 'GatherBlockQuantized') return 2 * outputs;
  const product = productOf(op, args);
  if (product === null || !product.hidden) return activations + parameters + outputs;
  if (weights !== undefined && weights > 0) return activations + weights + outputs;
  const bits = FLOAT_BITS[product.type] ?? null;
  if (bits === null || !PLAIN_PRODUCTS.includes(op)) return null;
  return activations + parameters + outputs + (product.inner * product.columns * bits) / 8;
}

const PLAIN_PRODUCTS: readonly string[] = ['MatMul', 'FusedMatMul', 'Gemm'];

/** Products with a matrix: two operations for each of its elements and each row. */
function flopsOf(op: string, args: NodeEvent['args']): number | null {
  const product = productOf(op, args);
  return product === null ? null : 2 * product.inner * product.outputs;
}

/**
 * @returns what a product sums over, its columns and numbers, and whether its matrix is not told; null for
 *   what is none.
 */
function productOf(op: string, args: NodeEvent['args']) {
  if (!/^(Fused|Quantized|Dynamic)*(Quantize)?MatMul|^Gemm$/.test(op)) return null;
  const [input] = Object.entries(args.input_type_shape?.[0] ?? {});
  const [output] = Object.values(args.output_type_shape?.[0] ?? {});
  const [inner, columns] = [input?.[1].at(-1), output?.at(-1)];
  if (input === undefined || output === undefined || inner === undefined || columns === undefined)
    return null;
  const hidden = (args.input_type_shape?.length ?? 0) < 2;
  return { type: input[0], inner, columns, outputs: output.reduce((a, b) => a * b, 1), hidden };
}

/** `float 1×12×128, float 128×4096` */
function shapeOf(inputs: NonNullable<NodeEvent['args']['input_type_shape']>): string {
  return inputs
    .flatMap((input) => Object.entries(input))
    .map(([type, shape]) => `${type} ${shape.length === 0 ? '1' : shape.join('×')}`)
    .join(', ');
}
