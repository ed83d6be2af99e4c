import { type Command, Option } from 'commander';
import { CONFIG_OPTION } from '../options/config.js';
import { collect } from '../options/values.js';

const CSV_ROWS = ['operators', 'points'] as const;
const CHARTS = ['roofline', 'tokens', 'time', 'memory'] as const;
type ChartKind = (typeof CHARTS)[number];

/** Lists as they were typed; `readAnalysisSpec` reads them, as it reads those of a file. */
export interface RooflineOptions {
  readonly file?: string;
  readonly model?: string;
  readonly hardware?: string;
  readonly batch?: string;
  readonly context?: string;
  readonly prompt?: string;
  readonly decodes?: string;
  readonly bits?: string;
  readonly flashAttention?: string;
  readonly attention?: string;
  readonly sparsity?: string;
  readonly kvCacheTypeK?: string;
  readonly kvCacheTypeV?: string;
  readonly adapterRank?: string;
  readonly adapters?: string;
  readonly tensorParallel?: string;
  readonly pipelineParallel?: string;
  readonly microBatches?: string;
  readonly expertParallel?: string;
  readonly distinctExperts?: string;
  readonly offload?: string;
  readonly tokensPerStep?: string;
  readonly draft?: string;
  readonly draftTokens?: string;
  readonly acceptance?: string;
  readonly generate?: string;
  readonly mode?: string;
  readonly list?: true;
  readonly json?: true;
  readonly csv?: (typeof CSV_ROWS)[number] | true;
  readonly svg?: string;
  readonly html?: string;
  readonly chart?: ChartKind;
  readonly models: readonly string[];
  readonly config?: string;
}

export function registerRoofline(program: Command): void {
  program
    .command('roofline')
    .description(
      'compute and memory traffic of a model on a device, operator by operator, and its minimum time; nothing is run.\n' +
        'Every option takes a list (1,2,4 or 1-64*2): all combinations are analysed',
    )
    .option('--file <file>', 'a file of kind Roofline; options override it')
    .option(
      '--model <names>',
      'builtin:NAME, GGUF file, config.json or its folder, synthetic:…, or a published name',
    )
    .option(
      '--hardware <names>',
      'devices of the catalogue (--list), or `this`: the measured roofs of this node',
    )
    .option('--batch <list>', 'sequences computed together, on all devices (default: 1)')
    .option(
      '--context <list>',
      'tokens of each sequence after the prefill (default: 2048, or what the model has)',
    )
    .option('--prompt <list>', 'new tokens in the prefill, at the end of the context (default: all)')
    .option('--decodes <list>', 'sequences that decode in the same pass as the prefill: a mixed batch')
    .option('--bits <list>', 'native, w4a16, w8a8kv8, wfp8afp8, or a quantization such as q4_k_m')
    .option('--flash-attention <list>', 'true, false or both (default: true)')
    .option('--kv-cache-type-k <list>', "type of cached keys, by ggml's name (default: as --bits says)")
    .option('--kv-cache-type-v <list>', 'the same of values')
    .option('--attention <list>', 'base, mqa, kv-heads:N, window:TOKENS, nsa (default: base)')
    .option('--sparsity <list>', 'none, 2:4, bitmap:0.5, csr:0.8: how pruned weights are packed')
    .option('--adapter-rank <list>', 'LoRA adapters beside the matrices, not merged (default: 0, none)')
    .option('--adapters <list>', 'different adapters in a batch (default: 1)')
    .option('--tensor-parallel <list>', 'devices that share each matrix (default: 1)')
    .option('--pipeline-parallel <list>', 'stages of layers, each on its device (default: 1)')
    .option('--micro-batches <list>', 'micro-batches that follow one another through the stages (default: 1)')
    .option('--expert-parallel <list>', 'devices that experts are spread over (default: 1)')
    .option('--distinct-experts <list>', 'distinct experts that a pass reads per layer, if measured')
    .option('--offload <list>', 'fraction of the layers whose weights stay in host memory (default: 0)')
    .option('--tokens-per-step <list>', 'tokens per sequence that a decode step verifies (default: 1)')
    .option('--draft <names>', 'draft model for speculative decoding')
    .option('--draft-tokens <list>', 'draft tokens per step (default: 4)')
    .option('--acceptance <list>', 'probability that a draft token is accepted, 0 to 1 (default: 0.8)')
    .option('--generate <list>', 'tokens to generate, for the total time')
    .option('--mode <list>', 'corrected, llm-viewer or both (default: corrected)')
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
    .option(...CONFIG_OPTION)
    .action(async (options: RooflineOptions) => {
      const { runRoofline } = await import('./roofline.js');
      await runRoofline(options);
    });
}
