import type { SavedStatistics } from '../../agent/calibration/saved.js';
import type { StatisticsFile } from '../../agent/calibration/store.js';
import { summarizeChannels } from '../../core/techniques/channel-summary.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';

/** What was collected, and where it lies. */
export interface Calibrated {
  readonly source: string;
  readonly modelPath: string;
  readonly textPath: string;
  readonly file: StatisticsFile;
  readonly statistics: SavedStatistics;
  readonly output: { readonly path: string; readonly format: string } | null;
}

/** Sums up what the layers of a model see: a table for people, or JSON. */
export function report(calibrated: Calibrated, json: boolean): void {
  const { source, modelPath, textPath, file, statistics, output } = calibrated;
  const { origin, layers } = statistics;
  const [first] = layers.values();
  const sequences = first?.sequences ?? 0;
  const tokens = first?.tokens ?? 0;
  const rows = [...layers].map(([name, channels]) => ({ name, ...summarizeChannels(channels) }));
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
      statistics: file.path,
      output,
      collectSeconds: file.seconds,
      warnings: file.warnings,
    });
    return;
  }
  printData(
    plainTable(
      ['layer', 'channels', 'mean R', 'max R', 'CV', 'dead'],
      rows.map(({ name, channels, meanSquares, maxSquares, coefficientOfVariation, deadChannels }) => [
        name.replace(/\.weight$/, ''),
        channels,
        number(meanSquares),
        number(maxSquares),
        coefficientOfVariation.toFixed(2),
        deadChannels,
      ]),
    ),
  );
  for (const warning of file.warnings) say(`note: ${warning}`);
  const dead = rows.filter(({ deadChannels }) => deadChannels > 0).length;
  if (dead > 0) say(`note: ${dead} layers have channels that no token activated; weights on them do nothing`);
  const when = file.seconds === null ? 'from the cache' : `in ${file.seconds.toFixed(1)} s`;
  say(
    `${sequences} sequences of ${origin.sequenceTokens} tokens, ${origin.windows.scheme} windows of ` +
      `${origin.textName}, ${when}; R is the sum of squares of a channel over a sequence`,
  );
  if (output !== null) say(`${output.path}: ${output.format}`);
}

function number(value: number): string {
  return value === 0 ? '0' : value.toPrecision(4).replace(/e\+?/, 'e');
}
