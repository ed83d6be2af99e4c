import { type Fields, fieldsOf, listIn, textIn } from '../config-json.js';

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LINES_AND_BLANKS = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const MARKS = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const WORD = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;

const LLAMA3_WORDS = String.raw`${CONTRACTIONS}|${WORD}|\p{N}{1,3}|${MARKS}|${LINES_AND_BLANKS}`;
export const QWEN2_WORDS = String.raw`${CONTRACTIONS}|${WORD}|\p{N}|${MARKS}|${LINES_AND_BLANKS}`;
const QWEN35_WORDS = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${LINES_AND_BLANKS}`;
const SEED_CODER_WORDS = String.raw`${CONTRACTIONS}|${WORD}|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|${LINES_AND_BLANKS}`;
/** Words that begin with capitals, and words that have one in the middle, are cut alike. */
const cased = (end: string) =>
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+${end}|[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*${end}`;
const AFTER_WORDS = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|${LINES_AND_BLANKS}`;
const GPT4O_WORDS = String.raw`${cased(`${CONTRACTIONS}?`)}|\p{N}{1,3}|${AFTER_WORDS}`;
const TEKKEN_WORDS = String.raw`${cased('')}|\p{N}|${AFTER_WORDS}`;
const DEEPSEEK3_WORDS = [
  String.raw`\p{N}{1,3}`,
  '[一-龥぀-ゟ゠-ヿ]+',
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${LINES_AND_BLANKS}`,
];

/** A step of tokenizer.json in short, so that two ways to write one compare equal. */
const split = (regex: string) => `split ${regex}`;
const GPT2_WORDS = 'words of GPT-2';
const DIGITS = 'single digits';

/** A way to cut text into words. */
interface Known {
  /** As llama.cpp calls it; the first is what a model is said to have, the others are cut alike. */
  readonly names: readonly [string, ...string[]];
  readonly steps: readonly string[];
  /** Words that are tokens are not merged of smaller ones. */
  readonly ignoresMerges: boolean;
  /** llama.cpp's rule knows capitals of ASCII alone, and no marks. */
  readonly nearly?: true;
}

/** Those of llama.cpp that published tokenizers name in one way (src/llama-vocab.cpp of its repository). */
const KNOWN: readonly Known[] = [
  {
    names: [
      'gpt-2',
      'phi-2',
      'olmo',
      'mpt',
      'jais',
      'trillion',
      'granite-docling',
      'exaone4',
      'gigachat',
      'a.x-4.0',
      'mellum',
      'modern-bert',
      'roberta-bpe',
      'jina-v1-en',
      'jina-v2-es',
      'jina-v2-de',
      'jina-v2-code',
    ],
    steps: [GPT2_WORDS],
    ignoresMerges: false,
  },
  {
    names: ['starcoder', 'smollm', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    steps: [DIGITS, GPT2_WORDS],
    ignoresMerges: false,
  },
  {
    names: [
      'llama-bpe',
      'llama3',
      'llama-v3',
      'falcon3',
      'falcon-h1',
      'pixtral',
      'midm-2.0',
      'lfm2',
      'jina-v5-nano',
    ],
    steps: [split(LLAMA3_WORDS)],
    ignoresMerges: true,
  },
  { names: ['smaug-bpe', 'dbrx', 'glm4', 'chatglm-bpe'], steps: [split(LLAMA3_WORDS)], ignoresMerges: false },
  {
    names: [
      'qwen2',
      'deepseek-r1-qwen',
      'kormo',
      'f2llmv2',
      'megrez',
      'stablelm2',
      'hunyuan',
      'solar-open',
      'grok-2',
    ],
    steps: [split(QWEN2_WORDS)],
    ignoresMerges: false,
  },
  { names: ['qwen35'], steps: [split(QWEN35_WORDS)], ignoresMerges: false },
  { names: ['seed-coder'], steps: [split(SEED_CODER_WORDS)], ignoresMerges: false },
  {
    names: ['gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'],
    steps: [split(GPT4O_WORDS)],
    ignoresMerges: false,
    nearly: true,
  },
  { names: ['tekken'], steps: [split(TEKKEN_WORDS)], ignoresMerges: true, nearly: true },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm'],
    steps: DEEPSEEK3_WORDS.map(split),
    ignoresMerges: false,
  },
];

/**
 * Tells a pre-tokenizer by what tokenizer.json says that it does.
 * @param ignoresMerges of its model.
 * @returns llama.cpp's name of one that cuts text in the same way; null = it has none.
 */
export function knownBySteps(preTokenizer: unknown, ignoresMerges: boolean): string | null {
  const steps = JSON.stringify(stepsOf(fieldsOf(preTokenizer)));
  const same = KNOWN.filter((known) => JSON.stringify(known.steps) === steps);
  return same.find((known) => known.ignoresMerges === ignoresMerges)?.names[0] ?? null;
}

interface PublishedSteps {
  readonly preTokenizer: Fields;
  readonly ignoresMerges: boolean;
  /** llama.cpp puts a token before a text where the file does not say that it should not. */
  readonly beginsTexts: boolean;
}

/** @returns what tokenizer.json says of one that llama.cpp calls so; null where that is not known. */
export function publishedSteps(name: string): PublishedSteps | null {
  const known = KNOWN.find(({ names }) => names.includes(name));
  if (known === undefined) return null;
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  const parts = known.steps.map((step): Fields => {
    if (step === GPT2_WORDS) return { ...bytes, use_regex: true };
    if (step === DIGITS) return { type: 'Digits', individual_digits: true };
    const pattern = { Regex: step.slice(split('').length) };
    return { type: 'Split', pattern, behavior: 'Isolated', invert: false };
  });
  if (!known.steps.includes(GPT2_WORDS)) parts.push({ ...bytes, use_regex: false });
  return {
    preTokenizer: parts.length === 1 ? parts[0]! : { type: 'Sequence', pretokenizers: parts },
    ignoresMerges: known.ignoresMerges,
    // The families that ignore merges are those that begin texts, too.
    beginsTexts: known.ignoresMerges,
  };
}

/**
 * Whether llama.cpp cuts words of other scripts than ASCII otherwise than published tokenizers of that name.
 */
export function cutsNearly(name: string): boolean {
  return KNOWN.some((known) => known.nearly === true && known.names.includes(name));
}

/** Whether text is turned into bytes, each with a letter of its own, before pairs are merged. */
export function isByteLevel(tokenizer: Fields): boolean {
  const all = [...parts(fieldsOf(tokenizer.pre_tokenizer)), ...parts(fieldsOf(tokenizer.decoder))];
  return all.some(({ type }) => type === 'ByteLevel');
}

/** A component of tokenizer.json, or those that it is a sequence of. */
export function parts(component: Fields): readonly Fields[] {
  if (component.type === undefined) return [];
  if (component.type !== 'Sequence') return [component];
  return ['pretokenizers', 'normalizers', 'processors', 'decoders'].flatMap((name) =>
    listIn(component, name).flatMap((part) => parts(fieldsOf(part))),
  );
}

/** @returns what changes a text before it is cut, and what cuts it. */
export function beforeCutting({ normalizer, pre_tokenizer }: Fields): readonly Fields[] {
  return [...parts(fieldsOf(normalizer)), ...parts(fieldsOf(pre_tokenizer))];
}

/** Whether a part puts a space before a text. */
export function putsSpace({ type, prepend_scheme, add_prefix_space }: Fields): boolean {
  return type === 'Metaspace' && prepend_scheme !== 'never' && add_prefix_space !== false;
}

function stepsOf(preTokenizer: Fields): string[] {
  return parts(preTokenizer).flatMap((part) => {
    if (part.type === 'ByteLevel') return part.use_regex === false ? [] : GPT2_WORDS;
    if (part.type === 'Digits') return part.individual_digits === true ? DIGITS : 'digits';
    if (part.type !== 'Split') return String(part.type);
    const pattern = fieldsOf(part.pattern);
    const regex = textIn(pattern, 'Regex');
    // What is removed where it does not match is what is kept where it does.
    const kept = part.behavior === (part.invert === true ? 'Removed' : 'Isolated');
    if (regex === null || !kept) return `split ${JSON.stringify(part)}`;
    return split(regex.replaceAll('\r', '\\r').replaceAll('\n', '\\n'));
  });
}
