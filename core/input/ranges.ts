import { type Reading, refused } from './reading.js';

/**
 * llama-bench's way to write integers: `512`, `1-8`, `1-8+2`, `128-1024*2`, several with commas
 * (tools/llama-bench/llama-bench.cpp, parse_int_range; last is included when the steps reach it).
 */
const PART = String.raw`\d{1,10}(-\d{1,10}([+*]\d{1,10})?)?`;
export const RANGE_PATTERN = `^${PART}(,${PART})*$`;

/** Most values one axis can hold. */
export const MAX_AXIS_VALUES = 10_000;

const RANGE = /^(\d+)(?:-(\d+)(?:([+*])(\d+))?)?$/;

/** @returns the integers of a spelling that matches RANGE_PATTERN, in order, or why there are none. */
export function expandRange(text: string): Reading<readonly number[]> {
  const values: number[] = [];
  for (const part of text.split(',')) {
    const match = RANGE.exec(part);
    if (!match)
      return refused(`"${part}" is no range: write first-last, first-last+step or first-last*factor`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    const multiply = match[3] === '*';
    const step = match[4] === undefined ? 1 : Number(match[4]);
    if (last < first) return refused(`"${part}" ends before it begins: write the smaller number first`);
    const next = (value: number) => (multiply ? value * step : value + step);
    if (last > first && next(first) <= first) {
      return refused(`"${part}" never moves on: use +1 or more, or *2 or more from a number above 0`);
    }
    for (let value = first; value <= last; value = next(value)) {
      if (values.length === MAX_AXIS_VALUES) {
        return refused(`"${text}" has more than ${MAX_AXIS_VALUES} values: use a larger step`);
      }
      values.push(value);
      if (next(value) <= value) break;
    }
  }
  return { ok: true, value: values };
}
