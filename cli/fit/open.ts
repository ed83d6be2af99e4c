import { dirname, resolve } from 'node:path';
import { FailureError } from '../../core/errors.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { type Ceilings, publishedCeilings } from '../../roofline/ceilings.js';
import { HARDWARE } from '../../roofline/hardware/catalogue.js';
import { usageError } from '../exit.js';
import { openCeilings } from '../roofline/open-hardware.js';
import { openArchitecture } from '../roofline/open-model.js';
import { optionErrors } from './check-options.js';
import type { FitOptions } from './command.js';

export interface OpenedFit {
  readonly model: string;
  readonly architecture: ModelArchitecture;
  readonly draft: ModelArchitecture | null;
  readonly devices: readonly Ceilings[];
}

/** Opens what the options name. @throws CommandError (2) with every name that leads nowhere, and every word that is wrong, at once */
export async function openFit(options: FitOptions): Promise<OpenedFit> {
  const { model, models, hardware, draft, config } = options;
  const failures: { readonly message: string; readonly hint: string | null }[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(error.failure);
      return null;
    }
  };
  const named = (name: string) =>
    attempt(() =>
      openArchitecture(
        name,
        [...models, '.', dirname(resolve(name))].map((folder) => resolve(folder)),
      ),
    );
  const architecture = model === undefined ? null : await named(model);
  const small = draft === undefined ? null : await named(draft);
  const devices: Ceilings[] = [];
  for (const name of hardware?.split(',').map((word) => word.trim()) ?? []) {
    const found = await attempt(() => openCeilings(name, config));
    if (found !== null) devices.push(found);
  }
  failures.push(...optionErrors(options, architecture, devices));
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) throw usageError(first.message, first.hint);
  if (failures.length > 0)
    throw usageError(
      failures
        .map(({ message, hint }) => (hint === null ? message : `${message}\n       ${hint}`))
        .join('\n'),
    );
  if (model === undefined || architecture === null) throw new Error('a model that is missing was not said');
  const everyGpu = HARDWARE.filter(({ kind }) => kind === 'gpu').map(publishedCeilings);
  return { model, architecture, draft: small, devices: hardware === undefined ? everyGpu : devices };
}
