import { type Command, InvalidArgumentError, Option } from 'commander';
import { nearest } from '../../core/input/suggest.js';
import { METRIC_NAMES, metricMeant } from '../../core/metrics/catalogue.js';
import { EXIT } from '../exit.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { duration } from '../options/values.js';

export interface DriftOptions extends ConnectionOptions {
  readonly metric: readonly string[];
  /** Seconds. */
  readonly sitting: number;
  readonly format: 'text' | 'json';
  readonly json?: true;
}

export function registerDrift(program: Command): void {
  const command = program
    .command('drift')
    .description(
      'chart the same experiments over time on a node: what is out of limits, when a level changed, and what changed in the environment with it.\n' +
        `Exit code ${EXIT.gate}: a level changed, or the last sitting is out of limits.`,
    )
    .argument(
      '<sources...>',
      'folders of `ridge run`, results.jsonl, bundles, logs (a file, postgres://…, nats://…), sweeps of a coordinator, or names of baselines (baseline:NAME)',
    )
    .option(
      '--metric <name>',
      'metric to chart, by name or by the head of its column (repeatable; default: tokens per second of each kind)',
      metricOf,
      [],
    )
    .option(
      '--sitting <time>',
      'starts of an experiment that lie closer together are one sitting',
      duration,
      3600,
    )
    .addOption(new Option('-f, --format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as --format json');
  addConnectionOptions(command).action(lazy(async () => (await import('./drift.js')).printDrift));
}

/** @throws InvalidArgumentError */
function metricOf(name: string, before: readonly string[]): readonly string[] {
  const meant = metricMeant(name);
  if (meant !== undefined) return [...before, meant.name];
  const guess = nearest(name, METRIC_NAMES);
  throw new InvalidArgumentError(
    guess === null ? 'docs/metrics.md has every metric.' : `Did you mean ${guess}?`,
  );
}
