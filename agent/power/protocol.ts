import { z } from 'zod';
import { integerBetween } from '../../core/bounds.js';
import { SETTING_NAMES } from './control.js';

/**
 * What an agent and the power helper say to each other over a unix socket: one JSON object a line, each
 * request answered in order. What is set stays as long as the connection: when it closes, whoever closed it,
 * all is put back.
 */
export const PROTOCOL = 1;
/**
 * Where the helper keeps its socket and its journal unless told otherwise: gone after a reboot, as its
 * settings are.
 */
export const DEFAULT_FOLDER = '/run/ridgepoint-power';
export const SOCKET_NAME = 'socket';
/** A list of every CPU of the largest machines fits several times over. */
export const MAX_LINE_BYTES = 32_768;

const targetSchema = z.union([
  z.strictObject({ gpu: z.string().regex(/^GPU-[A-Za-z0-9-]{1,60}$/) }),
  z.strictObject({ cpus: z.array(integerBetween(0, 65_535)).min(1).max(4096) }),
]);
/** What is set: a GPU by its UUID, or the CPUs of a device. */
export type Target = z.infer<typeof targetSchema>;

const wanted = z.number().positive().nullable();

export const requestSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('look'), target: targetSchema }),
  z.strictObject({
    do: z.literal('set'),
    target: targetSchema,
    powerCapWatts: wanted,
    lockedClockHertz: wanted,
  }),
  z.strictObject({ do: z.literal('restore') }),
]);
export type Request = z.infer<typeof requestSchema>;

/** Said by the helper when a connection opens. */
export const greetingSchema = z.object({ helper: z.literal('ridgepoint-power'), protocol: z.number() });

const name = z.enum(SETTING_NAMES);

const seenSchema = z.object({
  name,
  part: z.string(),
  least: z.number(),
  most: z.number(),
  /** CPUs whose speed it changes, those of the target among them; empty for a GPU. */
  cpus: z.array(z.number()),
});
/** What can be set on a target. */
export type Seen = z.infer<typeof seenSchema>;

const appliedSchema = z.object({
  name,
  part: z.string(),
  /** In force before; null where the interface does not tell it. */
  found: z.number().nullable(),
  set: z.number(),
  readBack: z.number().nullable(),
});
/** What was set, and what stood there before and after. */
export type Applied = z.infer<typeof appliedSchema>;

const restoredSchema = z.object({
  name,
  part: z.string(),
  /** In force until it was put back; null where the interface does not tell it. */
  atEnd: z.number().nullable(),
  /** null when it is as it was found, else why not. */
  problem: z.string().nullable(),
});
export type Restored = z.infer<typeof restoredSchema>;

export const answerSchema = z.union([
  z.object({
    ok: z.literal(true),
    seen: z.array(seenSchema).optional(),
    absent: z.record(z.string(), z.string()).optional(),
    applied: z.array(appliedSchema).optional(),
    restored: z.array(restoredSchema).optional(),
  }),
  z.object({ ok: z.literal(false), reason: z.string(), hint: z.string().nullable() }),
]);
export type Answer = z.infer<typeof answerSchema>;
