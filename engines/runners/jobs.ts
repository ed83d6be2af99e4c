import { failed } from '../../core/errors.js';
import type { QuantizationSpec } from '../../core/techniques/quantization.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { NodeEngines } from '../config.js';
import type { RunnerProbe } from './runner.js';

export interface QuantizeRequest {
  readonly runnerKind: string;
  readonly inputPath: string;
  readonly outputPath: string;
  readonly quantization: QuantizationSpec;
  /** An importance matrix, and how the file that is made of it calls it; null = none. */
  readonly imatrix: { readonly path: string; readonly name: string } | null;
  readonly threads: number;
}

/** Writes a quantized copy of a model by the engine of a runner. */
export const QUANTIZE: Job<QuantizeRequest, Learned, ProgressReport> = {
  name: 'quantize',
  what: 'the quantization',
  async run(request, channel) {
    const { quantizerOf } = await import('./index.js');
    const quantize = await quantizerOf(request.runnerKind);
    if (quantize !== null) return await quantize(request, progressOver(channel));
    throw failed('artifact-failed', `the runner ${request.runnerKind} cannot quantize`);
  },
};

export interface ProbeRequest {
  readonly runnerKind: string;
  readonly engines: NodeEngines;
}

/** Asks a runner what it could do here. */
export const PROBE: Job<ProbeRequest, RunnerProbe> = {
  name: 'probe',
  what: 'the probe',
  async run({ runnerKind, engines }) {
    const { loadRunner } = await import('./index.js');
    return (await loadRunner(runnerKind)).probe(engines);
  },
};
