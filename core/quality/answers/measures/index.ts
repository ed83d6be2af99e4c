import { agreement } from './agreement.js';
import { auc } from './auc.js';
import { errors } from './errors.js';
import { f1 } from './f1.js';
import { joint } from './joint.js';
import { leakage } from './leakage.js';
import type { Gathering, MeasureSettings } from './measure.js';
import { text } from './text.js';

/** What follows from all answers together, and from no score of one. */
interface Measure {
  /** In few words, for lists. */
  readonly what: string;
  /** Whether answers to each task are measured by themselves, or all of a row. */
  readonly over: 'task' | 'row';
  readonly begin: (settings: MeasureSettings) => Gathering;
}

export const MEASURES = {
  f1: { what: 'F1 of classes, macro and weighted, with their confusion', over: 'task', begin: f1 },
  errors: { what: 'RMSE and MAE of numbers', over: 'task', begin: errors },
  auc: { what: 'area under ROC curves', over: 'task', begin: auc },
  text: { what: 'BLEU and chrF of all answers as one corpus, distinct-n', over: 'task', begin: text },
  agreement: { what: 'kappas, correlations and ICC of --raters', over: 'task', begin: agreement },
  joint: { what: 'items that are right in several tasks', over: 'row', begin: joint },
  leakage: { what: 'n-grams that are in the text of --leaked', over: 'task', begin: leakage },
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];
