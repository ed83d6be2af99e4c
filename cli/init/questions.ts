import { InvalidArgumentError } from 'commander';
import { type ListedModel, parameterCount } from '../model-list.js';
import { plainTable } from '../output/plain-table.js';
import { type Questioner, yesOrNo } from '../questioner.js';
import { type Variable, variables } from './command.js';

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
