import type { z } from 'zod';
import type { Options } from '../../core/experiment/experiment.js';
import { nearest } from '../../core/input/suggest.js';
import type { SchedulerDevice } from './device.js';
import { llamaServerFlags, llamaServerFlagsAsked } from './llama-server/flags.js';
import { llamaServerScheduler } from './llama-server/scheduler.js';
import type { Scheduler } from './scheduler.js';
import { sglangDefaultsOn, sglangFlags, sglangFlagsAsked } from './sglang/flags.js';
import { sglangScheduler } from './sglang/scheduler.js';
import { trtllmFlags, trtllmFlagsAsked } from './trtllm/flags.js';
import { trtllmScheduler } from './trtllm/scheduler.js';
import { vllmDefaultsOn, vllmFlags, vllmFlagsAsked } from './vllm/flags.js';
import { vllmScheduler } from './vllm/scheduler.js';

/** Flags of an engine by their names in our spelling, as users give them. */
export type SchedulerFlags = Readonly<Record<string, unknown>>;

interface Kind {
  readonly flags: z.ZodObject;
  asked(options: Options): SchedulerFlags;
  make(flags: SchedulerFlags, device: SchedulerDevice | null): Scheduler | string;
}

function kind<S extends z.ZodObject>(
  flags: S,
  asked: (options: Options) => Partial<z.output<S>>,
  scheduler: (read: z.output<S>) => Scheduler | string,
  defaultsOn: (device: SchedulerDevice) => Partial<z.output<S>> = () => ({}),
): Kind {
  return {
    flags,
    asked,
    make: (given, device) => {
      const read = flags.safeParse({ ...(device === null ? {} : defaultsOn(device)), ...given });
      return read.success ? scheduler(read.data) : wrongFlag(flags, read.error);
    },
  };
}

const KINDS: Readonly<Record<string, Kind>> = {
  vllm: kind(vllmFlags, vllmFlagsAsked, vllmScheduler, vllmDefaultsOn),
  sglang: kind(sglangFlags, sglangFlagsAsked, sglangScheduler, sglangDefaultsOn),
  trtllm: kind(trtllmFlags, trtllmFlagsAsked, trtllmScheduler),
  'llama-server': kind(llamaServerFlags, llamaServerFlagsAsked, llamaServerScheduler),
};

/** Engines whose schedulers are simulated, as commands name them. */
export const SCHEDULED_ENGINES: readonly string[] = Object.keys(KINDS);

/** @returns each flag of an engine with its default and what it does. */
export function flagsOf(engine: string): { name: string; preset: unknown; help: string }[] {
  const schema = KINDS[engine]?.flags;
  if (schema === undefined) return [];
  const presets = schema.parse({});
  return Object.entries(schema.shape).map(([name, flag]) => ({
    name,
    preset: presets[name],
    help: (flag as z.ZodType).description ?? '',
  }));
}

/** @returns the flags that options of a sweep's runner say; what they leave open is the engine's. */
export function flagsAsked(engine: string, options: Options): SchedulerFlags {
  return KINDS[engine]?.asked(options) ?? {};
}

/**
 * @param device on which the engine runs, whose defaults it then has; null = a GPU with 80 GB.
 * @returns the scheduler of an engine under flags, others as the engine has them; or a sentence why not.
 */
export function schedulerNamed(
  engine: string,
  flags: SchedulerFlags = {},
  device: SchedulerDevice | null = null,
): Scheduler | string {
  const found = KINDS[engine];
  if (found !== undefined) return found.make(flags, device);
  return `No scheduler of ${JSON.stringify(engine)} is simulated: known are ${SCHEDULED_ENGINES.join(', ')}.`;
}

function wrongFlag(schema: z.ZodObject, error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code !== 'unrecognized_keys') return `${issue?.path.join('.')}: ${issue?.message}.`;
  const [key = ''] = issue.keys;
  const known = Object.keys(schema.shape);
  const guess = nearest(key, known);
  const meant = guess === null ? `known are ${known.join(', ')}` : `did you mean ${guess}?`;
  return `The scheduler has no flag ${key}: ${meant}${guess === null ? '.' : ''}`;
}
