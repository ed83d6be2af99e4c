import { readingsInside } from '../metrics/integrate.js';
import { type Warning, warn } from '../result/warnings.js';
import type { Evidence } from './evidence.js';

/** What an accelerator's driver says against a row: others that computed there, and answers it did not give. */
export function deviceGates({ input, series, span }: Evidence): Warning[] {
  return [...sharedDevice(series.get('otherDeviceProcesses'), span), ...refusals(input.samples)];
}

function sharedDevice(others: ReturnType<Evidence['series']['get']>, span: Evidence['span']): Warning[] {
  if (others === undefined || span === null) return [];
  const counts = readingsInside(others, span);
  const seen = counts.filter((count) => count > 0).length;
  if (seen === 0) return [];
  const most = counts.reduce((max, count) => Math.max(max, count), 0);
  const whose = most === 1 ? 'another process' : `${most} other processes`;
  return [warn('foreign-process', `${whose} computed on the device in ${seen} of ${counts.length} readings`)];
}

function refusals(samples: Evidence['input']['samples']): Warning[] {
  const refused = samples.flatMap(({ quantity, values, refused }) =>
    refused === undefined ? [] : [`${quantity} (${refused} of ${values.length + refused} readings)`],
  );
  if (refused.length === 0) return [];
  return [
    warn('meter-refused', `the driver refused or gave what stands for no value: ${refused.join(', ')}`),
  ];
}
