import type { ModelArchitecture } from '../../core/work/architecture.js';
import { settingFlaw } from '../../core/work/pass/check.js';
import { DEFAULT_SETTING } from '../../core/work/pass/setting.js';
import { readBits } from '../../roofline/analysis/bits.js';
import type { Ceilings } from '../../roofline/ceilings.js';
import { fewestDevices, type WantedSplit } from '../../roofline/fit/split.js';
import { readEngine, unknownEngine } from '../../roofline/step/engines.js';
import type { FitOptions } from './command.js';

interface OptionError {
  readonly message: string;
  readonly hint: string | null;
}

/** As the model is. */
export const DEFAULT_BITS = 'native';

const wrong = (message: string, hint: string | null = null): OptionError => ({ message, hint });

/** @returns how the model is to be spread, as far as it was said. */
export function wantedSplit({ tensorParallel, pipelineParallel, expertParallel }: FitOptions): WantedSplit {
  return {
    tensor: tensorParallel ?? null,
    pipeline: pipelineParallel ?? null,
    expert: expertParallel ?? null,
  };
}

/**
 * @param architecture null when there is none to ask: what can be seen without one is said anyway.
 * @returns every contradiction of the words with one another, with the model and with the devices.
 */
export function optionErrors(
  options: FitOptions,
  architecture: ModelArchitecture | null,
  devices: readonly Ceilings[],
): OptionError[] {
  const { model, context, prompt, bits } = options;
  const reading = readBits(bits ?? DEFAULT_BITS);
  const errors: OptionError[] = [];
  if (model === undefined)
    errors.push(
      wrong('--model is missing: name one', '`ridge roofline --list` shows every published model.'),
    );
  if (architecture !== null && context > architecture.contextLength) {
    const most = `--context ${context}: the model has at most ${architecture.contextLength} tokens`;
    errors.push(wrong(most, 'Ask for a shorter context, or for another model.'));
  }
  if (prompt !== undefined && prompt > context) {
    const longer = `--prompt ${prompt} is longer than --context ${context}`;
    errors.push(wrong(longer, 'The context holds the prompt and the answer.'));
  }
  if (!reading.ok) errors.push(wrong(reading.message));
  if (options.engine !== undefined && readEngine(options.engine) === null)
    errors.push(wrong(unknownEngine(options.engine)));
  return [...errors, ...splitErrors(options, architecture), ...offloadErrors(options, devices)];
}

function splitErrors(options: FitOptions, architecture: ModelArchitecture | null): OptionError[] {
  const wanted = wantedSplit(options);
  const said = Object.values(wanted).some((degree) => degree !== null);
  if (!said) return [];
  if (options.train !== undefined) {
    const what = 'tensor, pipeline and expert parallelism are for serving, and --train was given';
    return [wrong(what, 'Training shares out what --zero says.')];
  }
  const fewest = fewestDevices(wanted);
  const { tensor, pipeline, expert } = wanted;
  const parallelism = { tensor: tensor ?? 1, pipeline: pipeline ?? 1, expert: expert ?? 1 };
  const flaw =
    architecture === null
      ? null
      : settingFlaw(architecture, {
          ...DEFAULT_SETTING,
          parallelism,
          phase: 'decode',
          batch: [{ sequences: 1, newTokens: 1, cachedTokens: 0 }],
        });
  if (flaw !== null) return [wrong(`The model cannot be split so: ${flaw}.`)];
  if (fewest <= options.devices) return [];
  return [wrong(`this split needs ${fewest} devices, and --devices allows ${options.devices}`)];
}

function offloadErrors({ maxOffload, train }: FitOptions, devices: readonly Ceilings[]): OptionError[] {
  if (maxOffload === 0) return [];
  if (train !== undefined)
    return [wrong('--max-offload is for serving, and --train was given', 'Leave one of them out.')];
  return devices
    .filter(({ hostBytesPerSecond }) => hostBytesPerSecond === null)
    .map(({ name, origin }) =>
      wrong(
        `${name} has no ${origin} link to a host, and weights that are kept there have to come over one`,
        'Leave --max-offload out, or name devices with a link (`ridge roofline --list --json`: hostBytesPerSecond).',
      ),
    );
}
