import { writeFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { describedModel } from '../../artifacts/door/open.js';
import { FailureError } from '../../core/errors.js';
import type { ModelRef } from '../../core/experiment/experiment.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { isRemote } from '../../core/models/remote.js';
import { isSynthetic, NO_QUALITY } from '../../core/models/synthetic.js';
import { nameFromSource } from '../../core/sweep/resolve.js';
import { EXIT, fromFailure, usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import { type ListedModel, localModels, parameterCount } from '../model-list.js';
import { plainTable } from '../output/plain-table.js';
import { say } from '../output/print.js';
import { type Questioner, questioner, yesOrNo } from '../questioner.js';
import { outputPath } from '../single/output-path.js';
import { type InitOptions, VARIABLE, type Variable, variables } from './command.js';
import { initDocument, variablesFor } from './document.js';

/** @returns the source of the model that was chosen, by its number in the list or by its name. */
export async function askModel(on: Questioner, models: readonly ListedModel[]): Promise<string> {
  const usable = models.filter(({ facts }) => facts !== null);
  on.say('Which model?');
  on.say(
    plainTable(
      ['', 'source', 'architecture', 'parameters', 'type', 'context'],
      usable.map(({ source, facts }, i) => [
        i + 1,
        source,
        facts?.architecture ?? null,
        parameterCount(facts?.parameters ?? null),
        facts?.quantization ?? null,
        facts?.contextLength ?? null,
      ]),
    ),
  );
  return await on.ask('A number, a path, or hf:OWNER/REPOSITORY:Q4_K_M [1]:', (answer) => {
    if (!/^\d*$/.test(answer)) return answer;
    const chosen = usable[(answer === '' ? 1 : Number(answer)) - 1];
    if (chosen === undefined) throw new InvalidArgumentError(`Give a number from 1 to ${usable.length}.`);
    return chosen.source;
  });
}

const MEANINGS: Readonly<Record<Variable, string>> = {
  quantization: 'bits of the weights',
  attention: 'flash attention, and a sliding window where the model can have one',
  batch: 'sequences decoded together',
  threads: 'threads of the CPU',
};

/** @param possible those that this model can have. */
export async function askVariables(
  on: Questioner,
  possible: readonly Variable[],
): Promise<readonly Variable[]> {
  on.say('\nWhat shall vary?');
  for (const name of possible) on.say(`  ${name.padEnd(14)}${MEANINGS[name]}`);
  return await on.ask(`Names with commas, or none [${possible[0] ?? 'none'}]:`, (answer) => {
    const chosen = answer === '' ? possible.slice(0, 1) : variables(answer);
    const not = chosen.find((name) => !possible.includes(name));
    if (not !== undefined) throw new InvalidArgumentError(`This model can have one value of ${not} alone.`);
    return chosen;
  });
}

/** @returns whether perplexity shall be measured. */
export async function askQuality(on: Questioner): Promise<boolean> {
  return await on.ask('\nDoes quality matter: measure perplexity, too? y/n [n]:', yesOrNo);
}

/**
 * `ridge init`: writes a sweep file from three answers, given as options or asked for.
 * @throws CommandError 2 for an answer that is missing where nobody can be asked, or that the model does not
 *   allow, and for a file that is there; 130 when the questions were left.
 */
export async function init(options: InitOptions): Promise<void> {
  const path = outputPath(options.out, options.force === true);
  const ask =
    process.stdin.isTTY === true ? questioner(process.stdin, process.stderr, 'nothing was written') : null;
  try {
    const document = await documentFrom(options, path, ask);
    writeFileSync(path, document);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'open')
      throw usageError(
        `${options.out} cannot be written: ${fileProblem(error)}`,
        'Name another file with --out.',
      );
    throw error;
  } finally {
    ask?.close();
  }
  say(
    `${options.out} written; ridge plan ${options.out} shows what it does, ridge run ${options.out} runs it`,
  );
}

async function documentFrom(options: InitOptions, path: string, ask: Questioner | null): Promise<string> {
  if (ask === null && (options.model === undefined || options.vary === undefined)) {
    const missing = [
      ...(options.model === undefined ? ['--model SOURCE (builtin:small, say)'] : []),
      ...(options.vary === undefined ? [`--vary NAMES (of ${VARIABLE.join(', ')}, or none)`] : []),
    ];
    throw usageError(
      `there is no terminal to ask at: give ${missing.join(' and ')}`,
      '--quality measures perplexity, too; --out FILE says where the sweep is written.',
    );
  }
  const offered = () => localModels([...new Set(['.', ...options.models])]);
  const source = options.model ?? (await askModel(ask!, offered()));
  const model = await modelOf(source, path, options);
  const possible = variablesFor(model, VARIABLE);
  const vary = options.vary ?? (await askVariables(ask!, possible));
  requirePossible(model, vary, possible);
  const quality = options.quality ?? (ask === null || isSynthetic(source) ? false : await askQuality(ask));
  if (quality && isSynthetic(source)) throw usageError(NO_QUALITY, 'Leave --quality out.');
  return initDocument({ name: nameFor(source, vary), model, vary, quality, path: options.out });
}

/**
 * Two sweeps of one model vary other things, and have folders of their own; names of sweeps have no `+`, and
 * are shorter than those of models.
 */
function nameFor(source: string, vary: readonly Variable[]): string {
  return [nameFromSource(source).replaceAll('+', '-'), ...vary].join('-').slice(0, 63);
}

/** Looks at the model; one that has to be fetched may stay unknown. @throws CommandError */
async function modelOf(source: string, path: string, options: InitOptions): Promise<ModelRef> {
  const named: ModelRef = { name: 'model', source: relativeToFile(path, source), digest: null, facts: null };
  const settings = settingsFor(options, path, source);
  try {
    const { facts } = await describedModel({ ...named, source }, settings, false);
    return { ...named, facts };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    if (!isRemote(source)) throw fromFailure(error.failure, EXIT.usage);
    say(`${source} is not looked at: ${error.failure.message}`);
    return named;
  }
}

/** A path as it has to stand in a file at `path`; other sources as they are. */
function relativeToFile(path: string, source: string): string {
  const isPath = !/^[a-z][a-z0-9+.-]+:/.test(source);
  return isPath && !isAbsolute(source) ? relative(dirname(path), resolve(source)) : source;
}

function requirePossible(model: ModelRef, vary: readonly Variable[], possible: readonly Variable[]): void {
  const not = vary.filter((name) => !possible.includes(name));
  if (not.length === 0) return;
  const type = model.facts?.quantization ?? null;
  const why = type === null ? '' : ` (its weights are ${type})`;
  throw usageError(
    `${model.source} can have one value of ${not.join(' and ')} alone${why}`,
    possible.length === 0 ? 'Give --vary none.' : `It can vary ${possible.join(', ')}.`,
  );
}
