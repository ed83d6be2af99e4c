/**
 * The formats that model files come in, each with the ending of its files' names. What is known of a format
 * beside its name is its entry in formats/, which this list forces to be there.
 */
export const MODEL_FORMATS = {
  gguf: '.gguf',
  // A folder with a graph has a config, too, as one of safetensors does.
  onnx: '.onnx',
  safetensors: '.safetensors',
} as const;

export type ModelFormat = keyof typeof MODEL_FORMATS;

/** In the order of the list. */
export const FORMAT_NAMES = Object.keys(MODEL_FORMATS) as [ModelFormat, ...ModelFormat[]];

/** @returns whether a file is of a format by its name alone; what it holds is asked of formats/. */
export function isNamedAs(format: ModelFormat, path: string): boolean {
  return path.toLowerCase().endsWith(MODEL_FORMATS[format]);
}

/** @returns a name without the ending that model files have; one without it as it is. */
export function withoutEnding(path: string): string {
  const format = FORMAT_NAMES.find((name) => isNamedAs(name, path));
  return format === undefined ? path : path.slice(0, -MODEL_FORMATS[format].length);
}
