import type { Divergence } from '../../core/quality/divergence.js';
import type { QualityOutcome, TaskOutcome, TextOutcome } from '../../core/quality/outcome.js';
import type { Estimate } from '../../core/quality/perplexity.js';
import type { Distribution } from '../../core/quality/tails.js';
import { plainTable } from '../output/plain-table.js';
import { ascii } from '../output/text.js';

/** @returns the outcome for people: one line a number, each with its standard error. */
export function summary(outcome: QualityOutcome, textName: string, unicode: boolean): string {
  const lines = [
    ...(outcome.text === null ? [] : textLines(outcome.text, textName)),
    ...outcome.tasks.flatMap((task) => ['', ...taskLines(task)]),
  ];
  const text = lines.join('\n').trim();
  return unicode ? text : ascii(text);
}

function textLines(
  { tokens, windows, request, perplexity, divergence }: TextOutcome,
  name: string,
): string[] {
  const { scheme, context, stride } = request;
  const moved = scheme === 'strided' ? ` moved on by ${stride ?? Math.floor(context / 2)}` : '';
  return [
    line('text', `${name}: ${tokens} tokens in ${windows} ${scheme} windows of ${context}${moved}`),
    line('perplexity', `${withError(perplexity, 4)} over ${perplexity.tokens} predictions`),
    ...(divergence === null ? [] : divergenceLines(divergence)),
  ];
}

function divergenceLines(found: Divergence): string[] {
  return [
    line('base', withError(found.base, 4)),
    line('ratio', `${withError(found.perplexityRatio, 5)}   ln ${withError(found.logPerplexityRatio, 5)}`),
    line('KL divergence', `${withError(found.kl, 6)} nats   ${tails(found.kl.distribution, 5)}`),
    line('same top-1', `${percent(found.sameTop)}`),
    line(
      'Δp of the text',
      `${percent(found.probabilityChange)}   RMS ${percent(found.probabilityChangeRms)}   ` +
        `min ${(100 * found.probabilityChange.distribution.minimum).toFixed(2)} % ` +
        `max ${(100 * found.probabilityChange.distribution.maximum).toFixed(2)} %`,
    ),
  ];
}

function taskLines(task: TaskOutcome): string[] {
  const chance = task.chance === null ? '' : `, ${(100 * task.chance).toFixed(1)} % by chance`;
  const head = `task           ${task.name}: ${task.items} items${chance}`;
  const rows = task.scores.flatMap(({ name, score, base, retentionPercent }) => [
    [
      name,
      'all',
      score.items,
      percent(score),
      base === null ? null : percent(base),
      retentionPercent === null ? null : `${withError(retentionPercent, 1)} %`,
    ],
    ...score.groupings.flatMap(({ by, groups }, g) =>
      groups.map((group, i) => [
        name,
        `${by} ${group.group}`,
        group.items,
        percent(group),
        base === null ? null : percent(base.groupings[g]!.groups[i]!),
        group.retentionPercent === null ? null : `${withError(group.retentionPercent, 1)} %`,
      ]),
    ),
  ]);
  const spreads = task.scores.flatMap(({ name, score: { groupings } }) =>
    groupings.flatMap(({ by, spread }) =>
      spread === null
        ? []
        : [
            `spread of ${name} by ${by}: ${points(spread.range)} points from ${spread.worst} to ${spread.best}, ` +
              `standard deviation ${(100 * spread.stddev).toFixed(1)}`,
          ],
    ),
  );
  return [
    head,
    ...perItemLines(task),
    plainTable(['score', 'group', 'items', 'value', 'base', 'retained'], rows),
    ...spreads,
  ];
}

/** What a query took. */
function perItemLines({ perItem }: TaskOutcome): string[] {
  const { seconds, tokensIn, tokensOut } = perItem;
  const tokens = (count: number | null, way: string) =>
    count === null ? [] : [`${Math.round(count)} tokens ${way}`];
  const time = seconds === null ? [] : [`${(1000 * seconds).toPrecision(3)} ms`];
  return [line('each takes', [...time, ...tokens(tokensIn, 'in'), ...tokens(tokensOut, 'out')].join(', '))];
}

function line(name: string, text: string): string {
  return `${name.padEnd(14)} ${text}`;
}

function withError({ value, standardError }: Estimate, digits: number): string {
  const error = standardError === null ? '' : ` ± ${standardError.toFixed(digits)}`;
  return `${value.toFixed(digits)}${error}`;
}

function points({ value, standardError }: Estimate): string {
  return withError(
    { value: 100 * value, standardError: standardError === null ? null : 100 * standardError },
    1,
  );
}

function percent({ value, standardError }: Estimate): string {
  const error = standardError === null ? null : 100 * standardError;
  return `${withError({ value: 100 * value, standardError: error }, 2)} %`;
}

function tails(found: Distribution, digits: number): string {
  const { maximum, p999, p99, p90, median } = found;
  return Object.entries({ max: maximum, '99.9 %': p999, '99 %': p99, '90 %': p90, median })
    .map(([name, value]) => `${name} ${value.toFixed(digits)}`)
    .join('  ');
}
