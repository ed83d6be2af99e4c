import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { RESULT_LABELS } from '../../core/metrics/exported.js';
import type { ResultRecord } from '../../core/result/result.js';

/** Characters of a label's value; words of techniques may be longer than Prometheus wants to index. */
const LONGEST = 120;
/** Hex digits that keep two long words apart. */
const DIGITS = 8;

/** @returns a value as a label holds it: long ones are cut and end in a few digits of their hash. */
export function labelText(value: unknown): string {
  const text = String(value);
  if (text.length <= LONGEST) return text;
  const hash = bytesToHex(sha256(utf8ToBytes(text))).slice(0, DIGITS);
  return `${text.slice(0, LONGEST - DIGITS - 1)}~${hash}`;
}

/** @returns the labels of every series of a result. */
export function resultLabels(record: ResultRecord): Record<(typeof RESULT_LABELS)[number], string> {
  const { experiment } = record;
  return {
    experiment: record.experimentId,
    sweep: record.sweep.name,
    model: experiment.model.name,
    quantization: labelText(experiment.technique.quantization),
    runner: experiment.runner.kind,
    device: record.device.id,
    node: record.node.name,
  };
}
