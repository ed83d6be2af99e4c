import type { ModelFormat } from './formats.js';

/** What is asked of a model before it is converted; null = its format does not say it. */
export interface Convertible {
  readonly format: ModelFormat;
  readonly architecture: string | null;
  /** Type or method of most weights. */
  readonly quantization: string | null;
  /** Of a layer; 0 = it is dense. Left out where nobody says. */
  readonly experts?: number | undefined;
}

/**
 * How a model of one format is made of one of another; the work itself is a folder of that name in
 * artifacts/conversions/.
 */
export interface Conversion {
  readonly from: ModelFormat;
  readonly to: ModelFormat;
  /**
   * @returns why there is no such form of a model; null where there is, as far as can be told before it is
   *   opened.
   */
  readonly flaw: (model: Convertible) => string | null;
  /** What is written: one file, or a folder of files. */
  readonly writes: 'file' | 'folder';
  /**
   * Whether what the input was made of, in the format that is written, is asked for what it says beside its
   * weights.
   */
  readonly takesBase: boolean;
  /** @returns what the conversion after it is asked about. */
  readonly becomes: (model: Convertible) => Convertible;
  /** @returns about what comes of so many bytes. */
  readonly bytes: (inputBytes: number) => number;
}

/**
 * Models of folders that llama.cpp has a graph of: the `model_type` of their config, and the
 * `general.architecture` of their GGUF file. Each has a file in
 * artifacts/conversions/safetensors-to-gguf/architectures/, which this table forces to be there.
 */
export const FILE_ARCHITECTURES = {
  llama: 'llama',
  mistral: 'llama',
  mixtral: 'llama',
  qwen2: 'qwen2',
  qwen2_moe: 'qwen2moe',
  qwen3: 'qwen3',
  qwen3_moe: 'qwen3moe',
  gemma2: 'gemma2',
  gemma3: 'gemma3',
  gemma3_text: 'gemma3',
  phi3: 'phi3',
  smollm3: 'smollm3',
  olmo2: 'olmo2',
  deepseek_v2: 'deepseek2',
  deepseek_v3: 'deepseek2',
  gpt_oss: 'gpt-oss',
  bert: 'bert',
} as const;
export type FolderArchitecture = keyof typeof FILE_ARCHITECTURES;
export const FOLDER_ARCHITECTURES = Object.keys(FILE_ARCHITECTURES) as FolderArchitecture[];

export function isFolderArchitecture(name: string): name is FolderArchitecture {
  return Object.hasOwn(FILE_ARCHITECTURES, name);
}

/**
 * @returns what a GGUF file of a model says it is, also of a folder that one is made of; null = nobody says
 *   it.
 */
export function fileArchitecture({
  format,
  architecture,
}: Pick<Convertible, 'format' | 'architecture'>): string | null {
  const isFolder = format === 'safetensors' && architecture !== null && isFolderArchitecture(architecture);
  return isFolder ? FILE_ARCHITECTURES[architecture] : architecture;
}

/** Types of weights in folders that are read as numbers, as safetensors calls them, in lower case. */
const FLOATS: readonly string[] = ['f32', 'f16', 'bf16'];
/** What is written as it is. */
const KEPT: readonly string[] = ['mxfp4'];
/** What is a folder's own form of a GGUF file's type, by the architecture of the file. */
const KEPT_BACK: Readonly<Record<string, string>> = { 'gpt-oss': 'mxfp4_moe' };

/** Models of GGUF files that a folder is made of, by their `general.architecture`. */
export const WRITTEN_ARCHITECTURES = [
  'llama',
  'qwen2',
  'qwen2moe',
  'qwen3',
  'qwen3moe',
  'gemma2',
  'gemma3',
  'phi3',
  'smollm3',
  'olmo2',
  'deepseek2',
  'gpt-oss',
  'bert',
] as const;

/** Decoders that an ONNX graph is built of, by the architecture that their GGUF file says. */
const GRAPH_ARCHITECTURES = ['llama', 'smollm3', 'qwen2', 'qwen3', 'gemma'] as const;
export type GraphArchitecture = (typeof GRAPH_ARCHITECTURES)[number];

/** Types of GGUF tensors that an ONNX graph holds to the last bit. */
export const GRAPH_WEIGHTS: readonly string[] = [...FLOATS, 'q4_0', 'q8_0'];

const CONVERSIONS = {
  'safetensors-to-gguf': {
    from: 'safetensors',
    to: 'gguf',
    writes: 'file',
    takesBase: false,
    flaw({ architecture, quantization }) {
      if (architecture === null) return 'its config does not say its model_type';
      if (!isFolderArchitecture(architecture))
        return `a model of the type ${architecture} has no GGUF form here: ${FOLDER_ARCHITECTURES.join(', ')} have one`;
      if (quantization !== null && ![...FLOATS, ...KEPT].includes(quantization))
        return `its weights are quantized (${quantization}), and GGUF files are made of ${FLOATS.join(', ')}; \`ridge models convert --dequantize\` writes the floats that they stand for`;
      return null;
    },
    becomes: (model) => ({ ...model, format: 'gguf', architecture: fileArchitecture(model) }),
    bytes: (inputBytes) => inputBytes,
  },
  'gguf-to-onnx': {
    from: 'gguf',
    to: 'onnx',
    writes: 'folder',
    takesBase: false,
    flaw({ architecture, quantization, experts = 0 }) {
      const built = GRAPH_ARCHITECTURES.join(', ');
      if (architecture !== null && !GRAPH_ARCHITECTURES.some((known) => known === architecture))
        return `no graph is built of ${architecture}: ${built} have one`;
      // Mixtral's file says llama.
      if (experts > 0) return `no graph is built of mixtures of experts: dense models of ${built} have one`;
      if (quantization !== null && !GRAPH_WEIGHTS.includes(quantization))
        return `its weights are ${quantization}, and graphs hold ${GRAPH_WEIGHTS.join(', ')}: give its float file`;
      return null;
    },
    becomes: (model) => ({ ...model, format: 'onnx' }),
    // Floats become f32, a tied matrix is written twice.
    bytes: (inputBytes) => 2 * inputBytes,
  },
  'gguf-to-safetensors': {
    from: 'gguf',
    to: 'safetensors',
    writes: 'folder',
    takesBase: true,
    flaw({ architecture, quantization }) {
      if (architecture !== null && !WRITTEN_ARCHITECTURES.some((known) => known === architecture))
        return `no folder is made of ${architecture}: of ${WRITTEN_ARCHITECTURES.join(', ')} one is`;
      const back = architecture === null ? undefined : KEPT_BACK[architecture];
      if (quantization !== null && !FLOATS.includes(quantization) && quantization !== back)
        return `its weights are ${quantization}, and folders hold ${FLOATS.join(', ')}; \`ridge models convert --to safetensors --dequantize\` writes the floats that they stand for`;
      return null;
    },
    becomes: (model) => ({ ...model, format: 'safetensors' }),
    bytes: (inputBytes) => inputBytes,
  },
} as const satisfies Readonly<Record<string, Conversion>>;

export type ConversionName = keyof typeof CONVERSIONS;
export const CONVERSION_NAMES = Object.keys(CONVERSIONS) as ConversionName[];

/** Formats that some conversion leads to. */
export const CONVERTED_TO: readonly ModelFormat[] = [
  ...new Set(CONVERSION_NAMES.map((name) => CONVERSIONS[name].to)),
];

/** @returns whether a model of a format is written as a folder. */
export function isWrittenAsFolder(format: ModelFormat): boolean {
  return CONVERSION_NAMES.some(
    (name) => CONVERSIONS[name].to === format && CONVERSIONS[name].writes === 'folder',
  );
}

/** @returns whether a model of a format can be written with the tokenizer and the settings of a base. */
export function isWrittenWithBase(format: ModelFormat): boolean {
  return CONVERSION_NAMES.some((name) => CONVERSIONS[name].to === format && CONVERSIONS[name].takesBase);
}

export function conversionNamed(name: ConversionName): Conversion {
  return CONVERSIONS[name];
}

/**
 * @returns the fewest conversions that lead from a format to one of others, in order: none where it is one of
 *   them already, null where there is no way.
 */
export function wayTo(from: ModelFormat, to: readonly ModelFormat[]): readonly ConversionName[] | null {
  const ways: { readonly at: ModelFormat; readonly way: readonly ConversionName[] }[] = [
    { at: from, way: [] },
  ];
  const seen = new Set<ModelFormat>([from]);
  for (const { at, way } of ways) {
    if (to.includes(at)) return way;
    for (const name of CONVERSION_NAMES) {
      const { from: start, to: end } = conversionNamed(name);
      if (start !== at || seen.has(end)) continue;
      seen.add(end);
      ways.push({ at: end, way: [...way, name] });
    }
  }
  return null;
}

/**
 * @returns why a model can neither be opened as it is by what opens these formats, nor be converted for it,
 *   as the end of a sentence that begins with the model; null where it can.
 */
export function unopenable(model: Convertible, opens: readonly ModelFormat[]): string | null {
  const way = wayTo(model.format, opens);
  const refused = `is ${model.format}, of which ${opens.join(' or ')} cannot be made`;
  if (way === null) return refused;
  let at = model;
  for (const name of way) {
    const { flaw, becomes } = conversionNamed(name);
    const why = flaw(at);
    if (why !== null) return `${refused}: ${why}`;
    at = becomes(at);
  }
  return null;
}
