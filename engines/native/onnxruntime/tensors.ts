/** ONNXTensorElementDataType: name and bits by number; null for what has no size or no numbers. */
export const ELEMENTS: Readonly<Record<number, { readonly name: ElementName; readonly bits: number }>> = {
  1: { name: 'float32', bits: 32 },
  2: { name: 'uint8', bits: 8 },
  3: { name: 'int8', bits: 8 },
  4: { name: 'uint16', bits: 16 },
  5: { name: 'int16', bits: 16 },
  6: { name: 'int32', bits: 32 },
  7: { name: 'int64', bits: 64 },
  9: { name: 'bool', bits: 8 },
  10: { name: 'float16', bits: 16 },
  11: { name: 'float64', bits: 64 },
  12: { name: 'uint32', bits: 32 },
  13: { name: 'uint64', bits: 64 },
  16: { name: 'bfloat16', bits: 16 },
  17: { name: 'float8e4m3fn', bits: 8 },
  18: { name: 'float8e4m3fnuz', bits: 8 },
  19: { name: 'float8e5m2', bits: 8 },
  20: { name: 'float8e5m2fnuz', bits: 8 },
  21: { name: 'uint4', bits: 4 },
  22: { name: 'int4', bits: 4 },
};

export type ElementName =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'uint4'
  | 'int4'
  | `float8${string}`;

/** An input or output of a graph, as its session tells it. */
export interface TensorInfo {
  readonly name: string;
  /** Number of the element type; null for what is no tensor. */
  readonly type: number | null;
  /** Sizes; a name or null stands for what is only known when it runs. */
  readonly shape: readonly (number | string | null)[];
}

/** @returns bytes of a tensor. */
export function tensorBytes(type: number, shape: readonly number[]): number {
  const elements = shape.reduce((product, size) => product * size, 1);
  return Math.ceil((elements * (ELEMENTS[type]?.bits ?? 0)) / 8);
}

/** @returns `float32[batch, 4]`, as sentences name it. */
export function spelled({ type, shape }: Omit<TensorInfo, 'name'>): string {
  if (type === null) return 'no tensor';
  return `${ELEMENTS[type]?.name ?? `type ${type}`}[${shape.map((size) => size ?? '?').join(', ')}]`;
}
