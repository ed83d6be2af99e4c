import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { scaleOf } from '../../core/techniques/adapters/scale.js';
import { unusable } from '../../formats/adapters/base.js';
import { shown } from '../../formats/format.js';
import { type ModulePattern, modulePattern, type Steps } from './pattern.js';

/** The two files of a PEFT folder. */
export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';
const MAX_CONFIG_BYTES = 2 ** 20;

const count = z.number().int().positive().max(1_048_576);
const pattern = z.record(z.string(), z.number()).nullish();
const configSchema = z.object({
  peft_type: z.string(),
  r: count,
  lora_alpha: z.number().default(8),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  lora_bias: z.boolean().nullish(),
  bias: z.string().nullish(),
  rank_pattern: pattern,
  alpha_pattern: pattern,
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  trainable_token_indices: z.unknown().optional(),
  alora_invocation_tokens: z.unknown().optional(),
  use_qalora: z.boolean().nullish(),
  layer_replication: z.unknown().optional(),
  save_projection: z.boolean().nullish(),
});

export type PeftConfig = z.infer<typeof configSchema>;

/** What an adapter's initialization did to the base: nothing, or something that has to be taken off again. */
export type Initialization = 'plain' | 'pissa' | 'olora' | 'other';

/**
 * @throws FailureError `model-unreadable` with what is wrong, or what this adapter does that no low-rank
 *   change can say.
 */
export function readPeftConfig(folder: string, source: string): PeftConfig {
  const config = parsed(join(folder, CONFIG_FILE), source);
  const { peft_type: type } = config;
  if (type !== 'LORA' && type !== 'VERA') {
    const hint = 'LORA (with use_rslora, use_dora, PiSSA, OLoRA) and VERA can be read.';
    throw unusable(source, `its peft_type is ${shown(type)}`, hint);
  }
  const flaw = unsupportedFeature(config);
  if (flaw !== null) throw unusable(source, flaw, 'Merge it with peft itself and use the merged model.');
  return config;
}

function parsed(path: string, source: string): PeftConfig {
  if (statSync(path).size > MAX_CONFIG_BYTES)
    throw unusable(source, `its ${CONFIG_FILE} is too large for one`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw unusable(source, `its ${CONFIG_FILE} is no JSON`);
  }
  const result = configSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unusable(source, `in its ${CONFIG_FILE}, ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`);
}

/** What a config asks for beside W + scale · B · A. */
function unsupportedFeature(config: PeftConfig): string | null {
  if (config.fan_in_fan_out === true) return 'its matrices are transposed (fan_in_fan_out)';
  if (config.lora_bias === true || (config.bias ?? 'none') !== 'none') return 'it changes biases as well';
  if ((config.modules_to_save?.length ?? 0) > 0)
    return `it replaces whole modules (modules_to_save: ${config.modules_to_save!.map(shown).join(', ')})`;
  if (config.trainable_token_indices != null)
    return 'it replaces rows of the embedding (trainable_token_indices)';
  if (config.alora_invocation_tokens != null)
    return 'it is an activated LoRA, which acts only after certain tokens';
  if (config.layer_replication != null) return 'it runs layers more than once (layer_replication)';
  if (config.use_qalora === true) return 'it pools its inputs by groups (use_qalora)';
  if (config.init_lora_weights === 'loftq')
    return 'it was made for a base that LoftQ changed and that the folder does not hold';
  return null;
}

export function initializationOf({ init_lora_weights: written }: PeftConfig): Initialization {
  if (typeof written !== 'string') return 'plain';
  const name = written.toLowerCase();
  // With `pissa_niter_N` peft begins from an approximation by random vectors, which nobody can make again.
  if (name === 'pissa') return 'pissa';
  if (name === 'olora') return 'olora';
  return /^(pissa|corda|lora_ga|milora)/.test(name) ? 'other' : 'plain';
}

/**
 * @returns rank and scale that the config gives to a module. @throws FailureError for a pattern that is none.
 */
export function expectedOf(config: PeftConfig, module: string, source: string): Expected {
  const rank = lookUp(config.rank_pattern, module, config.r, source);
  const alpha = lookUp(config.alpha_pattern, module, config.lora_alpha, source);
  return { rank, scale: scaleOf(alpha, rank, config.use_rslora === true) };
}

/** What a config says of one module. */
export interface Expected {
  readonly rank: number;
  readonly scale: number;
}

/** Patterns of one table; models of adaptive ranks have one for each of several hundred modules. */
const MAX_PATTERNS = 5000;
/**
 * Steps of all look-ups in one table: about a second. Several hundred patterns and modules take some ten
 * million.
 */
const MAX_STEPS = 100_000_000;

type Written = PeftConfig['rank_pattern'];

interface Table {
  readonly patterns: readonly (readonly [ModulePattern, number])[];
  readonly steps: Steps;
}

const tables = new WeakMap<object, Table>();

/** peft, utils/other.py, get_pattern_key: the first pattern that matches the end of the name. */
function lookUp(written: Written, module: string, fallback: number, source: string): number {
  if (written === null || written === undefined) return fallback;
  const table = tables.get(written) ?? tableOf(written, source);
  tables.set(written, table);
  try {
    return table.patterns.find(([matches]) => matches(module, table.steps))?.[1] ?? fallback;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw unusable(source, 'its patterns for ranks take more time than those of any model need');
  }
}

/**
 * A pattern comes from a stranger: how many there are, how long they are and what they may ask is bounded.
 */
function tableOf(written: NonNullable<Written>, source: string): Table {
  const entries = Object.entries(written);
  if (entries.length > MAX_PATTERNS) {
    throw unusable(source, `it has ${entries.length} patterns for ranks; ${MAX_PATTERNS} are the most`);
  }
  const patterns = entries.map(([key, value]) => {
    const pattern = modulePattern(key);
    if (pattern === null)
      throw unusable(source, `its pattern ${shown(key)} is not one that module names need`);
    return [pattern, value] as const;
  });
  return { patterns, steps: { left: MAX_STEPS } };
}
