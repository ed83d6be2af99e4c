import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { productsOf } from '../../../formats/onnx/products.js';
import { type OnnxFile, readOnnx } from '../../../formats/onnx/reader.js';

/** Two graphs of the same floats: constants of the products of one that are other bytes, or not there, in the other. */
export interface Compared {
  readonly constants: number;
  readonly different: readonly string[];
}

/** Has ONNX Runtime's quantizer make the file. @param python an interpreter with onnx and onnxruntime. */
export function quantizedByOthers(
  python: string,
  source: string,
  target: string,
  bits: number,
  symmetric: boolean,
): void {
  const script = join(import.meta.dirname, 'quantizer.py');
  execFileSync(python, [script, source, target, String(bits), String(symmetric)], {
    stdio: ['ignore', 2, 2],
  });
}

/** Compares what products take: quants, scales and zero points, product by product. */
export async function compare(ours: string, theirs: string): Promise<Compared> {
  const [a, b] = [readOnnx(ours), readOnnx(theirs)];
  const [first, second] = [a, b].map(({ graph }) =>
    productsOf(graph).filter(({ node }) => node.kind === 'MatMulNBits'),
  );
  const different: string[] = [];
  let constants = 0;
  for (const [i, { node }] of first!.entries()) {
    const other = second?.[i]?.node.inputs ?? [];
    for (const [at, name] of node.inputs.slice(1).entries()) {
      constants++;
      const [mine, its] = await Promise.all([bytesOf(a, name), bytesOf(b, other[at + 1] ?? '')]);
      if (its === null || mine?.equals(its) !== true) different.push(name);
    }
  }
  if (first?.length !== second?.length) different.push(`${first?.length} and ${second?.length} products`);
  return { constants, different };
}

async function bytesOf({ graph }: OnnxFile, name: string): Promise<Buffer | null> {
  const data = graph.constants.find((one) => one.name === name)?.data;
  if (data === null || data === undefined) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of data()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
