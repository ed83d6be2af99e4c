import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { shown } from '../format.js';
import {
  LENGTH_BYTES,
  parseHeader,
  record,
  type SafetensorsHeader,
  type SafetensorsTensor,
} from './header.js';
import { readDocument, SafetensorsError } from './json.js';

/** The reference refuses headers above 100 MB; those of real files stay below 2 MB. */
export const MAX_HEADER_BYTES = 32 * 2 ** 20;

/** A tensor and the file it lies in. */
export interface LocatedTensor extends SafetensorsTensor {
  readonly path: string;
}

/** Every tensor of a model, in one file or many. */
export interface SafetensorsModel {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
}

/**
 * Reads and checks the header of a safetensors file.
 * @throws SafetensorsError with a sentence that says what is wrong; errors of open(2) as they are.
 */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const length = headerLength(readAt(descriptor, 0, Math.min(size, LENGTH_BYTES)), size);
    return parseHeader(readAt(descriptor, LENGTH_BYTES, length), size);
  } finally {
    closeSync(descriptor);
  }
}

/** @returns the bytes of a header by those in front of it. @throws SafetensorsError */
export function headerLength(front: Buffer, fileBytes: number): number {
  if (fileBytes < LENGTH_BYTES + 2 || front.length < LENGTH_BYTES)
    throw new SafetensorsError(`it is ${fileBytes} bytes long, too short for a safetensors header`);
  const length = front.readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES))
    throw new SafetensorsError(`it claims a header of ${length} bytes; ${MAX_HEADER_BYTES} is the most`);
  if (LENGTH_BYTES + Number(length) > fileBytes)
    throw new SafetensorsError(`it claims a header of ${length} bytes, and the file has ${fileBytes}`);
  return Number(length);
}

/**
 * Opens a model: one `.safetensors` file, or the `.safetensors.index.json` of one that is kept in parts.
 * @throws SafetensorsError as readSafetensorsHeader does, and when the parts are not what the index says;
 * errors of open(2) as they are.
 */
export function openSafetensors(path: string): SafetensorsModel {
  return path.endsWith('.json') ? openParts(path) : openOne(path);
}

function openOne(path: string): SafetensorsModel {
  const { metadata, tensors } = readSafetensorsHeader(path);
  return { metadata, tensors: new Map(tensors.map((tensor) => [tensor.name, { ...tensor, path }])) };
}

/** Tensors of a part that the index does not name are left out, as its readers do. */
function openParts(path: string): SafetensorsModel {
  const { size } = statSync(path);
  if (size > MAX_HEADER_BYTES) throw new SafetensorsError(`its index has ${size} bytes, too many for one`);
  const index = record(readDocument(readFileSync(path)), 'the index');
  const weights = record(index.get('weight_map'), 'the weight_map of the index');
  const parts = new Map<string, SafetensorsModel>();
  const tensors = new Map<string, LocatedTensor>();
  for (const [name, file] of weights) {
    // A part is a file beside its index: the index is data, and names no other place.
    if (typeof file !== 'string' || !/^[\w][\w.-]*\.safetensors$/.test(file))
      throw new SafetensorsError(
        `the index puts ${shown(name)} into ${shown(String(file))}, which is no part of it`,
      );
    const part = parts.get(file) ?? openPart(join(dirname(path), file));
    parts.set(file, part);
    const tensor = part.tensors.get(name);
    if (tensor === undefined)
      throw new SafetensorsError(`the part ${shown(file)} has no tensor ${shown(name)}`);
    tensors.set(name, tensor);
  }
  return { metadata: [...parts.values()][0]?.metadata ?? new Map(), tensors };
}

/** @throws SafetensorsError that names the part. */
function openPart(path: string): SafetensorsModel {
  const name = shown(basename(path));
  if (!existsSync(path)) throw new SafetensorsError(`the index names the part ${name}, which is not there`);
  try {
    return openOne(path);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new SafetensorsError(`its part ${name}: ${error.message}`);
  }
}

function readAt(descriptor: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const got = readSync(descriptor, buffer, filled, length - filled, position + filled);
    if (got === 0) throw new SafetensorsError('the file ends inside its header');
    filled += got;
  }
  return buffer;
}
