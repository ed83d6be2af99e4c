import type { WarningCode } from '../result/warnings.js';

/**
 * The domain of a board of which the trial's device is only a part, such as a MIG instance, or one half of an
 * MI250.
 */
export const SHARED_DOMAIN = 'board';

/** Domains that are added up, and what is odd about those that were sampled. */
export interface Choice {
  readonly domains: readonly string[];
  readonly warning: { readonly code: WarningCode; readonly message: string } | null;
}

/**
 * Chooses what counts as the trial's energy. On an accelerator: its own board (`gpu`), and nothing else; a
 * `board` that other devices share is not its own, and of several numbered GPUs nobody knows which one it
 * had. On a CPU: all packages and, where they are metered, their memory (`dram`); `psys` contains the
 * packages and `core`/`uncore` are contained in them, so those are never added, and `psys` stands in only
 * when there is no package at all. Chips that are no package have a `cpu`, and a `module` that CPU, GPU and
 * memory share stands in where they are not metered by themselves.
 */
export function chooseDomains(present: readonly string[], onCpu: boolean): Choice {
  const named = (...names: string[]) =>
    present.filter((domain) => names.some((w) => domain === w || domain.startsWith(`${w}-`))).sort();
  const shared = present.includes(SHARED_DOMAIN);
  if (!onCpu) return ofAccelerator(shared ? named('gpu') : first(named('gpu'), named('module')), shared);
  const processors = first(named('package'), named('cpu'));
  const domains =
    processors.length > 0 ? [...processors, ...named('dram')] : first(named('psys'), named('module'));
  return { domains, warning: null };
}

function first(...choices: (readonly string[])[]): readonly string[] {
  return choices.find(({ length }) => length > 0) ?? [];
}

function ofAccelerator(gpus: readonly string[], shared: boolean): Choice {
  const list = gpus.join(', ');
  if (gpus.includes('gpu')) {
    const others = gpus.filter((domain) => domain !== 'gpu');
    const message = `readings of ${others.join(', ')} belong to other GPUs and are not counted`;
    return { domains: ['gpu'], warning: others.length === 0 ? null : { code: 'other-device', message } };
  }
  if (gpus.length > 1) {
    const message = `readings are of ${gpus.length} GPUs (${list}), and the trial had one: which is not known`;
    return { domains: [], warning: { code: 'other-device', message } };
  }
  if (gpus.length === 0 && shared) {
    const message =
      'the energy is that of the whole board, of which the device is a part (a MIG instance, or half of an MI250)';
    return { domains: [], warning: { code: 'energy-shared', message } };
  }
  return { domains: gpus, warning: null };
}
