import { type Fields, fieldsOf, listIn, textIn } from '../config-json.js';
import type { GgufValue } from '../gguf/value.js';
import { contentOf } from './content.js';
import type { TokenizerFolder } from './files.js';
import { parts } from './pre-tokenizers.js';
import { publishedIds, TOKEN_TYPES, type Token } from './vocabulary.js';

/** ggml's names of the tokens that steer, by transformers' names. */
const KEYS = {
  bos: 'bos',
  eos: 'eos',
  eot: 'eot',
  eom: 'eom',
  unk: 'unknown',
  sep: 'seperator',
  pad: 'padding',
  mask: 'mask',
} as const;
type Role = keyof typeof KEYS;

/**
 * Tokens that llama.cpp takes for the end of an answer by their text alone (src/llama-vocab.cpp of its
 * repository).
 */
const KNOWN_ENDS: readonly string[] = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|eom_id|>',
  '<EOT>',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<｜end▁of▁sentence｜>',
];

/**
 * @param tokens of all rows of the model.
 * @returns which tokens begin, end, part and pad texts, and which of them a text gets by itself.
 */
export function specialTokens(
  folder: TokenizerFolder,
  tokens: readonly Token[],
): { readonly metadata: ReadonlyMap<string, GgufValue>; readonly warnings: readonly string[] } {
  const { config, tokenizer, model } = folder;
  const published = publishedIds(folder);
  const knownId = (id: unknown) =>
    Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < tokens.length ? Number(id) : null;
  const idOf = (text: string | null) => (text === null ? null : knownId(published.get(text)));
  const named = (role: string) => idOf(contentOf(config[`${role}_token`]));
  const ids = new Map<Role, number>();
  const set = (role: Role, id: number | null) => {
    if (id !== null) ids.set(role, id);
  };
  // A text that BERT reads begins and ends with tokens that it calls otherwise.
  set('bos', named('bos') ?? named('cls') ?? knownId(model.bos_token_id));
  set('eos', named('eos') ?? named('sep') ?? endsOf(folder).map(knownId)[0] ?? null);
  for (const role of ['unk', 'sep', 'pad', 'mask'] as const)
    set(role, named(role) ?? knownId(model[`${role}_token_id`]));

  const warnings: string[] = [];
  const added = new Map<string, boolean>();
  const around = tokenizer === null ? null : templateOf(tokenizer);
  if (around !== null) {
    const first = idOf(around.first[0] ?? null);
    const last = idOf(around.last.at(-1) ?? null);
    set('bos', first);
    if (last !== null && ids.has('eos') && ids.get('eos') !== last) set('eot', ids.get('eos')!);
    set('eos', last);
    added.set('bos', first !== null);
    added.set('eos', last !== null);
    if (around.between.length > 0) added.set('sep', around.between.length > around.last.length);
    if (around.first.length > 1 || around.last.length > 1)
      warnings.push('it puts several tokens before or after a text; llama.cpp puts one');
  }
  for (const role of ['bos', 'eos'] as const) {
    const stated = config[`add_${role}_token`];
    // llama.cpp ends when it shall add a token that is not there.
    if (typeof stated === 'boolean') added.set(role, stated && ids.has(role));
  }

  // Configs that nobody wrote for their tokenizer have the ids of another one's.
  const others = endsOf(folder)
    .map(knownId)
    .filter((id) => id !== null && id !== ids.get('eos') && tokens[id]!.type === TOKEN_TYPES.control)
    .filter((id) => !KNOWN_ENDS.includes(tokens[id!]!.text));
  for (const id of new Set(others)) {
    const role = (['eot', 'eom'] as const).find((free) => !ids.has(free) || ids.get(free) === id);
    if (role === undefined) warnings.push(`token ${id} ends an answer, too; a GGUF file names three`);
    else set(role, id);
  }

  const metadata = new Map<string, GgufValue>();
  for (const [role, id] of ids)
    metadata.set(`tokenizer.ggml.${KEYS[role]}_token_id`, { type: 'u32', value: id });
  for (const [role, value] of added)
    metadata.set(`tokenizer.ggml.add_${role}_token`, { type: 'bool', value });
  return { metadata, warnings };
}

/** Ids that end an answer, the model's own first. */
function endsOf({ model, generation }: TokenizerFolder): unknown[] {
  return [model.eos_token_id, generation.eos_token_id].flatMap((ids) => ids ?? []);
}

/** Texts of the tokens that are put around one text, and between two. */
interface Around {
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly between: readonly string[];
}

/** What tokenizer.json puts around a text; nothing where it says nothing. */
function templateOf(tokenizer: Fields): Around {
  const around = parts(fieldsOf(tokenizer.post_processor)).flatMap((part): Around[] => {
    if (part.type === 'RobertaProcessing' || part.type === 'BertProcessing') {
      const [first, last] = ['cls', 'sep'].map((name) => listIn(part, name).slice(0, 1).map(String));
      return [
        {
          first: first!,
          last: last!,
          between: part.type === 'BertProcessing' ? last! : [...last!, ...last!],
        },
      ];
    }
    if (part.type !== 'TemplateProcessing') return [];
    const single = piecesOf(part, 'single');
    const pair = piecesOf(part, 'pair');
    const at = single.indexOf(null);
    const [a, b] = [pair.indexOf(null), pair.lastIndexOf(null)];
    const words = (list: readonly (string | null)[]) => list.filter((word) => word !== null);
    const between = a === b ? [] : words(pair.slice(a + 1, b));
    return [{ first: words(single.slice(0, at)), last: words(single.slice(at + 1)), between }];
  });
  return around[0] ?? { first: [], last: [], between: [] };
}

/** The words of a template; null stands for a text. */
function piecesOf(part: Fields, name: string): (string | null)[] {
  return listIn(part, name).map((piece) => textIn(fieldsOf(fieldsOf(piece).SpecialToken), 'id'));
}

/** Ids by transformers' names of the tokens that steer. */
export function writtenRoles(
  metadata: ReadonlyMap<string, GgufValue>,
  size: number,
): ReadonlyMap<Role, number> {
  return new Map(
    (Object.keys(KEYS) as Role[]).flatMap((role): [Role, number][] => {
      const value = metadata.get(`tokenizer.ggml.${KEYS[role]}_token_id`);
      const id = value !== undefined && 'value' in value ? Number(value.value) : Number.NaN;
      return Number.isSafeInteger(id) && id >= 0 && id < size ? [[role, id]] : [];
    }),
  );
}

/**
 * @param adds which tokens are put around a text.
 * @returns what tokenizer.json says of them: the inverse of what is read there; null = nothing is.
 */
export function postProcessor(
  tokens: readonly string[],
  roles: ReadonlyMap<Role, number>,
  adds: { readonly bos: boolean; readonly eos: boolean; readonly sep: boolean },
): Fields | null {
  const special = (role: 'bos' | 'eos', id: number) => {
    const at = adds[role] ? roles.get(role) : undefined;
    return at === undefined ? [] : [{ SpecialToken: { id: tokens[at]!, type_id: id } }];
  };
  const text = (name: string, id: number) => ({ Sequence: { id: name, type_id: id } });
  const used = [...special('bos', 0), ...special('eos', 0)].map(({ SpecialToken }) => SpecialToken.id);
  if (used.length === 0) return null;
  const single = [...special('bos', 0), text('A', 0), ...special('eos', 0)];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, ...(adds.sep ? special('eos', 0) : []), text('B', 1), ...special('eos', 1)],
    special_tokens: Object.fromEntries(
      used.map((token) => [token, { id: token, ids: [tokens.indexOf(token)], tokens: [token] }]),
    ),
  };
}
