import { z } from 'zod';

const seconds = z.number().nonnegative().nullable();

/** What an engine's host takes beside kernels, as it was fitted to runs (roofline/step/setting.ts). */
export const hostTimesSchema = z
  .object({
    kernelFactor: z.number().positive().nullable(),
    promptFactor: z.number().positive().optional(),
    stepSeconds: seconds,
    tokenSeconds: seconds,
    requestSeconds: seconds,
    spread: seconds,
    source: z.string(),
  })
  .meta({ id: 'hostTimes' });
