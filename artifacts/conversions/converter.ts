import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import type { FloatType } from '../../core/techniques/float-types.js';
import { FormatError } from '../../formats/format.js';
import type { Learned } from '../../process/isolation/learned.js';

export interface ConversionRequest {
  /** File or folder. */
  readonly inputPath: string;
  /** The file to write, or the folder where a model of the format is one. */
  readonly outputPath: string;
  /** Type of the weights that are written; null = the type they have. */
  readonly type: FloatType | null;
  /** Quantized weights are written as the floats that they stand for; otherwise such a model is refused. */
  readonly dequantize: boolean;
  /**
   * What the input was made of, for a conversion that takes it: its tokenizer and what its config says beside
   * are kept; null = unknown.
   */
  readonly base?: string | null;
}

type OnProgress = (done: number, of: number) => void;

/** The work of one conversion of core/models/conversions.ts. */
export interface Converter {
  /**
   * Makes the file; runs in a child process.
   * @throws FailureError `model-unsupported`, `model-unreadable`, `disk-full`.
   */
  readonly convert: (request: ConversionRequest, onProgress: OnProgress) => Promise<Learned>;
}

/** @returns a converter whose FormatErrors say which model cannot be read. */
export function reading(convert: Converter['convert']): Converter {
  return {
    convert: (request, onProgress) =>
      convert(request, onProgress).catch((error) => {
        if (!(error instanceof FormatError)) throw error;
        const why = `${basename(request.inputPath)} is not usable: ${error.message}`;
        throw failed('model-unreadable', why, error.hint, { cause: error });
      }),
  };
}
