import { basename } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { GreedyGenerator } from '../opened.js';
import type { GreedyRequest } from '../runner.js';
import { ModelDrafter, NgramDrafter } from '../speculation/drafters.js';
import { continueGreedily } from '../speculation/loop.js';
import { openAdapters, setAdapters } from './adapters.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import {
  type ForLlama,
  generatingContext,
  modelFile,
  type Opening,
  openModel,
  placedFacts,
  shareOnCpu,
  withModel,
} from './load.js';
import { requireRoomForWeights } from './memory.js';
import { warningsOf } from './model.js';
import { LlamaSequences } from './sequences.js';
import { impossible } from './settings.js';
import { attachThreads } from './threads.js';
import { LlamaVocabulary } from './vocabulary.js';

/**
 * Opens a model, and beside it the one that drafts, with a context each, to continue prompts greedily.
 * @throws FailureError with the engine's own words; `impossible-combination` for a draft of another
 *   vocabulary, and for more tokens of a step than a batch holds.
 */
export function openGreedy(request: ForLlama<GreedyRequest>): Promise<GreedyGenerator> {
  return withModel(
    request,
    (_, settings) => requireRoomForStep(request, settings.batch),
    async (opening) => {
      const { llama, settings, path, devices, opened } = opening;
      const adapters = await openAdapters(llama, opened.model, path, request.adapters ?? []);
      const vocabulary = new LlamaVocabulary(llama, opened.model);
      requireVocabulary(llama, opened.model, path);
      const target = openSequences(opening, request, vocabulary.size);
      setAdapters(llama, opened.context!, adapters);
      const handles = { model: opened.model, context: opened.context! };
      const facts = placedFacts(llama, handles, settings, devices);
      const draft = openDraft(opening, request);
      const close = () => {
        target.free();
        draft?.close();
        freeHandles(llama, opened);
      };
      const warnings = warningsOf(llama);
      const whole = { ...facts, adapterLoadSeconds: adapters.seconds };
      return greedyGenerator({ facts: whole, warnings, close }, { request, vocabulary, target, draft });
    },
  );
}

interface Parts {
  readonly request: Pick<GreedyRequest, 'drafting' | 'sharedTokens'>;
  readonly vocabulary: LlamaVocabulary;
  readonly target: LlamaSequences;
  readonly draft: { readonly sequences: LlamaSequences } | null;
}

function greedyGenerator(
  base: Pick<GreedyGenerator, 'facts' | 'warnings' | 'close'>,
  { request: { drafting, sharedTokens }, vocabulary, target, draft }: Parts,
): GreedyGenerator {
  let prompts: readonly Int32Array[] = [];
  let first: Int32Array = new Int32Array(0);
  const backToPrompts = (sequences: LlamaSequences) => {
    for (const [s, prompt] of prompts.entries()) sequences.cut(s, prompt.length);
  };
  return {
    ...base,
    beginToken: vocabulary.beginToken,
    tokenize: (text) => vocabulary.tokenize(text, false),
    read(asked) {
      prompts = asked;
      draft?.sequences.clear();
      first = readShared(target, asked, sharedTokens);
      if (draft !== null) readShared(draft.sequences, asked, sharedTokens);
    },
    answer(tokens, drafted) {
      backToPrompts(target);
      if (!drafted || drafting === null) return continueGreedily(target, first, tokens, null);
      if (drafting.by === 'ngram') {
        const drafter = new NgramDrafter(prompts, drafting.ngram);
        return continueGreedily(target, first, tokens, { drafter, tokens: drafting.tokens });
      }
      backToPrompts(draft!.sequences);
      const drafter = new ModelDrafter(draft!.sequences, prompts.length, drafting.probability);
      return continueGreedily(target, first, tokens, { drafter, tokens: drafting.tokens });
    },
  };
}

/** Reads prompts into empty sequences, what all begin with once. @returns the choice after each. */
function readShared(
  sequences: LlamaSequences,
  prompts: readonly Int32Array[],
  sharedTokens: number,
): Int32Array {
  sequences.clear();
  if (sharedTokens === 0 || prompts.length === 1) return sequences.read(prompts);
  const [shared] = prompts;
  sequences.read([shared!.subarray(0, sharedTokens)]);
  sequences.copyFirst();
  return sequences.read(prompts.map((prompt) => prompt.subarray(sharedTokens)));
}

function openSequences(
  opening: Opening,
  request: Pick<GreedyRequest, 'sequences' | 'contextTokens'>,
  choosable: number,
): LlamaSequences {
  const { llama, settings, opened } = opening;
  const context = generatingContext(opening, { ...request, wholeCache: true }, undefined);
  opened.context = context;
  opened.threads = attachThreads(llama, context, settings);
  const vocabularySize = new LlamaVocabulary(llama, opened.model).size;
  const capacity = Math.min(llama.functions.llama_n_batch(context), settings.batch);
  return new LlamaSequences(llama, context, {
    sequences: request.sequences,
    capacity,
    vocabularySize,
    choosable: Math.min(choosable, vocabularySize),
  });
}

/** @returns the model that drafts, on the devices and with the options of the other; null = there is none. */
function openDraft(
  target: Opening,
  request: ForLlama<GreedyRequest>,
): { readonly sequences: LlamaSequences; close(): void } | null {
  if (request.drafting?.by !== 'model') return null;
  const { llama, settings, devices } = target;
  const path = modelFile(request.draftPath ?? null);
  const onCpu = shareOnCpu(devices, settings, path);
  requireRoomForWeights(path, onCpu);
  const opened: OpenedSoFar = { model: openModel(llama, path, settings, devices) };
  try {
    requireSameVocabulary(llama, target, { model: opened.model, path });
    const size = new LlamaVocabulary(llama, target.opened.model).size;
    const sequences = openSequences({ llama, settings, path, devices, onCpu, opened }, request, size);
    const close = () => {
      sequences.free();
      freeHandles(llama, opened);
    };
    return { sequences, close };
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
}

/** @throws FailureError for a step that no batch holds. */
function requireRoomForStep({ sequences, drafting }: GreedyRequest, batch: number): void {
  const step = sequences * (1 + (drafting?.tokens ?? 0));
  if (step <= batch) return;
  throw impossible(
    `A step verifies ${step} tokens, ${drafting?.tokens ?? 0} drafted ones and one more of each of ${sequences} sequences, and a batch holds ${batch}.`,
    'Raise `batch`, or lower `draftTokens` or `parallel`.',
  );
}

/** Vocabulary types as llama.h has them. */
const NO_VOCABULARY = 0;

function requireVocabulary(llama: Llama, model: Pointer, path: string): void {
  const { llama_model_get_vocab, llama_vocab_type } = llama.functions;
  if (llama_vocab_type(llama_model_get_vocab(model)) !== NO_VOCABULARY) return;
  throw failed(
    'model-unsupported',
    `${basename(path)} has no vocabulary, so no text can be read.`,
    'Use the workload latency, which needs none.',
  );
}

/** llama.cpp allows as many tokens at the end of a vocabulary to be there or not (speculative.cpp). */
const SPARE_TOKENS = 128;

/** @throws FailureError for a draft whose tokens stand for other words than the model's. */
function requireSameVocabulary(
  llama: Llama,
  target: Pick<Opening, 'path' | 'opened'>,
  draft: { readonly model: Pointer; readonly path: string },
): void {
  const { functions } = llama;
  const [ours, drafts] = [target.opened.model, draft.model].map((model) => {
    const vocabulary = functions.llama_model_get_vocab(model);
    const type = functions.llama_vocab_type(vocabulary);
    const size = functions.llama_vocab_n_tokens(vocabulary);
    return { type, size, text: (token: number) => functions.llama_vocab_get_text(vocabulary, token) };
  });
  const refused = (why: string): FailureError =>
    impossible(
      `${basename(draft.path)} cannot draft for ${basename(target.path)}: ${why}.`,
      'Choose a draftModel with the same vocabulary, such as a smaller model of the same family.',
    );
  if (ours!.type !== drafts!.type) throw refused('their vocabularies are of different kinds');
  if (Math.abs(ours!.size - drafts!.size) > SPARE_TOKENS)
    throw refused(`its vocabulary has ${drafts!.size} tokens, and the model's ${ours!.size}`);
  const common = Math.min(ours!.size, drafts!.size);
  for (let token = 0; token < common; token++) {
    const [word, drafted] = [ours!.text(token), drafts!.text(token)];
    if (word !== drafted)
      throw refused(
        `token ${token} is ${JSON.stringify(drafted)} in its vocabulary, and ${JSON.stringify(word)} in the model's`,
      );
  }
}
