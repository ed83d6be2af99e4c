import { availableParallelism } from 'node:os';
import { FailureError } from '../../../core/errors.js';
import { tokenPicker } from '../../../core/quality/sampling.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import { type Llama, loadLlama, type Pointer } from '../../native/llama.js';
import { type Completion, type CompletionRequest, type Completions, WARM_UP } from '../opened.js';
import type { CompletionsRequest } from '../runner.js';
import { openAdapters, setAdapters } from './adapters.js';
import { kvBytesPerToken } from './facts.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { Lanes } from './lanes.js';
import { devicesFor, FLASH, modelFile, openModel, placedFacts, shareOnCpu } from './load.js';
import { requireRoomForCache, requireRoomForWeights } from './memory.js';
import { contextFailure } from './reasons.js';
import { impossible, readSettings, type Settings } from './settings.js';
import { attachThreads } from './threads.js';
import { openGgufTokenizer } from './tokenizer.js';
import { LlamaVocabulary } from './vocabulary.js';

/** Sequences that keep what earlier prompts began with, beside those that are worked on. */
const KEPT = 16;

/**
 * Opens a model that answers prompts in this process, several at once, in one context whose cache all of them share.
 * @throws FailureError with the engine's own words; `impossible-combination` for a chat with a model that has no template.
 */
export async function openCompletions(request: CompletionsRequest): Promise<Completions> {
  const settings = readSettings(request.options, request.cpus.length || availableParallelism());
  const path = modelFile(request.modelPath);
  const llama = await loadLlama({ backend: settings.cpuBackend, deviceClass: request.deviceClass });
  const devices = await devicesFor(llama, request, settings);
  const onCpu = shareOnCpu(devices, settings, path);
  requireRoomForWeights(path, onCpu);
  llama.log.clear();
  const opened: OpenedSoFar = { model: openModel(llama, path, settings, devices) };
  try {
    const { model } = opened;
    const adapters = await openAdapters(llama, model, path, request.adapters ?? []);
    const bytes =
      onCpu === 0 ? null : kvBytesPerToken(llama, model, settings.kvCacheTypeK, settings.kvCacheTypeV);
    requireRoomForCache(bytes === null ? null : bytes * onCpu, request.cacheTokens, 1);
    const lanes = Math.min(Number(llama.functions.llama_max_parallel_sequences()), request.atOnce + KEPT);
    const context = openContext(llama, model, settings, request.cacheTokens, lanes);
    opened.context = context;
    setAdapters(llama, context, adapters);
    opened.threads = attachThreads(llama, context, settings);
    const facts = placedFacts(llama, { model, context }, settings, devices);
    const whole = { ...facts, adapterLoadSeconds: adapters.seconds };
    const chat = request.api === 'chat' ? ((await openGgufTokenizer(path))?.chat ?? null) : null;
    return answering(llama, opened, whole, request, { settings, chat, lanes });
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
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
  { api, prefixes, exactLength }: CompletionsRequest,
  { settings, chat, lanes: count }: Around,
): Completions {
  const { functions } = llama;
  const context = opened.context!;
  const vocabulary = new LlamaVocabulary(llama, opened.model);
  if (api === 'chat' && chat === null) {
    throw impossible('The model has no chat template that can be read.', 'Set promptsAs: text in the sweep.');
  }
  // A state that is no list of tokens cannot be taken over in part.
  const whole =
    functions.llama_model_is_recurrent(opened.model) || functions.llama_model_is_hybrid(opened.model);
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
        return refused(
          error instanceof FailureError
            ? error.message
            : `The chat template refuses the prompt: ${(error as Error).message}.`,
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

function pickerOf({
  temperature,
  seed,
  topP,
  topK,
  minP,
}: CompletionRequest): ReturnType<typeof tokenPicker> {
  const cut = {
    ...(topP !== null && { topP }),
    ...(topK !== null && { topK }),
    ...(minP !== null && { minP }),
  };
  return tokenPicker({ temperature, seed, ...cut }, seed);
}

const NOTHING = { text: '', sent: null, firstToken: null, cachedTokens: null, outputTokens: null } as const;

function openContext(
  llama: Llama,
  model: Pointer,
  settings: Settings,
  cacheTokens: number,
  lanes: number,
): Pointer {
  const { functions } = llama;
  const params = functions.llama_context_default_params();
  params.n_ctx = Math.ceil(cacheTokens / 256) * 256;
  params.n_batch = settings.batch;
  params.n_ubatch = Math.min(settings.ubatch, settings.batch);
  params.n_seq_max = lanes;
  // One cache for all: a copy of a beginning then only tags its cells. Without it a copy of a part ends the process.
  params.kv_unified = true;
  // Layers with a window keep every token, or a beginning could not be gone back to.
  params.swa_full = true;
  params.n_threads = settings.threads;
  params.n_threads_batch = settings.threads;
  params.flash_attn_type = FLASH[`${settings.flashAttention}`];
  params.type_k = knownTensorType(settings.kvCacheTypeK).number;
  params.type_v = knownTensorType(settings.kvCacheTypeV).number;
  const context = functions.llama_init_from_model(model, params);
  if (context === null) throw new FailureError(contextFailure(cacheTokens, lanes, llama.log));
  return context;
}
