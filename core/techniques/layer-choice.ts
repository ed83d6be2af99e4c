import type { Setting } from './spelling.js';

/** Linear layers by pattern: `attn_*`, `ffn_down`, `blk.0.*`; `*` stands for any characters. */
export type LayerPatterns = readonly string[];

/** A ratio for the layers that fit a pattern. */
export interface RatioOverride {
  readonly pattern: string;
  readonly ratio: number;
}

const PATTERN = '[A-Za-z0-9_.*-]{1,100}';
const LIST = new RegExp(`^${PATTERN}(,${PATTERN})*$`);
const PAIR = new RegExp(`^(${PATTERN}):([^,:]+)$`);

export function layerPatterns(fallback: LayerPatterns, help: string): Setting<LayerPatterns> {
  return {
    help,
    fallback,
    form: 'patterns of layers such as attn_*,ffn_down',
    read: (text) => (LIST.test(text) ? text.split(',') : undefined),
    write: (value) => value.join(','),
  };
}

export function ratioOverrides(help: string): Setting<readonly RatioOverride[]> {
  return {
    help,
    fallback: [],
    form: 'patterns of layers and their ratios, such as ffn_down:0.4,attn_q:0.7',
    read(text) {
      const pairs = text.split(',').map((pair) => PAIR.exec(pair));
      const read = pairs.map((pair) => ({ pattern: pair?.[1], ratio: readRatio(pair?.[2] ?? '') }));
      return read.every((pair): pair is RatioOverride => pair.pattern !== undefined && pair.ratio !== null)
        ? read
        : undefined;
    },
    // A fraction: in a word `%` is an escape.
    write: (value) => value.map(({ pattern, ratio }) => `${pattern}:${fraction(ratio)}`).join(','),
  };
}

/** @returns the share that `50%` or `0.5` stands for, or null. */
export function readRatio(text: string): number | null {
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
  const ratio = percent
    ? Number(percent[1]) / 100
    : /^(?:[01](?:\.\d{0,8})?|\.\d{1,8})$/.test(text)
      ? Number(text)
      : Number.NaN;
  return ratio >= 0 && ratio <= 1 ? ratio : null;
}

const fraction = (ratio: number) => String(Number(ratio.toFixed(8)));

/**
 * @param name of the weights in GGUF: `blk.3.attn_q.weight`.
 * @returns whether a pattern fits the whole name without `.weight`, or what follows the block's number.
 */
export function fitsPattern(name: string, pattern: string): boolean {
  const whole = name.replace(/\.weight$/, '');
  const inBlock = whole.replace(/^blk\.\d+\./, '');
  const expression = new RegExp(`^${pattern.replace(/[.-]/g, '\\$&').replace(/\*+/g, '.*')}$`);
  return expression.test(whole) || expression.test(inBlock);
}

export function fitsAny(name: string, patterns: LayerPatterns): boolean {
  return patterns.some((pattern) => fitsPattern(name, pattern));
}
