import { z } from 'zod';

const count = z.number().int().nonnegative();

/** What continuing prompts greedily gave: enough to compute every figure of it again. */
export const generationRecordSchema = z.object({
  sequences: z.number().int().positive(),
  /** Of each sequence. */
  answerTokens: z.number().int().positive(),
  repeats: z.array(
    z.object({
      /** Verifications of a sequence: a step that goes on with four of them counts four. */
      verifications: count,
      /** Drafted tokens by their place in the draft, and how many of them were accepted. */
      drafted: z.array(count),
      accepted: z.array(count),
      /** Of each step, all sequences together. */
      draftedTokens: z.array(count),
      acceptedTokens: z.array(count),
      draftSeconds: z.array(z.number()),
      verifySeconds: z.array(z.number()),
    }),
  ),
  /**
   * Answers that are not those of plain greedy decoding, each with the place of the first token that differs,
   * and by how much plain decoding preferred its own token to the next best (logits).
   */
  differences: z.array(z.object({ sequence: count, token: count, lead: z.number() })),
});

export type GenerationRecord = z.infer<typeof generationRecordSchema>;
export type GenerationRepeat = GenerationRecord['repeats'][number];
