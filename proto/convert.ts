import { z } from 'zod';
import { listOf, NAME_CHARACTERS, nameOf, recordOf, SENTENCE_CHARACTERS, textOf } from '../core/bounds.js';
import type { Experiment, ModelRef } from '../core/experiment/experiment.js';
import type { Lease } from '../core/experiment/lease.js';
import type { NodeProfile } from '../core/experiment/node.js';
import { quote } from '../core/quote.js';
import { experimentSchema, RESULT_SCHEMA, type ResultRecord, resultSchema } from '../core/result/result.js';
import { sameJson } from '../core/same.js';
import type { SearchBound } from '../core/sweep/spec.js';
import { regraded } from '../judgement/regrade.js';
import { takeColumns } from './columns.js';
import { invalid } from './errors.js';
import type { Hello, LeaseGrant, ResultReport } from './gen/ridgepoint/v1/agents.js';
import { type MetricBound, SweepState } from './gen/ridgepoint/v1/control.js';
import { takeMeasurements } from './measurements.js';

/*
 * The only translation between the wire and core. Records, leases and profiles travel as the JSON
 * documents that are published anyway, inside typed envelopes (docs/decisions/0002-wire.md); they are
 * checked here, at the door, and nowhere behind it.
 */

/** Version of the session's messages. Raised when an older peer could misunderstand a newer one. */
export const PROTOCOL = 1;

/** @returns why an agent and a coordinator of these protocols do not meet and which to update, or null. */
export function protocolRefusal(agent: number, coordinator: number): string | null {
  if (agent === coordinator) return null;
  const older = agent < coordinator ? 'agent' : 'coordinator';
  return `The agent speaks protocol ${agent} and the coordinator ${coordinator}: update the ${older}.`;
}

/** Of one node. A machine with more is several nodes, or is lying. */
const MOST_DEVICES = 512;
/** Logical CPUs: ten times those of the largest machines. */
const MOST_CPUS = 65_536;
/** 4 PiB. */
const MOST_MEMORY_BYTES = 2 ** 52;

const shortText = textOf(NAME_CHARACTERS);
const sentence = textOf(SENTENCE_CHARACTERS);
const shortTexts = listOf(shortText, 4096);
const bytes = z.number().max(MOST_MEMORY_BYTES, 'is more memory than any machine has');
const settable = z.union([z.object({ least: z.number(), most: z.number() }), sentence]);

const nodeProfileSchema: z.ZodType<NodeProfile> = z.object({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, dots and dashes; 63 at most'),
  hostname: shortText,
  os: shortText,
  architecture: shortText,
  cpuModel: shortText,
  cpuFeatures: shortTexts,
  cores: z.number().int().positive().max(MOST_CPUS),
  memoryBytes: bytes.positive(),
  devices: listOf(
    z.object({
      id: nameOf(NAME_CHARACTERS),
      classes: listOf(nameOf(NAME_CHARACTERS), 64),
      name: shortText,
      memoryBytes: bytes.nonnegative(),
      cpus: listOf(z.number().int().nonnegative().max(MOST_CPUS), MOST_CPUS),
    }),
    MOST_DEVICES,
  ).refine(
    (devices) => new Set(devices.map(({ id }) => id)).size === devices.length,
    'two devices have the same id',
  ),
  runners: listOf(
    z.object({
      kind: shortText,
      release: shortText,
      devices: shortTexts,
      variants: shortTexts,
      releases: z.record(shortText, shortText).optional(),
    }),
    64,
  ),
  energySources: shortTexts,
  absent: recordOf(sentence, 1000),
  roofs: recordOf(z.object({ id: shortText, measuredAt: shortText, caveats: z.number() }), MOST_DEVICES),
  settable: recordOf(
    z.object({ powerCapWatts: settable, lockedClockHertz: settable }),
    MOST_DEVICES,
  ).optional(),
  labels: recordOf(sentence, 1000),
  version: shortText,
});

const leaseSchema: z.ZodType<Lease> = z.object({
  trialId: z.string().min(1),
  sweepId: z.string().min(1),
  sweepName: z.string(),
  position: z.number().int().nonnegative(),
  block: z.number().int().nonnegative(),
  purpose: z.enum(['measure', 'control', 'probe', 'quality']),
  attempt: z.number().int().positive(),
  start: z.number().int().positive().optional(),
  promoted: z.string().optional(),
  deviceId: z.string().min(1),
  otherDeviceIds: z.array(z.string().min(1)).optional(),
  experiment: experimentSchema,
  mostRepeats: z.number().int().positive().optional(),
  kept: z.object({ trialId: z.string().min(1), questions: z.string().nullable() }).optional(),
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

/** For a record whose experiment is known to be right. */
const restSchema = resultSchema.extend({ experiment: z.custom<Experiment>() });

/** @throws WireError `invalid` that names the field. */
export function parseRecord(json: string): ResultRecord {
  return checkRecord(json).record;
}

/**
 * A record that was checked, and its JSON where that says neither more nor less than it; null where it does.
 */
interface CheckedRecord {
  readonly record: ResultRecord;
  readonly json: string | null;
}

/**
 * @param leased what its trial was leased for, which the record has in place of its own where both say the
 *   same
 */
function checkRecord(json: string, leased?: Experiment): CheckedRecord {
  const what = 'result record';
  const value = readJson(what, json);
  const putBack = [takeColumns(value), takeMeasurements(value)];
  const fields = value as { experiment?: unknown } | null;
  const asLeased = leased !== undefined && sameJson(fields?.experiment, leased);
  if (asLeased) fields!.experiment = leased;
  const checked = check(what, asLeased ? restSchema : resultSchema, value);
  const same = sameJson(value, checked);
  for (const put of putBack) put(checked);
  const record = regraded(checked);
  return { record, json: same && record === checked ? json : null };
}

/**
 * A record as a coordinator hands it out. It was checked when it was taken in, and is not checked again.
 * @throws WireError `invalid` for another version of the schema.
 */
export function parseStoredRecord(json: string): ResultRecord {
  const value = readJson('result record', json) as Partial<ResultRecord> | null;
  if (value?.schema === RESULT_SCHEMA) return value as ResultRecord;
  throw invalid(
    `The result record is of the schema ${quote(String(value?.schema))}; this Ridgepoint reads ${RESULT_SCHEMA}.`,
  );
}

/** An empty string is "nothing known". @throws WireError `invalid` that names the field. */
export function parseModels(json: string): ModelRef[] {
  return json === '' ? [] : parse('model list', modelsSchema, json);
}

/** @returns what a log holds of the models of a sweep. @throws WireError `invalid` that names the field. */
export function parseStoredModels(value: unknown): ModelRef[] {
  return check('model list', modelsSchema, value);
}

/** Checks also that the envelope and the record inside it name the same trial. @param leased as above */
export function parseReport(report: ResultReport, leased?: Experiment): CheckedRecord {
  const checked = checkRecord(report.recordJson, leased);
  if (checked.record.trialId !== report.trialId) {
    throw invalid(`The report of trial ${report.trialId} holds a record of ${checked.record.trialId}.`);
  }
  return checked;
}

/** @param said what is left out is nothing: no trial, and the first stream. */
export function toHello(
  profile: NodeProfile,
  said: Pick<Hello, 'instance'> & Partial<Omit<Hello, 'protocol' | 'nodeProfileJson'>>,
): Hello {
  return {
    protocol: PROTOCOL,
    nodeProfileJson: JSON.stringify(profile),
    runningTrialIds: [],
    endedTrialIds: [],
    stream: 1,
    health: undefined,
    ...said,
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

export type SweepStateWord = 'running' | 'paused' | 'done' | 'cancelled';

export function toSweepState(shortText: SweepStateWord): SweepState {
  switch (shortText) {
    case 'running':
      return SweepState.SWEEP_STATE_RUNNING;
    case 'paused':
      return SweepState.SWEEP_STATE_PAUSED;
    case 'done':
      return SweepState.SWEEP_STATE_DONE;
    case 'cancelled':
      return SweepState.SWEEP_STATE_CANCELLED;
  }
}

/** Every other state reads as `running`: whoever waits goes on waiting. */
export function fromSweepState(state: SweepState): SweepStateWord {
  if (state === SweepState.SWEEP_STATE_DONE) return 'done';
  if (state === SweepState.SWEEP_STATE_PAUSED) return 'paused';
  return state === SweepState.SWEEP_STATE_CANCELLED ? 'cancelled' : 'running';
}

function parse<T>(what: string, schema: z.ZodType<T>, json: string): T {
  return check(what, schema, readJson(what, json));
}

function readJson(what: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw invalid(`The ${what} is not JSON: ${(error as Error).message}.`);
  }
}

function check<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const errors = checked.error.issues.map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw invalid(`The ${what} is not valid: ${errors[0]}.`, errors);
}

/** @returns bounds of a search for the wire, where one that is not there is left out. */
export function toBounds(bounds: readonly SearchBound[]): MetricBound[] {
  return bounds.map(({ metric, atMost, atLeast }) => ({
    metric,
    atMost: atMost ?? undefined,
    atLeast: atLeast ?? undefined,
  }));
}

export function fromBounds(bounds: readonly MetricBound[]): SearchBound[] {
  return bounds.map(({ metric, atMost = null, atLeast = null }) => ({ metric, atMost, atLeast }));
}
