import { basename } from 'node:path';
import { type FailureCode, FailureError, failed } from '../../../core/errors.js';
import { bare, OrtError } from '../../native/onnxruntime/api.js';

/** What ONNX Runtime says when it gives up, and what that means here. The first match counts. */
const REASONS: readonly (readonly [RegExp, FailureCode, string])[] = [
  [
    /external data|external_data|data file|model_path|weights? file/i,
    'model-unreadable',
    'Put the files with its external data beside it, under the names that it was exported with.',
  ],
  [
    /no op registered|not a registered function|not_implemented|could not find an implementation|opset|ir_version|unsupported model ir/i,
    'model-unsupported',
    'Use a release of ONNX Runtime that knows the operator, or export the model for an older opset.',
  ],
  [
    /protobuf|have a graph|invalid model|invalid graph|not a valid|shape|type error|type parameter|graph output|node \(|dimension|tensor/i,
    'model-unreadable',
    'Export the model again: the file is damaged, or its parts do not fit together.',
  ],
  [/ModelProto does not have a graph/, 'model-unreadable', 'Get the file again.'],
  [
    /bad_alloc|failed to allocate|out of memory|bfcarena/i,
    'does-not-fit',
    'Use a smaller model, batch or context, or a device with more memory.',
  ],
];

const NO_PROVIDER =
  /execution ?provider|providers_|\.so|EP_FAIL|CUDA|cudnn|not (enabled|supported) in this build|no device of/i;
const GROUPED =
  'GroupQueryAttention takes prompts of several sequences only into an empty cache: set contextDepth to 0 and batch to a whole prompt of all, or parallel to 1.';

/** @returns why a session could not be made, in ONNX Runtime's words. */
export function loadFailure(error: unknown, path: string, provider: string): unknown {
  if (!(error instanceof Error) || error instanceof FailureError) return error;
  const said = bare(error.message);
  const doctor = 'Run `ridge doctor` on the node; it names what is missing and how to get it.';
  if (provider !== 'cpu' && NO_PROVIDER.test(said))
    return failed('device-missing', `ONNX Runtime cannot use ${provider}: ${said}.`, doctor);
  const [, code, hint] = REASONS.find(([pattern]) => pattern.test(said)) ?? [];
  return failed(code ?? 'load-failed', `ONNX Runtime cannot load ${basename(path)}: ${said}.`, hint);
}

/** @param what was computed. @returns why a run failed, in ONNX Runtime's words. */
export function runFailure(error: unknown, what: string): unknown {
  if (!(error instanceof OrtError)) return error;
  const said = bare(error.message);
  const [memory, code, more] = REASONS.at(-1)!;
  const message = `ONNX Runtime could not evaluate ${what}: ${said}.`;
  if (memory.test(said)) return failed(code, message, more);
  const grouped = /batch_size must be 1 when sequence_length > 1/.test(said);
  return failed('run-failed', message, grouped ? GROUPED : null);
}
