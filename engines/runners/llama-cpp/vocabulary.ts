import { failed } from '../../../core/errors.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import type { Llama, Pointer } from '../../native/llama.js';
import { openChatTemplate } from '../chat-template.js';
import type { TextModel } from '../opened.js';

type Metadata = ReadonlyMap<string, unknown>;

/** The vocabulary of a loaded model: text to tokens and back. */
export class LlamaVocabulary {
  /** The token that this model's texts begin with; null when its vocabulary adds none. */
  readonly beginToken: number | null;
  /** Tokens it has. */
  readonly size: number;
  readonly #llama: Llama;
  readonly #vocabulary: Pointer;
  readonly #endToken: number | null;
  readonly #metadata: () => Metadata;
  #chat: ChatTemplate | null | undefined;

  /** @param metadata of the file, read when a chat is first asked for. */
  constructor(llama: Llama, model: Pointer, metadata: () => Metadata = () => new Map()) {
    const { functions } = llama;
    this.#llama = llama;
    this.#metadata = metadata;
    this.#vocabulary = functions.llama_model_get_vocab(model);
    this.size = functions.llama_vocab_n_tokens(this.#vocabulary);
    const begin = functions.llama_vocab_bos(this.#vocabulary);
    this.beginToken = functions.llama_vocab_get_add_bos(this.#vocabulary) && begin >= 0 ? begin : null;
    const addsEnd = functions.llama_vocab_get_add_eos(this.#vocabulary);
    this.#endToken = addsEnd ? functions.llama_vocab_eos(this.#vocabulary) : null;
  }

  /** What a model says of text by it. */
  words(): Omit<TextModel, 'evaluate'> {
    return {
      beginToken: this.beginToken,
      chat: this.chat,
      tokenize: (text, addBegin) => this.tokenize(text, addBegin),
      detokenize: (tokens) => this.detokenize(tokens),
      isEnd: (token) => this.isEnd(token),
    };
  }

  /** The token that ends a text, whether or not it is put there; null = there is none. */
  get endToken(): number | null {
    const end = this.#llama.functions.llama_vocab_eos(this.#vocabulary);
    return end >= 0 ? end : null;
  }

  /**
   * The model's own template; null = it has none, or none that can be read here.
   * @throws FailureError for one that takes too long.
   */
  get chat(): ChatTemplate | null {
    this.#chat ??= this.#chatOf(this.#metadata());
    return this.#chat;
  }

  /** As llama-server counts: what a template begins with is not begun with twice. */
  #chatOf(metadata: Metadata): ChatTemplate | null {
    const template = metadata.get('tokenizer.chat_template');
    if (typeof template !== 'string') return null;
    const tokens = metadata.get('tokenizer.ggml.tokens');
    const word = (id: unknown) => {
      const text = Array.isArray(tokens) ? tokens[Number(id)] : undefined;
      return id !== undefined && typeof text === 'string' ? text : '';
    };
    const begin = word(metadata.get('tokenizer.ggml.bos_token_id'));
    const end = word(metadata.get('tokenizer.ggml.eos_token_id'));
    return openChatTemplate({ template, begin, end }, (text) => {
      const begins = this.beginToken !== null && begin !== '' && text.startsWith(begin);
      return this.tokenize(text, !begins, true);
    });
  }

  /**
   * @param special words such as `<s>` are read as the tokens that they name, as servers read what a chat
   *   template makes.
   */
  tokenize(text: string, addBegin: boolean, special = false): Int32Array {
    const bytes = Buffer.byteLength(text);
    if (bytes === 0)
      return addBegin && this.beginToken !== null ? Int32Array.of(this.beginToken) : new Int32Array(0);
    // A token stands for at least one byte; begin, end and a leading blank may be added.
    const room = bytes + 8;
    const address = this.#llama.allocate('int32_t', room);
    try {
      const count = this.#llama.functions.llama_tokenize(
        this.#vocabulary,
        text,
        bytes,
        address,
        room,
        addBegin,
        special,
      );
      if (count < 0) {
        throw failed('run-failed', `llama.cpp could not tokenize ${bytes} bytes of text.`);
      }
      // An end token closes a text; what is measured here goes on.
      const all = new Int32Array(this.#llama.bytes(address, count * 4));
      return all.slice(0, !special && all.at(-1) === this.#endToken ? -1 : count);
    } finally {
      this.#llama.free(address);
    }
  }

  detokenize(tokens: Int32Array): string {
    if (tokens.length === 0) return '';
    const input = this.#llama.allocate('int32_t', tokens.length);
    new Int32Array(this.#llama.bytes(input, tokens.length * 4)).set(tokens);
    const textOrRoom = (room: number): string | number => {
      const output = this.#llama.allocate('uint8_t', room);
      const { llama_detokenize } = this.#llama.functions;
      const length = llama_detokenize(this.#vocabulary, input, tokens.length, output, room, true, false);
      const text = length < 0 ? -length : Buffer.from(this.#llama.bytes(output, length)).toString('utf8');
      this.#llama.free(output);
      return text;
    };
    const first = textOrRoom(16 * tokens.length + 16);
    const text = typeof first === 'number' ? textOrRoom(first) : first;
    this.#llama.free(input);
    return String(text);
  }

  isEnd(token: number): boolean {
    return this.#llama.functions.llama_vocab_is_eog(this.#vocabulary, token);
  }
}
