import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { textUpTo } from '../../../core/bounds.js';
import { FailureError, failed } from '../../../core/errors.js';
import { onnxRuntimeFiles, partFolder } from '../packages.js';

/** A library of ONNX Runtime that an operator names, and plug-ins with execution providers for it. */
export const runtimesSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use small letters, digits and dashes'),
  z.strictObject({
    library: z
      .string()
      .min(1)
      .optional()
      .describe(
        '`libonnxruntime.so.1.30.0` of PyPI, of a vendor, …; left out = the one of onnxruntime-node.',
      ),
    plugins: z
      .record(textUpTo(100), z.string().min(1))
      .default({})
      .describe('Execution providers in libraries of their own: name, as it calls itself → file.'),
  }),
);

/** By name; as the agent's configuration has it. */
export type ConfiguredRuntimes = z.output<typeof runtimesSchema>;

/** A library of ONNX Runtime on this machine. */
export interface RuntimeLibrary {
  /** As the configuration calls it; null = the one of onnxruntime-node. */
  readonly name: string | null;
  readonly file: string;
  readonly plugins: Readonly<Record<string, string>>;
}

/**
 * @returns those of the configuration, then the one that `ridge engines install onnxruntime` fetches, or that
 *   a clone has.
 */
export function findLibraries(configured: ConfiguredRuntimes = {}): RuntimeLibrary[] {
  const shipped = shippedLibrary();
  const named = Object.entries(configured).flatMap(([name, { library, plugins }]): RuntimeLibrary[] => {
    const file = library ?? shipped;
    return file === null ? [] : [{ name, file, plugins }];
  });
  return shipped === null ? named : [...named, { name: null, file: shipped, plugins: {} }];
}

/**
 * @returns the file that onnxruntime-node carries for this platform; null where it is not installed, or has
 *   none.
 */
function shippedLibrary(): string | null {
  const folder = packageFolder();
  const files = folder === null ? null : join(folder, onnxRuntimeFiles());
  if (files === null || !existsSync(files)) return null;
  const name = readdirSync(files).find((file) => /^(lib)?onnxruntime\.(so|.*dylib$|dll$)/.test(file));
  return name === undefined ? null : join(files, name);
}

function packageFolder(): string | null {
  try {
    return partFolder('onnxruntime');
  } catch (error) {
    // It is not published for this platform.
    if (error instanceof FailureError) return null;
    throw error;
  }
}

/** @returns the failure of what needs a library where there is none. */
export function noLibrary(): FailureError {
  const message =
    "there is no ONNX Runtime here: onnxruntime-node is not installed, and the agent's configuration names none";
  const hint =
    'Run `ridge engines install onnxruntime`, or name a libonnxruntime under onnxRuntimes in the agent’s configuration.';
  return failed('engine-missing', message, hint);
}
