// A test runner of Stryker: the one for vitest, with processes that are kept from one mutant to the next
// (`kept-processes.mjs`), which is many times as fast. What a mutant leaves behind in module state must not
// count for or against another, hence two checks. Tests that found a mutant have to pass without it
// afterwards, in the same process; and a mutant whose code was never reached, because its result was already
// there, is tried in a fresh process.
import { strykerPlugins as vitestPlugins } from '@stryker-mutator/vitest-runner';
import { keptProcesses } from './kept-processes.mjs';

const NO_MUTANT = 'none';

class KeptRunner {
  #processes = keptProcesses();

  constructor(inner, options) {
    this.inner = inner;
    this.options = options;
  }

  capabilities() {
    return this.inner.capabilities();
  }

  async init() {
    await this.inner.init();
    for (const { config } of this.inner.ctx.projects) {
      config.pool = this.#processes.name;
      config.poolRunner = this.#processes;
    }
  }

  dryRun(options) {
    return this.inner.dryRun(options);
  }

  async mutantRun(options) {
    // The tests to run are known by name; which test files depend on the mutant's is asked only without them.
    this.options.vitest.related = options.testFilter === undefined;
    if (options.mutantActivation === 'static') return await this.#inFreshProcess(options);
    const result = await this.inner.mutantRun(options);
    if (result.status === 'survived' && this.inner.readHitCount() === 0)
      return await this.#inFreshProcess(options);
    if (result.status === 'killed' && !(await this.#passWithoutMutant(result.killedBy, options)))
      return await this.#inFreshProcess(options);
    if (result.status !== 'survived' && result.status !== 'killed') await this.#processes.discard();
    return result;
  }

  async #inFreshProcess(options) {
    await this.#processes.discard();
    const result = await this.inner.mutantRun(options);
    await this.#processes.discard();
    return result;
  }

  async #passWithoutMutant(tests, options) {
    const { status } = await this.inner.mutantRun({
      ...options,
      activeMutant: { ...options.activeMutant, id: NO_MUTANT },
      testFilter: tests,
      hitLimit: undefined,
    });
    return status === 'survived';
  }

  async dispose() {
    await this.#processes.discard();
    await this.inner.dispose();
  }
}

const [{ kind, factory: createVitestRunner }] = vitestPlugins;

function createKeptRunner(injector) {
  return new KeptRunner(createVitestRunner(injector), injector.resolve('options'));
}
createKeptRunner.inject = createVitestRunner.inject;

export const strykerPlugins = [{ kind, name: 'vitest-kept', factory: createKeptRunner }];
