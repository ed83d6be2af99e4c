import { FailureError } from '../../../core/errors.js';
import { tokenPicker } from '../../../core/quality/sampling.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import type { Llama, Pointer } from '../../native/llama.js';
import { type Completion, type CompletionRequest, type Completions, WARM_UP } from '../opened.js';
import type { CompletionsRequest } from '../runner.js';
import { openAdapters, setAdapters } from './adapters.js';
import { keepsState } from './facts.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { Lanes } from './lanes.js';
import {
  cacheBytesHere,
  cacheSettings,
  type ForLlama,
  type Opening,
  openContext,
  placedFacts,
  withModel,
} from './load.js';
import { requireRoomForCache } from './memory.js';
import { impossible, type Settings } from './settings.js';
import { attachThreads } from './threads.js';
import { openGgufTokenizer } from './tokenizer.js';
import { LlamaVocabulary } from './vocabulary.js';

/** Sequences that keep what earlier prompts began with, beside those that are worked on. */
const KEPT = 16;

/**
 * Opens a model that answers prompts in this process, several at once, in one context whose cache all of them
 * share.
 * @throws FailureError with the engine's own words; `impossible-combination` for a chat with a model that has
 *   no template.
 */
export function openCompletions(request: ForLlama<CompletionsRequest>): Promise<Completions> {
  return withModel(
    request,
    () => {},
    async (opening) => {
      const { llama, settings, path, devices, opened } = opening;
      const { model } = opened;
      const adapters = await openAdapters(llama, model, path, request.adapters ?? []);
      requireRoomForCache(cacheBytesHere(opening), request.cacheTokens, 1);
      const lanes = Math.min(Number(llama.functions.llama_max_parallel_sequences()), request.atOnce + KEPT);
      const context = sharedContext(opening, request.cacheTokens, lanes);
      opened.context = context;
      setAdapters(llama, context, adapters);
      opened.threads = attachThreads(llama, context, settings);
      const facts = placedFacts(llama, { model, context }, settings, devices);
      const whole = { ...facts, adapterLoadSeconds: adapters.seconds };
      const chat = request.api === 'chat' ? ((await openGgufTokenizer(path))?.chat ?? null) : null;
      return answering(llama, opened, whole, request, { settings, chat, lanes });
    },
  );
}

interface Around {
  readonly settings: Settings;
  /** null = prompts are plain text. */
  readonly chat: ChatTemplate | null;
  readonly lanes: number;
}

function answering(
  llama: Llama,
  opened: OpenedSoFar,
  facts: Completions['facts'],
  { api, prefixes, exactLength }: Pick<CompletionsRequest, 'api' | 'prefixes' | 'exactLength'>,
  { settings, chat, lanes: count }: Around,
): Completions {
  const { functions } = llama;
  const context = opened.context!;
  const vocabulary = new LlamaVocabulary(llama, opened.model);
  if (api === 'chat' && chat === null) {
    throw impossible('The model has no chat template that can be read.', 'Set promptsAs: text in the sweep.');
  }
  // A state that is no list of tokens cannot be taken over in part.
  const whole = keepsState(llama, opened.model);
  const shares = prefixes !== 'off' && !whole;
  const capacity = Math.min(functions.llama_n_batch(context), settings.batch);
  const lanes = new Lanes(llama, context, vocabulary, { lanes: count, capacity, shares });
  const tokensOf = ({ system, prompt }: CompletionRequest) => {
    if (chat === null) return vocabulary.tokenize(system === null ? prompt : `${system}\n\n${prompt}`, true);
    const messages = [
      ...(system === null ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: prompt },
    ];
    return chat.prompt(messages);
  };
  const perSequence = functions.llama_n_ctx(context);
  const complete = (asked: CompletionRequest) =>
    new Promise<Completion>((resolve) => {
      const refused = (problem: string) =>
        resolve({ ...NOTHING, outcome: 'rejected', problem, promptTokens: null });
      if (asked.model !== null)
        return refused(
          `In this process one model is loaded, and a node asks for ${asked.model}: leave its model out.`,
        );
      let prompt: Int32Array;
      try {
        prompt = tokensOf(asked);
      } catch (error) {
        const { message } = error as Error;
        return refused(
          error instanceof FailureError ? message : `The chat template refuses the prompt: ${message}.`,
        );
      }
      const { maxTokens, stop } = asked;
      if (prompt.length === 0) return refused('The prompt is empty.');
      if (prompt.length + maxTokens > perSequence)
        return refused(
          `The prompt has ${prompt.length} tokens, and with ${maxTokens} to come they do not fit into ${perSequence}: raise cacheTokens.`,
        );
      lanes.add({ prompt, maxTokens, stop, exactLength, resolve, pick: pickerOf(asked) });
    });
  return {
    facts,
    warnings: [...llama.log.warnings],
    sharing: shares
      ? 'sequences take over what others begin with'
      : whole
        ? 'none: the state of this model cannot be taken over in part'
        : 'none',
    complete,
    async prepare() {
      await complete({ ...WARM_UP, prompt: 'Name a colour.' });
      await lanes.idle();
      lanes.forget();
    },
    stop: (reason) => lanes.stop(reason),
    close() {
      lanes.free();
      freeHandles(llama, opened);
    },
  };
}

function pickerOf(request: CompletionRequest): ReturnType<typeof tokenPicker> {
  const { temperature, seed, topP, topK, minP } = request;
  const cut = {
    ...(topP !== null && { topP }),
    ...(topK !== null && { topK }),
    ...(minP !== null && { minP }),
  };
  return tokenPicker({ temperature, seed, ...cut }, seed);
}

const NOTHING = { text: '', sent: null, firstToken: null, cachedTokens: null, outputTokens: null } as const;

function sharedContext(opening: Opening, cacheTokens: number, lanes: number): Pointer {
  const own = {
    n_ctx: Math.ceil(cacheTokens / 256) * 256,
    n_seq_max: lanes,
    ...cacheSettings(opening.settings),
    // One cache for all: a copy of a beginning then only tags its cells. Without it a copy of a part ends the
    // process.
    kv_unified: true,
    // Layers with a window keep every token, or a beginning could not be gone back to.
    swa_full: true,
  };
  return openContext(opening, own, { tokens: cacheTokens, sequences: lanes });
}
