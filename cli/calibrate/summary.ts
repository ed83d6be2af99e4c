import type { calibrate } from '../../artifacts/door/make.js';
import { groupBy } from '../../core/maps.js';
import { type ChannelSummary, summarizeChannels } from '../../core/techniques/channel-summary.js';
import { expertTokens, MORE_TOKENS, unreachedExperts } from '../../core/techniques/expert-tokens.js';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';

/** What was collected, and where it lies. */
export interface Calibrated extends Awaited<ReturnType<typeof calibrate>> {
  readonly source: string;
  readonly modelPath: string;
  readonly textPath: string;
}

/** Sums up what the layers of a model see: a table for people, or JSON. */
export function report(calibrated: Calibrated, json: boolean): void {
  const { source, modelPath, textPath, file, statistics, seen, output } = calibrated;
  const { origin, layers } = statistics;
  const { sequences, tokens } = seen;
  const rows = [...layers].map(([name, channels]) => ({
    name,
    tokens: channels.tokens,
    ...summarizeChannels(channels),
  }));
  const experts = expertTokens(rows);
  if (json) {
    printJson({
      schema: 'ridgepoint.dev/calibrated/v1',
      model: { source, path: modelPath, digest: origin.model },
      text: { name: origin.textName, path: textPath, digest: origin.text },
      windows: origin.windows,
      sequences,
      sequenceTokens: origin.sequenceTokens,
      tokens,
      layers: rows,
      experts,
      statistics: file.path,
      computedOn: origin.computedOn,
      computedOnReason: origin.computedOnReason ?? null,
      output,
      collectSeconds: file.seconds,
      warnings: file.warnings,
    });
    return;
  }
  printTable(
    ['layer', 'channels', 'mean R', 'max R', 'CV', 'dead'],
    linesOf(rows).map(({ name, channels, meanSquares, maxSquares, coefficientOfVariation, deadChannels }) => [
      name.replace(/\.weight$/, ''),
      channels,
      number(meanSquares),
      number(maxSquares),
      coefficientOfVariation.toFixed(2),
      deadChannels,
    ]),
  );
  if (experts !== null)
    say(
      `note: ${experts.experts} experts saw ${experts.least} tokens at least and ${experts.median} in the median; a line has all of a layer`,
    );
  for (const warning of file.warnings) say(`note: ${warning}`);
  const unreached = file.warnings.length > 0 ? null : unreachedExperts(experts);
  if (unreached !== null) say(`note: ${unreached}; ${MORE_TOKENS}`);
  const dead = rows.filter(({ deadChannels, tokens: seen }) => deadChannels > 0 && seen > 0).length;
  if (dead > 0) say(`note: ${dead} layers have channels that no token activated; weights on them do nothing`);
  const { computedOn, computedOnReason } = origin;
  if (computedOnReason !== undefined) say(`note: the model ran on the CPU: ${computedOnReason}`);
  const where = computedOn === 'cpu' ? '' : ` on ${computedOn}`;
  const when = `${file.seconds === null ? 'from the cache' : `in ${file.seconds.toFixed(1)} s`}${where}`;
  say(
    `${sequences} sequences of ${origin.sequenceTokens} tokens, ${origin.windows.scheme} windows of ` +
      `${origin.textName}, ${when}; R is the sum of squares of a channel over a sequence`,
  );
  if (output !== null) say(`${output.path}: ${output.format}`);
}

interface Row extends ChannelSummary {
  readonly name: string;
  readonly tokens: number;
}

/**
 * A line for each tensor: of experts the means, the largest R, and the dead channels of all that tokens
 * reached.
 */
function linesOf(rows: readonly Row[]): readonly Omit<Row, 'tokens'>[] {
  return [...groupBy(rows, ({ name }) => tensorOf(name).tensor)].map(([name, all]) => {
    const seen = all.filter(({ tokens }) => tokens > 0);
    const mean = (of: (row: Row) => number) =>
      seen.reduce((sum, row) => sum + of(row), 0) / Math.max(1, seen.length);
    return {
      name,
      channels: all[0]!.channels,
      meanSquares: mean((row) => row.meanSquares),
      maxSquares: seen.reduce((most, row) => Math.max(most, row.maxSquares), 0),
      coefficientOfVariation: mean((row) => row.coefficientOfVariation),
      deadChannels: seen.reduce((sum, row) => sum + row.deadChannels, 0),
    };
  });
}

function number(value: number): string {
  return value === 0 ? '0' : value.toPrecision(4).replace(/e\+?/, 'e');
}
