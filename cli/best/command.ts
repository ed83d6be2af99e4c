import { type Command, InvalidArgumentError } from 'commander';
import { nearest } from '../../core/input/suggest.js';
import { METRIC_NAMES, metricMeant } from '../../core/metrics/catalogue.js';
import type { Objective } from '../../core/sweep/spec.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface BestOptions extends ConnectionOptions {
  readonly metric: Objective;
  readonly most: number;
  readonly json?: true;
}

export function registerBest(program: Command): void {
  const command = program
    .command('best')
    .description('print the best rows of a model over all sweeps of a coordinator')
    .argument('<model>', 'the model as sweep files name it, or its digest')
    .option(
      '--metric <name>',
      'metric to rank by, by name or by the head of its column',
      objectiveOf,
      objectiveOf('decodeTokensPerSecond'),
    )
    .option('--most <rows>', 'rows to print', mostOf, 10)
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(lazy(async () => (await import('./best.js')).printBest));
}

/** @throws InvalidArgumentError for what is no metric, or one that is neither better high nor low */
function objectiveOf(name: string): Objective {
  const meant = metricMeant(name);
  if (meant === undefined) {
    const guess = nearest(name, METRIC_NAMES);
    throw new InvalidArgumentError(
      guess === null ? 'docs/metrics.md has every metric.' : `Did you mean ${guess}?`,
    );
  }
  const { name: metric, better } = meant;
  if (better === null) throw new InvalidArgumentError(`No value of ${metric} is better than another.`);
  return { metric, better };
}

/** @throws InvalidArgumentError */
function mostOf(text: string): number {
  const most = Number(text);
  if (Number.isInteger(most) && most > 0) return most;
  throw new InvalidArgumentError('Write a whole number above 0.');
}
