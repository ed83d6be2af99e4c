import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Tokenizer as PublishedTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FailureError, failed } from '../../core/errors.js';
import type { ChatTemplate, Tokenizer } from '../../core/serving/tokenizer.js';
import { MOST_BYTES, readBounded } from '../../formats/bounded-file.js';
import { boundedWork, CALL_SECONDS } from '../../formats/bounded-work.js';
import { fieldsOf, readJson } from '../../formats/config-json.js';
import { openChatTemplate } from './chat-template.js';
import type { Frame } from './framed-text.js';

/** A vocabulary takes some seconds to be read. */
const OPENING_TIMES = 6;

/**
 * Opens the tokenizer of a published folder, `tokenizer.json`, with Hugging Face's own reader in JavaScript.
 * Words of its special tokens are read as those tokens, unlike a vocabulary's of llama.cpp.
 * @param seconds that its patterns may take for a short text.
 * @returns null when the folder has none.
 * @throws FailureError `model-unreadable` for one that cannot be read, or takes too long; so do its own
 *   calls.
 */
export function openPublishedTokenizer(folder: string, seconds = CALL_SECONDS): Tokenizer | null {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path)) return null;
  const name = `tokenizer.json of ${basename(folder)}`;
  const bounded = <T>(work: () => T, characters = 0) => boundedWork(name, work, seconds, characters);
  try {
    const bytes = readBounded(path, MOST_BYTES.vocabulary);
    return boundedWork(name, () => opened(folder, name, bytes, bounded), OPENING_TIMES * seconds);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw failed('model-unreadable', `${path} cannot be read: ${(error as Error).message}`);
  }
}

function opened(
  folder: string,
  name: string,
  bytes: Buffer,
  bounded: <T>(work: () => T, characters: number) => T,
): Tokenizer {
  const configPath = join(folder, 'tokenizer_config.json');
  const plain = { add_special_tokens: false };
  const config = existsSync(configPath) ? fieldsOf(readJson(configPath, MOST_BYTES.vocabulary)) : {};
  const tokenizer = new PublishedTokenizer(JSON.parse(bytes.toString('utf8')), config);
  const [first] = tokenizer.encode('a').ids;
  const ids = (text: string) => bounded(() => tokenizer.encode(text, plain).ids, text.length);
  return {
    name,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    beginToken: first === tokenizer.encode('a', plain).ids[0] ? null : (first ?? null),
    size: tokenizer.get_vocab().size,
    // vLLM, SGLang and TGI add nothing to what a template makes.
    chat: chatOf(folder, config, (text) => Int32Array.from(ids(text))),
    tokenize: (text) => Int32Array.from(ids(text)),
    detokenize(tokens) {
      const decode = () => tokenizer.decode([...tokens], { clean_up_tokenization_spaces: false });
      return tokens.length === 0 ? '' : bounded(decode, tokens.length);
    },
  };
}

/** How a published tokenizer frames texts, and cuts them. */
export interface PublishedFrame extends Frame {
  readonly size: number;
  /** The token that fills up shorter texts. */
  readonly padding: number;
  /** @returns the tokens of a text alone. */
  cut(text: string): Int32Array;
}

/**
 * @returns what the tokenizer of a folder puts around a text and between two; null when the folder has none.
 * @throws FailureError as `openPublishedTokenizer` does.
 */
export function openPublishedFrame(folder: string): PublishedFrame | null {
  const tokenizer = openPublishedTokenizer(folder);
  if (tokenizer === null) return null;
  const [path, configPath] = [join(folder, 'tokenizer.json'), join(folder, 'tokenizer_config.json')];
  const fieldsIn = (file: string) =>
    existsSync(file) ? fieldsOf(readJson(file, MOST_BYTES.vocabulary)) : {};
  const whole = new PublishedTokenizer(fieldsIn(path), fieldsIn(configPath));
  const plain = tokenizer.tokenize('a');
  const tokensAround = (ids: readonly number[]) => {
    const at = ids.findIndex((_, i) => plain.every((token, k) => ids[i + k] === token));
    return { begin: ids.slice(0, Math.max(0, at)), end: ids.slice(Math.max(0, at) + plain.length) };
  };
  const { begin, end } = tokensAround(whole.encode('a').ids);
  const pair = whole.encode('a', { text_pair: 'a' }).ids;
  const text = plain.length + end.length;
  const between = pair.slice(begin.length + text, pair.length - text);
  const padding = z
    .object({ padding: z.object({ pad_id: z.int().nonnegative() }) })
    .safeParse(fieldsIn(path));
  return {
    begin,
    end,
    between,
    size: tokenizer.size,
    padding: padding.success ? padding.data.padding.pad_id : 0,
    cut: (text) => tokenizer.tokenize(text),
  };
}

const taggedSchema = z.object({ content: z.string() }).transform(({ content }) => content);
const wordSchema = z.union([z.string(), taggedSchema]);
const namedSchema = z.array(z.object({ name: z.string(), template: z.string() }));
const chatSchema = z.object({
  /** One, or several by name. */
  chat_template: z.union([z.string(), namedSchema]).optional().catch(undefined),
  bos_token: wordSchema.catch(''),
  eos_token: wordSchema.catch(''),
});

/** Of `chat_template.jinja`, where newer folders have it, or of the tokenizer's config. */
function chatOf(folder: string, config: unknown, tokens: ChatTemplate['tokens']): ChatTemplate | null {
  const { chat_template: written, bos_token: begin, eos_token: end } = chatSchema.parse(config);
  const path = join(folder, 'chat_template.jinja');
  const listed = Array.isArray(written) ? written.find(({ name }) => name === 'default')?.template : written;
  const template = existsSync(path) ? readBounded(path, MOST_BYTES.template).toString('utf8') : listed;
  return template === undefined ? null : openChatTemplate({ template, begin, end }, tokens);
}
