import { FormatError } from '../format.js';
import type { GgufValue } from '../gguf/value.js';
import { TOKEN_TYPES, type Token, type VocabularyKind } from './vocabulary.js';

/** A vocabulary as it would be written, and the name of its model. */
interface Written {
  /** `general.name`. */
  readonly name: string;
  readonly kind: Pick<VocabularyKind, 'model' | 'adds'>;
  readonly pre: string;
  readonly tokens: readonly Token[];
  /** All keys that begin with `tokenizer.`. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
}

/** Ids that llama.cpp takes where a file names none, by `tokenizer.ggml.model` (impl::load). */
const DEFAULT_IDS: Readonly<
  Record<string, { readonly bos?: number; readonly eos?: number; readonly sep?: number }>
> = {
  llama: { bos: 1, eos: 2 },
  gpt2: { bos: 11, eos: 11 },
  t5: { eos: 1 },
  bert: { bos: 101, sep: 102 },
};

/** What a model is wanted to have whose name has Phi-3 in it. */
const OF_PHI_3 = ['</s>', '<unk>', '<s>', '<|endoftext|>'] as const;

/**
 * Refuses a vocabulary that llama.cpp (v0.4.0, src/llama-vocab.cpp) would end on, or throw at where nobody
 * catches it: when it opens it, or at the first text that it cuts.
 * @throws FormatError
 */
export function requireOpenable(written: Written): void {
  requireDifferent(written);
  requireNamesOfBytes(written);
  if (written.kind.model === 'llama') requireAllBytes(written);
  requireAdded(written);
  requirePhi3(written);
  requireWholeMap(written);
}

/** `GGML_ASSERT(id_to_token.size() == token_to_id.size())` */
function requireDifferent({ tokens }: Written): void {
  const seen = new Map<string, number>();
  for (const [id, { text }] of tokens.entries()) {
    const before = seen.get(text);
    if (before !== undefined)
      throw new FormatError(
        `its tokens ${before} and ${id} have the same text, ${JSON.stringify(text)}`,
        'llama.cpp opens no such vocabulary; take away one of the two added tokens.',
      );
    seen.set(text, id);
  }
}

/** Tokens that stand for a byte are read by their text (token_to_byte). */
function requireNamesOfBytes({ tokens }: Written): void {
  const id = tokens.findIndex(
    ({ type, text }) => type === TOKEN_TYPES.byte && !/^<0x[0-9A-Fa-f]{2}>$/.test(text),
  );
  if (id >= 0)
    throw new FormatError(
      `its token ${id} stands for a byte and is called ${JSON.stringify(tokens[id]!.text)}, which names none`,
      'Bytes are called <0x00> to <0xFF>.',
    );
}

/** What no piece stands for is written byte by byte, each of which has to be there (byte_to_token). */
function requireAllBytes({ tokens }: Written): void {
  const texts = new Set(tokens.map(({ text }) => text));
  const missing = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => !texts.has(nameOf(byte)) && !(byte < 128 && texts.has(String.fromCharCode(byte))),
  );
  if (missing.length === 0) return;
  throw new FormatError(
    `its SentencePiece vocabulary has no token for ${missing.length} of 256 bytes, such as ${nameOf(missing.at(-1)!)}`,
    'llama.cpp ends at the first text that needs one: a vocabulary that was made with byte_fallback has them.',
  );
}

const nameOf = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/** Texts begin and end with tokens that have to be there (tokenize, append_bos, append_eos). */
function requireAdded({ kind, pre, tokens, metadata }: Written): void {
  const flag = (key: string) => {
    const value = metadata.get(`tokenizer.ggml.add_${key}_token`);
    return value?.type === 'bool' ? value.value === true : null;
  };
  const adds = kind.adds(pre);
  // BERT's are put around a text whatever a file says.
  const wanted =
    kind.model === 'bert'
      ? { bos: true, sep: true }
      : { bos: flag('bos') ?? adds.bos, eos: flag('eos') ?? adds.eos };
  const keys = { bos: 'bos', eos: 'eos', sep: 'seperator' } as const;
  for (const [role, isAdded] of Object.entries(wanted) as [keyof typeof keys, boolean][]) {
    const said = metadata.has(`tokenizer.ggml.${keys[role]}_token_id`);
    const taken = DEFAULT_IDS[kind.model]?.[role] ?? Number.POSITIVE_INFINITY;
    if (!isAdded || said || taken < tokens.length) continue;
    throw new FormatError(
      `its tokenizer puts a token ${role === 'bos' ? 'before' : 'behind'} every text and does not say which (${role}_token)`,
      'Name it in tokenizer_config.json.',
    );
  }
}

/** Attributes of Phi-3's tokens are set by the model's name, and each is looked for. */
function requirePhi3({ name, tokens }: Written): void {
  if (!/phi-?3/i.test(name)) return;
  const texts = new Set(tokens.map(({ text }) => text));
  const missing = OF_PHI_3.filter((text) => !texts.has(text));
  if (missing.length === 0) return;
  throw new FormatError(
    `it is called ${name}, so llama.cpp takes it for a Phi-3 and opens it only with the token ${missing.join(', ')}, which it lacks`,
    'Call its folder something without phi-3.',
  );
}

/** SentencePiece's compiled normalization: the length of a table, the table, and texts behind it. */
function requireWholeMap({ metadata }: Written): void {
  const map = metadata.get('tokenizer.ggml.precompiled_charsmap');
  if (map?.type !== 'array') return;
  const bytes = Uint8Array.from(map.values, Number);
  const table = bytes.length < 4 ? Number.POSITIVE_INFINITY : new DataView(bytes.buffer).getUint32(0, true);
  if (table + 4 < bytes.length) return;
  throw new FormatError(
    'its rules of normalization (precompiled_charsmap) are cut off',
    'Get the file again.',
  );
}
