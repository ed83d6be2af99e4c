import type { Exchange, GivenMask } from '../../../../core/techniques/pruning/dsnot/exchange.js';
import type { DsnotSettings } from '../../../../core/techniques/pruning/dsnot/settings.js';
import { emptyMask, packRow } from '../../../../core/techniques/pruning/mask.js';
import { type Matrix, rowOf } from '../../../../core/techniques/pruning/matrix.js';
import type { Pattern } from '../../../../core/techniques/pruning/pattern.js';
import { type Score, wanda } from '../../../../core/techniques/pruning/scores.js';
import type { ChannelStatistics } from '../../../../core/techniques/pruning/statistics.js';
import { isPruned } from '../mask.js';
import { scoreRow } from '../scores.js';
import { RowSelection } from '../selection.js';
import { ReferenceExchange } from './reference.js';
import { ExchangeRow } from './row.js';
import { StrictExchange } from './strict.js';

/**
 * DSnoT (Dynamic Sparse no Training, arXiv 2310.08915): starts from the mask of least `initial` score per row
 * and exchanges pruned for kept weights until the row's expected output error is small. Weights are never
 * updated.
 * @param initial the score of the initial mask, or the mask itself.
 */
export function dsnot(
  weights: Matrix,
  statistics: ChannelStatistics,
  initial: Score | GivenMask,
  pattern: Pattern,
  settings: DsnotSettings,
): Exchange {
  const { rows, columns } = weights;
  const initialMask = emptyMask(rows, columns);
  const mask = emptyMask(rows, columns);
  const selection = new RowSelection(pattern, columns);
  const state = new ExchangeRow(statistics, settings);
  const wandaScore = wanda(statistics);
  const wandaScores = new Float32Array(columns);
  const scores = new Float32Array(columns);
  const reference = new ReferenceExchange(settings);
  const strict = new StrictExchange(settings);
  let rowsAboveThreshold = 0;
  for (let row = 0; row < rows; row++) {
    const values = rowOf(weights, row);
    scoreRow(wandaScore, values, wandaScores);
    if (initial.kind === 'given') {
      scores.set(wandaScores);
      state.flags.forEach((_, j, flags) => {
        flags[j] = isPruned(initial.mask, row, j) ? 1 : 0;
      });
    } else {
      scoreRow(initial, values, scores);
      selection.select(scores, state.flags);
    }
    packRow(initialMask, row, state.flags);
    state.fill(values, wandaScores, selection.sorter, initial.kind === 'given' ? initial.lost[row]! : 0);
    if (state.kept > 0 && state.kept < columns) {
      if (pattern.kind === 'unstructured') {
        if (settings.mode === 'reference') reference.exchange(state, row);
        else strict.exchange(state);
      } else if (settings.mode === 'reference') reference.exchangeGrouped(state, row, scores, pattern.group);
      else strict.exchangeGrouped(state, scores, pattern.group);
    }
    if (Math.abs(state.error) > settings.updateThreshold) rowsAboveThreshold++;
    packRow(mask, row, state.flags);
  }
  const end = reference.settle(mask);
  return {
    initialMask,
    mask,
    rowsAboveThreshold,
    steps: settings.mode === 'reference' ? reference.steps : strict.steps,
    cycles: settings.mode === 'reference' ? end.cycles : strict.cycles,
    publishedCodeFails: end.publishedCodeFails,
    undefinedChoice: end.undefinedChoice,
  };
}
