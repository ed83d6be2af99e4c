import { z } from 'zod';
import type { Lease } from '../core/lease.js';
import type { NodeProfile } from '../core/node.js';
import { experimentSchema, type ResultRecord, resultSchema } from '../core/result.js';
import type { ModelRef } from '../core/sweep/experiment.js';
import { WireError } from './errors.js';
import type { Hello, LeaseGrant, ResultReport } from './gen/ridgepoint/v1/agents.js';
import { SweepState } from './gen/ridgepoint/v1/control.js';

/*
 * The only translation between the wire and core. Records, leases and profiles travel as the JSON
 * documents that are published anyway, inside typed envelopes (docs/decisions/0002-wire.md); they are
 * checked here, at the door, and nowhere behind it.
 */

/** Version of the session's messages. Raised when an older peer could misunderstand a newer one. */
export const PROTOCOL = 1;

const words = z.array(z.string());
const settable = z.union([z.object({ least: z.number(), most: z.number() }), z.string()]);

const nodeProfileSchema: z.ZodType<NodeProfile> = z.object({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, dots and dashes; 63 at most'),
  hostname: z.string(),
  os: z.string(),
  architecture: z.string(),
  cpuModel: z.string(),
  cpuFeatures: words,
  cores: z.number().int().positive(),
  memoryBytes: z.number().positive(),
  devices: z.array(
    z.object({
      id: z.string().min(1),
      classes: words,
      name: z.string(),
      memoryBytes: z.number().nonnegative(),
      cpus: z.array(z.number().int().nonnegative()),
    }),
  ),
  runners: z.array(z.object({ kind: z.string(), release: z.string(), devices: words, variants: words })),
  energySources: words,
  absent: z.record(z.string(), z.string()),
  roofs: z
    .record(z.string(), z.object({ id: z.string(), measuredAt: z.string(), doubts: z.number() }))
    .optional(),
  settable: z
    .record(z.string(), z.object({ powerCapWatts: settable, lockedClockHertz: settable }))
    .optional(),
  labels: z.record(z.string(), z.string()),
  version: z.string(),
});

const leaseSchema: z.ZodType<Lease> = z.object({
  trialId: z.string().min(1),
  sweepId: z.string().min(1),
  sweepName: z.string(),
  position: z.number().int().nonnegative(),
  block: z.number().int().nonnegative(),
  purpose: z.enum(['measure', 'control']),
  attempt: z.number().int().positive(),
  deviceId: z.string().min(1),
  experiment: experimentSchema,
  leaseSeconds: z.number().positive(),
});

const modelsSchema: z.ZodType<ModelRef[]> = z.array(experimentSchema.shape.model);

/** @throws WireError `invalid` that names the field. */
export function parseNodeProfile(json: string): NodeProfile {
  return parse('node profile', nodeProfileSchema, json);
}

/** @throws WireError `invalid` that names the field. */
export function parseLease(json: string): Lease {
  return parse('lease', leaseSchema, json);
}

/** @throws WireError `invalid` that names the field. */
export function parseRecord(json: string): ResultRecord {
  return parse('result record', resultSchema, json);
}

/** An empty string is "nothing known". @throws WireError `invalid` that names the field. */
export function parseModels(json: string): ModelRef[] {
  return json === '' ? [] : parse('model list', modelsSchema, json);
}

/** Checks that the envelope and the record inside it name the same trial. */
export function parseReport(report: ResultReport): ResultRecord {
  const record = parseRecord(report.recordJson);
  if (record.trialId !== report.trialId) {
    throw new WireError(
      'invalid',
      `The report of trial ${report.trialId} holds a record of ${record.trialId}.`,
    );
  }
  return record;
}

export function toHello(profile: NodeProfile, runningTrialIds: readonly string[], instance: string): Hello {
  return {
    protocol: PROTOCOL,
    nodeProfileJson: JSON.stringify(profile),
    runningTrialIds: [...runningTrialIds],
    instance,
  };
}

export function toGrant(lease: Lease): LeaseGrant {
  return {
    trialId: lease.trialId,
    deviceId: lease.deviceId,
    leaseSeconds: Math.ceil(lease.leaseSeconds),
    leaseJson: JSON.stringify(lease),
  };
}

export function toReport(record: ResultRecord): ResultReport {
  return {
    trialId: record.trialId,
    experimentId: record.experimentId,
    sweepId: record.sweep.id,
    recordJson: JSON.stringify(record),
  };
}

export type SweepStateWord = 'running' | 'done' | 'cancelled';

export function toSweepState(word: SweepStateWord): SweepState {
  switch (word) {
    case 'running':
      return SweepState.SWEEP_STATE_RUNNING;
    case 'done':
      return SweepState.SWEEP_STATE_DONE;
    case 'cancelled':
      return SweepState.SWEEP_STATE_CANCELLED;
  }
}

/** A state that a newer coordinator invented reads as `running`: whoever waits goes on waiting. */
export function fromSweepState(state: SweepState): SweepStateWord {
  if (state === SweepState.SWEEP_STATE_DONE) return 'done';
  return state === SweepState.SWEEP_STATE_CANCELLED ? 'cancelled' : 'running';
}

function parse<T>(what: string, schema: z.ZodType<T>, json: string): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new WireError('invalid', `The ${what} is not JSON: ${(error as Error).message}.`);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const mistakes = checked.error.issues.map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw new WireError('invalid', `The ${what} is not valid: ${mistakes[0]}.`, mistakes);
}
