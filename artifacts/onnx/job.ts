import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { GraphRequest } from './quantize.js';

/** Writes a quantized copy of an ONNX graph; progress is of constants. */
export const QUANTIZE_GRAPH: Job<GraphRequest, Learned, ProgressReport> = {
  name: 'quantize-graph',
  what: 'the quantization of the graph',
  run: async (request, channel) =>
    (await import('./quantize.js')).quantizeGraph(request, progressOver(channel)),
};
