import { assemble, type DecoderNumbers, type StoredBits } from './assemble.js';
import { storedBits } from './config-bits.js';
import { ConfigFile } from './config-file.js';
import { GPT_FAMILIES } from './config-gpt.js';
import { HYBRID_FAMILIES } from './config-hybrid.js';
import { LLAMA_FAMILIES } from './config-llama.js';
import { MIXTURE_FAMILIES } from './config-mixture.js';
import { type ArchitectureReading, reading, Unreadable, unknownFamily } from './reading.js';

/** Reads the numbers of one `model_type`. */
export type FamilyReader = (config: ConfigFile) => Omit<DecoderNumbers, 'family'>;

const CONFIG_FAMILIES: ReadonlyMap<string, FamilyReader> = new Map([
  ...LLAMA_FAMILIES,
  ...GPT_FAMILIES,
  ...MIXTURE_FAMILIES,
  ...HYBRID_FAMILIES,
]);

/**
 * Reads an architecture from a parsed config.json as Hugging Face's transformers writes it.
 * @param bits how weights are stored; what is left out is as the config says (`torch_dtype`,
 *   `quantization_config`).
 */
export function architectureFromConfig(values: unknown, bits: Partial<StoredBits> = {}): ArchitectureReading {
  return reading(() => {
    const whole = new ConfigFile(values);
    const config = whole.nested('text_config') ?? whole;
    const family = config.text('model_type') ?? whole.text('model_type');
    if (family === null) throw new Unreadable('the config does not say its model_type');
    const read = CONFIG_FAMILIES.get(family);
    if (read === undefined) throw unknownFamily('model_type', family, [...CONFIG_FAMILIES.keys()]);
    const numbers = checked({ family, ...read(config), leftOut: leftOutOf(whole, config) });
    return assemble(numbers, { ...storedBits(whole), ...bits });
  });
}

/** Keys that say how many layers a model has that guess tokens after the next one. */
const GUESSING_LAYERS = ['num_nextn_predict_layers', 'mtp_num_hidden_layers', 'num_mtp_modules'];

/** What was published with a model and takes no part in a pass of text. */
function leftOutOf(whole: ConfigFile, config: ConfigFile): string[] {
  const guessing = GUESSING_LAYERS.reduce((most, key) => Math.max(most, config.number(key, 0)), 0);
  return [
    ...(guessing === 0
      ? []
      : [`${guessing} ${guessing === 1 ? 'layer' : 'layers'} of multi-token prediction`]),
    ...(whole.nested('vision_config') === null ? [] : ['what sees images']),
  ];
}

/** Shapes that contradict each other. */
function checked(numbers: DecoderNumbers): DecoderNumbers {
  const { attention, layers, experts } = numbers;
  if (layers > 4096)
    throw new Unreadable(`the config claims ${layers} layers; 4096 is the most there can be`);
  if (attention.kind === 'dot-product') {
    const { heads, kvHeads, headLength } = attention;
    if (!Number.isInteger(headLength))
      throw new Unreadable(
        `${heads} heads do not divide ${numbers.embedding} elements, and the config says no head_dim`,
      );
    if (heads % kvHeads !== 0)
      throw new Unreadable(`${heads} heads cannot share ${kvHeads} key/value heads evenly`);
  }
  if (experts && experts.usedPerToken > experts.count)
    throw new Unreadable(`${experts.usedPerToken} experts are used of ${experts.count}`);
  return numbers;
}
