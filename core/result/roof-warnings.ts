import { z } from 'zod';

/**
 * What may be wrong with roofs or factors as a whole. Each has a stable code, as the warnings of rows have.
 */
export const ROOF_WARNINGS = {
  disturbed: 'something else used the machine, in every round that the budget allowed: true roofs are higher',
  'under-wider-type':
    'a narrower type computes slower than a wider one: work that is converted and computed in the wider type runs above this roof',
} as const;

const CODES = Object.keys(ROOF_WARNINGS) as (keyof typeof ROOF_WARNINGS)[];

export const roofWarningSchema = z
  .object({
    code: z.enum(CODES),
    /** One sentence with the figures that led to it. */
    message: z.string(),
  })
  .meta({ id: 'roof-warning' });

export type RoofWarning = z.infer<typeof roofWarningSchema>;
