import type { FailureError } from '../../../core/errors.js';
import { PROVIDER_DEVICES } from '../../../core/runners/onnx.js';
import type { NodeEngines } from '../../config.js';
import { findLibraries, noLibrary } from '../../native/onnxruntime/libraries.js';
import { probeProviders } from '../../native/onnxruntime/probe.js';
import type { RunnerProbe } from '../runner.js';

/** Runs a small graph with every library and every provider that it has, each in a process of its own. */
export async function probe({ onnxRuntimes }: NodeEngines): Promise<RunnerProbe> {
  const libraries = findLibraries(onnxRuntimes);
  if (libraries.length === 0) return unavailable(noLibrary());
  const found = await probeProviders(libraries);
  const working = found.filter(({ problem }) => problem === null);
  const releases = [...new Set(working.map(({ release }) => release!))];
  const notes = found.filter((one) => one.problem !== null).map((one) => `${one.provider}: ${one.problem}`);
  const [release] = releases;
  const hint = 'run `ridge doctor` for the details';
  if (release === undefined) return { available: false, kind: 'onnx', reason: notes.join('; '), hint };
  const devices = new Set(working.map(({ provider }) => PROVIDER_DEVICES[provider] ?? 'cpu'));
  const profile = { kind: 'onnx', release, devices: [...devices], variants: releases };
  return { available: true, profile, notes };
}

function unavailable({ failure: { message, hint } }: FailureError): RunnerProbe {
  return { available: false, kind: 'onnx', reason: message, hint: hint ?? '' };
}
