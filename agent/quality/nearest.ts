import { type Task, withVectors } from '../../core/quality/tasks/few-shot.js';
import type { Embedder } from '../../engines/runners/opened.js';
import type { QualityModel } from './measure.js';
import { openEmbedder } from './ranking/models.js';
import type { Watch } from './watch.js';

/** Texts that are made into vectors together; between them a stop is heard. */
const TOGETHER = 64;

/**
 * Chooses solved examples by embeddings, where tasks ask for that.
 * @param model whose states are compared: the base, so that every variant of it is shown the same.
 * @throws FailureError `impossible-combination` for a runner that makes no vectors.
 */
export async function withNearest(
  tasks: readonly Task[],
  model: QualityModel,
  watch: Watch,
): Promise<readonly Task[]> {
  const open = new Map<string, Embedder>();
  try {
    const made: Task[] = [];
    for (const task of tasks) {
      const pooling = task.awaits?.pooling;
      if (pooling === undefined) {
        made.push(task);
        continue;
      }
      const embedder = open.get(pooling) ?? (await openEmbedder(model, pooling));
      open.set(pooling, embedder);
      made.push(
        await withVectors(task, (texts) => vectorsOf(embedder, texts, `vectors of ${task.name}`, watch)),
      );
    }
    return made;
  } finally {
    for (const embedder of open.values()) embedder.close();
  }
}

async function vectorsOf(
  embedder: Embedder,
  texts: readonly string[],
  what: string,
  watch: Watch,
): Promise<number[][]> {
  const vectors: number[][] = [];
  for (let from = 0; from < texts.length; from += TOGETHER) {
    const inputs = texts.slice(from, from + TOGETHER).map((text) => embedder.cut(text));
    vectors.push(...embedder.embed(inputs).map((vector) => [...vector]));
    watch.progress({ what, done: vectors.length, total: texts.length, value: null });
    await watch.checkStop();
  }
  return vectors;
}
