import { type Command, Option } from 'commander';
import type { PointField } from '../../roofline/analysis/point.js';
import { CONFIG_OPTION } from '../options/config.js';
import { collect } from '../options/values.js';

const CSV_ROWS = ['operators', 'points'] as const;
const CHARTS = ['roofline', 'tokens', 'time', 'memory'] as const;

/** The option that gives each field of a point its list, in the order of the help. */
export const FIELD_OPTIONS = {
  model: [
    '--model <names>',
    'builtin:NAME, GGUF file, config.json or its folder, synthetic:…, or a published name',
  ],
  hardware: [
    '--hardware <names>',
    'devices of the catalogue (--list), or `this`: the measured roofs of this node',
  ],
  engine: [
    '--engine <names>',
    'vllm, sglang, trtllm, each also as NAME@RELEASE: predicted times beside the roofs',
  ],
  batch: ['--batch <list>', 'sequences computed together, on all devices (default: 1)'],
  context: [
    '--context <list>',
    'tokens of each sequence after the prefill (default: 2048, or what the model has)',
  ],
  promptTokens: ['--prompt <list>', 'new tokens in the prefill, at the end of the context (default: all)'],
  decodes: ['--decodes <list>', 'sequences that decode in the same pass as the prefill: a mixed batch'],
  bits: ['--bits <list>', 'native, w4a16, w8a8kv8, wfp8afp8, fp8, nvfp4, or a quantization such as q4_k_m'],
  flashAttention: ['--flash-attention <list>', 'true, false or both (default: true)'],
  kvCacheTypeK: ['--kv-cache-type-k <list>', "type of cached keys, by ggml's name (default: as --bits says)"],
  kvCacheTypeV: ['--kv-cache-type-v <list>', 'the same of values'],
  attention: ['--attention <list>', 'base, mqa, kv-heads:N, window:TOKENS, nsa (default: base)'],
  sparsity: ['--sparsity <list>', 'none, 2:4, bitmap:0.5, csr:0.8: how pruned weights are packed'],
  adapterRank: ['--adapter-rank <list>', 'LoRA adapters beside the matrices, not merged (default: 0, none)'],
  adapters: ['--adapters <list>', 'different adapters in a batch (default: 1)'],
  tensorParallel: ['--tensor-parallel <list>', 'devices that share each matrix (default: 1)'],
  pipelineParallel: ['--pipeline-parallel <list>', 'stages of layers, each on its device (default: 1)'],
  microBatches: [
    '--micro-batches <list>',
    'micro-batches that follow one another through the stages (default: 1)',
  ],
  expertParallel: ['--expert-parallel <list>', 'devices that experts are spread over (default: 1)'],
  distinctExperts: ['--distinct-experts <list>', 'distinct experts that a pass reads per layer, if measured'],
  offload: ['--offload <list>', 'fraction of the layers whose weights stay in host memory (default: 0)'],
  tokensPerStep: ['--tokens-per-step <list>', 'tokens per sequence that a decode step verifies (default: 1)'],
  draft: ['--draft <names>', 'draft model for speculative decoding'],
  draftTokens: ['--draft-tokens <list>', 'draft tokens per step (default: 4)'],
  acceptance: ['--acceptance <list>', 'probability that a draft token is accepted, 0 to 1 (default: 0.8)'],
  generateTokens: ['--generate <list>', 'tokens to generate, for the total time'],
  mode: ['--mode <list>', 'corrected, llm-viewer or both (default: corrected)'],
} as const satisfies Readonly<Record<PointField, readonly [flags: string, help: string]>>;

/** What is to be analysed, and where what it names is looked for. */
export interface AnalysisRequest {
  /** As they were typed: `readAnalysisSpec` reads them, as it reads those of a file. */
  readonly lists: Readonly<Partial<Record<PointField, string>>>;
  /** A file of kind Roofline whose values lists replace; null = none. */
  readonly file: string | null;
  /** Folders that models are looked for in. */
  readonly folders: readonly string[];
  readonly config: string | undefined;
  /** A file of `ridge factors --calibrate`; left out = the engine's own times. */
  readonly calibration: string | undefined;
}

/** What is written of an analysis: one way to stdout, and files. */
export interface RooflineOutput {
  readonly print: 'text' | 'json' | (typeof CSV_ROWS)[number];
  /** Paths; null = none. */
  readonly svg: string | null;
  readonly html: string | null;
  /** What the SVG shows; null = the roofline of one point, tokens/s of several. */
  readonly chart: (typeof CHARTS)[number] | null;
}

/**
 * The words of the command as commander gives them: beside those of FIELD_OPTIONS, by the names of their
 * flags.
 */
interface Words extends Readonly<Record<string, unknown>> {
  readonly list?: true;
  readonly json?: true;
  readonly csv?: (typeof CSV_ROWS)[number] | true;
  readonly svg?: string;
  readonly html?: string;
  readonly chart?: (typeof CHARTS)[number];
  readonly models: readonly string[];
  readonly config?: string;
  readonly calibration?: string;
}

export function registerRoofline(program: Command): void {
  const command = program
    .command('roofline')
    .description(
      'compute and memory traffic of a model on a device, operator by operator, and its minimum time; nothing is run.\n' +
        'Every option takes a list (1,2,4 or 1-64*2): all combinations are analysed',
    )
    .argument('[file]', 'a file of kind Roofline; options override it');
  for (const [flags, help] of Object.values(FIELD_OPTIONS)) command.option(flags, help);
  command
    .option('--list', 'list the devices and the published models')
    .addOption(
      new Option('--csv [rows]', 'print CSV: a row per operator, or per point').choices([...CSV_ROWS]),
    )
    .option('--json', 'print JSON')
    .option('--svg <file>', 'write a chart as SVG')
    .option('--html <file>', 'write a page with chart and tables')
    .addOption(
      new Option(
        '--chart <kind>',
        'what the chart shows (default: the roofline of one point, tokens/s of several)',
      ).choices([...CHARTS]),
    )
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option('--calibration <file>', 'with --engine: what the host takes, of `ridge factors --calibrate`')
    .option(...CONFIG_OPTION)
    .action(async (file: string | undefined, options: Words) => {
      if (options.list === true) {
        const { listKnown } = await import('./list.js');
        listKnown(options.json === true);
        return;
      }
      const { runRoofline } = await import('./roofline.js');
      await runRoofline(requestOf(file, options), outputOf(options));
    });
}

function requestOf(file: string | undefined, options: Words): AnalysisRequest {
  const lists = Object.entries(FIELD_OPTIONS).flatMap(([field, [flags, help]]) => {
    const list = options[new Option(flags, help).attributeName()];
    return list === undefined ? [] : [[field, list]];
  });
  const { models: folders, config, calibration } = options;
  return {
    lists: Object.fromEntries(lists),
    file: file ?? null,
    folders,
    config,
    calibration,
  };
}

function outputOf({ json, csv, svg, html, chart }: Words): RooflineOutput {
  const rows = csv === true ? 'operators' : csv;
  return {
    print: json === true ? 'json' : (rows ?? 'text'),
    svg: svg ?? null,
    html: html ?? null,
    chart: chart ?? null,
  };
}
