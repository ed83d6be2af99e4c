import { Tokenizer } from '@huggingface/tokenizers';
import { FailureError } from '../../core/errors.js';
import { boundedWork, CALL_SECONDS } from '../bounded-work.js';
import { type Fields, fieldsOf } from '../config-json.js';
import { FormatError } from '../format.js';
import { CHECK_TEXT, checkHash, knownByHash } from './check-hashes.js';
import type { TokenizerFolder } from './files.js';
import { normalizersLeftOut } from './normalizers.js';
import { cutsNearly, isByteLevel, knownBySteps, parts, publishedSteps } from './pre-tokenizers.js';
import {
  BYTE_PAIRS,
  idsByText,
  mergePairs,
  modelType,
  pairIn,
  placed,
  publishedTokens,
  type VocabularyKind,
} from './vocabulary.js';

/** Pairs of bytes are merged, in words that a pre-tokenizer cuts: GPT-2 and most since Llama 3. */
export const byteLevel: VocabularyKind = {
  model: 'gpt2',
  claims: (folder) => modelType(folder) === 'BPE' && isByteLevel(folder.tokenizer ?? {}),
  read(folder) {
    const tokenizer = folder.tokenizer ?? {};
    const tokens = placed(folder, publishedTokens(folder));
    const begins = parts(fieldsOf(tokenizer.pre_tokenizer)).some((part) => part.add_prefix_space === true);
    const pre = preTokenizerOf(folder, tokenizer);
    return {
      pre,
      tokens: tokens.tokens,
      scored: false,
      merges: mergesOf(fieldsOf(tokenizer.model)),
      more: new Map(),
      warnings: [
        ...tokens.warnings,
        ...normalizersLeftOut(tokenizer, []),
        ...(cutsNearly(pre)
          ? [
              `words with marks, and with capitals outside of ASCII, may be cut otherwise: llama.cpp’s rule for ${pre} knows neither`,
            ]
          : []),
        ...(begins ? ['it puts a space before a text that begins without one; llama.cpp does not'] : []),
      ],
    };
  },
  publish(vocabulary) {
    const steps = publishedSteps(vocabulary.pre);
    if (steps === null)
      throw new FormatError(
        `its file does not hold the rules of its pre-tokenizer, ${vocabulary.pre}`,
        'Give the folder of the model that it was made of: its tokenizer is copied.',
      );
    return {
      normalizer: null,
      pre_tokenizer: steps.preTokenizer,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        ...BYTE_PAIRS,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: steps.ignoresMerges,
        vocab: idsByText(vocabulary),
        merges: vocabulary.merges.map(pairIn),
      },
    };
  },
  adds: (pre) => ({ bos: publishedSteps(pre)?.beginsTexts === true, eos: false }),
};

/** @throws FormatError for one that llama.cpp has nothing like. */
function preTokenizerOf({ config }: TokenizerFolder, tokenizer: Fields): string {
  const known =
    hashesOf(tokenizer, config)
      .map(knownByHash)
      .find((name) => name !== null) ??
    knownBySteps(tokenizer.pre_tokenizer, fieldsOf(tokenizer.model).ignore_merges === true);
  if (known !== null) return known;
  throw new FormatError(
    'llama.cpp cuts text in none of the ways in which the pre-tokenizer of its tokenizer.json does',
    'Convert it with a release of llama.cpp that knows it, and give the GGUF file.',
  );
}

const OPENING_SECONDS = 6 * CALL_SECONDS;

/** With and without the tokens that begin and end a text: published hashes are of either. */
function hashesOf(tokenizer: Fields, config: Fields): string[] {
  try {
    const whole = {
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      added_tokens: [],
    };
    const hashes = () => {
      const runs = new Tokenizer({ ...whole, ...tokenizer }, config);
      return [true, false].map((add_special_tokens) =>
        checkHash(runs.encode(CHECK_TEXT, { add_special_tokens }).ids),
      );
    };
    return boundedWork('its tokenizer.json', hashes, OPENING_SECONDS);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    // It has parts that this reader cannot run; what it says of itself is compared then.
    return [];
  }
}

/**
 * A space inside of a part would look like the one between two: it is written as byte-level BPE writes
 * spaces.
 */
function mergesOf(model: Fields): string[] {
  return mergePairs(model).map((pair) => pair.map((part) => part.replaceAll(' ', 'Ġ')).join(' '));
}
