import type { RankingTask } from '../../../core/ranking/task.js';
import type { Journal } from '../asking/journal.js';
import type { QualityModel } from '../asking/language-model.js';
import type { Watch } from '../watch.js';
import { measureRanking, RankingSets } from './measure.js';
import { OwnModel, type RankingModels } from './models.js';

/** The rankings of one job, with the models that they open. */
export class Rankings {
  readonly #sets = new RankingSets();
  readonly #own: OwnModel[] = [];
  readonly #finders = new Map<string, OwnModel>();
  readonly #model: RankingModels;
  readonly #base: RankingModels | null;
  readonly #finding: QualityModel | null;
  readonly #watch: Watch;

  /**
   * @param model what is asked: a file that is opened here, or whoever answers for it.
   * @param finding how a file that finds candidates is opened; null = it cannot be.
   * @param trained tokens that the model was trained to see at once; null = not known.
   */
  constructor(
    model: QualityModel | RankingModels,
    base: QualityModel | null,
    finding: QualityModel | null,
    trained: number | null,
    watch: Watch,
  ) {
    this.#model = 'reader' in model ? model : this.#open(model, trained);
    this.#base = base === null ? null : this.#open(base, trained);
    this.#finding = finding;
    this.#watch = watch;
  }

  async measure(task: RankingTask, journal: Journal): ReturnType<typeof measureRanking> {
    const finder = (path: string): RankingModels => {
      const finding = this.#finding;
      if (finding === null) return this.#model;
      const known =
        this.#finders.get(path) ?? this.#open({ ...finding, modelPath: path, adapters: [] }, null);
      this.#finders.set(path, known);
      return known;
    };
    const [model, base, sets, watch] = [this.#model, this.#base, this.#sets, this.#watch];
    return await measureRanking(task, { model, base, finder, sets, journal, watch });
  }

  /** @returns what has to be known of a task's data. */
  caveats(task: RankingTask): string[] {
    const { leftOut } = this.#sets.dataOf(task);
    return leftOut === 0
      ? []
      : [`${task.name}: ${leftOut} judgements of documents that the corpus does not have are left out`];
  }

  close(): void {
    for (const model of this.#own.splice(0)) model.close();
  }

  #open(model: QualityModel, trained: number | null): OwnModel {
    const own = new OwnModel(model, trained);
    this.#own.push(own);
    return own;
  }
}
