import { failed } from '../../../core/errors.js';
import type { RankingTask } from '../../../core/ranking/task.js';
import { RUNNERS } from '../../../core/runners/index.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import { loadRunner } from '../../../engines/runners/index.js';
import type { Embedder } from '../../../engines/runners/opened.js';
import { type EmbedderDemands, open } from '../../../engines/runners/runner.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import { type LanguageModel, openLanguageModel, type QualityModel } from '../asking/language-model.js';
import { modelReader, type PromptReader } from './prompt-reader.js';

/** What a model can be asked for by ways of ranking; each is opened when it is first wanted. */
export interface RankingModels {
  reader(spec: RankingTask['spec']): Promise<PromptReader>;
  embedder(pooling: EmbedderDemands['pooling']): Promise<Embedder>;
}

/** Of prompts, where neither the file nor the task says how many. */
export const USUAL_CONTEXT = 4096;

const ABLE = RUNNERS.filter(({ offers }) => offers.includes('embedder')).map(({ kind }) => kind);

/** Opens a model for vectors. @throws FailureError `impossible-combination` for a runner that makes none. */
export async function openEmbedder(
  { runnerKind, ...request }: QualityModel,
  pooling: EmbedderDemands['pooling'],
): Promise<Embedder> {
  if (ABLE.includes(runnerKind))
    return await open(await loadRunner(runnerKind), 'embedder', { ...request, pooling });
  const message = `the runner ${runnerKind} makes no vectors of texts`;
  throw failed('impossible-combination', message, `Use the runner ${ABLE.join(' or ')}.`);
}

/** A model of this process, in whichever forms are asked for. */
export class OwnModel implements RankingModels {
  readonly #model: QualityModel;
  readonly #trained: number | null;
  #language: {
    readonly model: LanguageModel;
    readonly chat: ChatTemplate | null;
    readonly context: number;
  } | null = null;
  readonly #embedders = new Map<string, Embedder>();

  /** @param trained tokens that it was trained to see at once; null = not known. */
  constructor(model: QualityModel, trained: number | null) {
    this.#model = model;
    this.#trained = trained;
  }

  async reader({ contextTokens }: RankingTask['spec']): Promise<PromptReader> {
    const context = contextTokens ?? Math.min(this.#trained ?? USUAL_CONTEXT, USUAL_CONTEXT);
    if (this.#language === null || this.#language.context < context) {
      this.#language?.model.close();
      this.#language = null;
      const { modelPath } = this.#model;
      const model = await openLanguageModel({ ...this.#model, contextTokens: context });
      const chat = modelPath === null ? null : ((await openTokenizer(modelPath))?.chat ?? null);
      this.#language = { model, chat, context };
    }
    return modelReader(this.#language.model, this.#language.chat, context);
  }

  async embedder(pooling: EmbedderDemands['pooling']): Promise<Embedder> {
    const known = this.#embedders.get(pooling) ?? (await openEmbedder(this.#model, pooling));
    this.#embedders.set(pooling, known);
    return known;
  }

  close(): void {
    this.#language?.model.close();
    for (const embedder of this.#embedders.values()) embedder.close();
    this.#embedders.clear();
    this.#language = null;
  }
}
