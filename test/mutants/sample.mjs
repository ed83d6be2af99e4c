// A checker of Stryker that lets a random sample of the mutants through, uniformly drawn among all that could
// be tried, those that no test reaches included. A mutant's rank is the hash of the seed and of what it
// changes: the same seed draws the same mutants from the same code.
import { createHash } from 'node:crypto';

/** The reason that the results give for what was not drawn. */
export const NOT_DRAWN = 'not in the sample';

class Sample {
  #drawn;

  constructor({ size, seed }) {
    this.size = size;
    this.seed = seed;
  }

  async init() {}

  /** Stryker asks once, with all mutants of the run: one process checks where two run tests. */
  async group(mutants) {
    if (this.#drawn !== undefined) throw new Error('Stryker asks for parts: a sample must see all mutants.');
    const ranked = mutants
      .map((mutant) => ({ id: mutant.id, rank: this.#rankOf(mutant) }))
      .sort((one, other) => (one.rank < other.rank ? -1 : 1))
      .map(({ id }) => id);
    const drawn = ranked.slice(0, this.size);
    this.#drawn = new Set(drawn);
    return [drawn, ranked.slice(this.size)].filter((group) => group.length > 0);
  }

  async check(mutants) {
    return Object.fromEntries(
      mutants.map(({ id }) => [
        id,
        this.#drawn.has(id) ? { status: 'passed' } : { status: 'compileError', reason: NOT_DRAWN },
      ]),
    );
  }

  #rankOf({ fileName, location, mutatorName, replacement }) {
    return createHash('sha256')
      .update(JSON.stringify([this.seed, fileName.split('/').slice(-3), location, mutatorName, replacement]))
      .digest('hex');
  }
}

function createSample(options) {
  return new Sample(options.sample);
}
createSample.inject = ['options'];

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: createSample }];

export const strykerValidationSchema = {
  properties: {
    sample: {
      type: 'object',
      properties: { size: { type: 'integer', minimum: 1 }, seed: { type: 'string' } },
      required: ['size', 'seed'],
    },
  },
};
