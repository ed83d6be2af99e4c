import type { runOps } from '../../agent/door/trials.js';
import { arithmeticOf } from '../../core/kernels/arithmetic.js';
import type { OpFacts } from '../../core/kernels/op.js';
import type { Roofs } from '../../core/result/roofs.js';
import { roofShare } from '../../roofline/roof-share.js';
import { quantile } from '../../statistics/quantile.js';
import { plainTable, tableOf } from '../output/plain-table.js';

type Answer = Awaited<ReturnType<typeof runOps>>;
type TimedOp = Answer['timed'][number];

/** Every op: what it is, its shape, and its variants with why one cannot run. */
export function listText(ops: Answer['ops']): string {
  return ops
    .map(({ name, help, parameters, variants }) => {
      const shape = parameters.map(
        (p) => `${`  ${p.name}=${p.fallback}`.padEnd(24)}${p.help} (${p.least} to ${p.most})`,
      );
      const rows = variants.map((v) => [
        `  ${v.name}`,
        v.types.join(' '),
        v.absent === null ? v.help : `not here: ${v.absent}`,
      ]);
      return [`${name}: ${help}`, ...shape, plainTable(['  variant', 'types', ''], rows)].join('\n');
    })
    .join('\n\n');
}

export function checkTable(checked: Answer['checked']): string {
  const rows = checked.map(({ request, verdict }) => [
    request.op,
    request.variant,
    request.type,
    request.shape.join('x'),
    verdict.ok ? 'right' : 'WRONG',
    verdict.error === null ? 'infinite' : verdict.error.toFixed(3),
    verdict.fault ?? '',
  ]);
  const table = plainTable(['op', 'variant', 'type', 'shape', 'is', 'error/allowed', ''], rows);
  const wrong = checked.filter(({ verdict }) => !verdict.ok).length;
  return `${table}\n\n${checked.length} checked, ${wrong} wrong`;
}

/** @param roofs of this node's CPUs, or of its GPU; null = none are stored, and shares are missing. */
export function timeTable(timed: readonly TimedOp[], op: OpFacts, roofs: Roofs | null): string {
  const quantileOf = ({ nanoseconds }: TimedOp, share: number) => quantile(nanoseconds, share);
  const shareOf = (one: TimedOp) => {
    const { request, cache, work } = one;
    // Out of the caches the roof of memory says nothing.
    if (roofs === null || cache === 'warm') return null;
    const arithmetic = arithmeticOf(request);
    return roofShare(
      roofs,
      arithmetic,
      work,
      threadsOf(roofs) ?? request.threads,
      quantileOf(one, 0.5) / 1e9,
    );
  };
  const table = tableOf(timed, {
    variant: ({ request }) => request.variant,
    type: ({ request }) => request.type,
    cache: ({ cache }) => cache,
    'median us': (one) => round(quantileOf(one, 0.5) / 1e3),
    'middle half': (one) => `${round(quantileOf(one, 0.25) / 1e3)}-${round(quantileOf(one, 0.75) / 1e3)}`,
    repeats: ({ nanoseconds }) => nanoseconds.length,
    'GB/s': (one) => round(one.work.bytes / quantileOf(one, 0.5)),
    'GFLOP/s': (one) => round(one.work.flops / quantileOf(one, 0.5)),
    '% of roof': (one) => {
      const share = shareOf(one);
      return share === null ? null : Number((100 * share).toFixed(1));
    },
    'bits/weight': ({ work: { facts } }) =>
      facts.bitsPerWeight === undefined ? null : round(facts.bitsPerWeight),
  });
  const { shape, threads } = timed[0]?.request ?? { shape: [], threads: 0 };
  const named = op.parameters.map(({ name }, i) => `${name}=${shape[i]}`).join(',');
  const against =
    roofs === null ? 'no roofs are stored: `ridge roofs` measures them' : `roofs of ${roofs.measuredAt}`;
  return `${op.name} ${named}, ${threads} threads, ${against}\n${table}`;
}

/** A GPU's roofs are those of all its multiprocessors. */
const threadsOf = (roofs: Roofs) =>
  roofs.device.class.startsWith('cuda') ? roofs.bandwidth[0]?.threads : undefined;

const round = (value: number) => Number(value.toPrecision(4));
