import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { tensorTypeNumbered } from '../../core/techniques/tensor-types.js';
import type { WeightTensor } from '../../roofline/readers/gguf-file.js';
import { shown } from '../format.js';
import type { Span } from '../tensor-data.js';
import { type Metadata, readMetadata } from './metadata.js';
import { joinParts, missingPart, otherParts } from './parts.js';
import { GgufError, HeaderReader, type ReadAt } from './reader.js';
import { bytesOfTensor } from './tensor-bytes.js';

/** What the front of a GGUF file says, checked against the file's size. */
export interface GgufHeader {
  /** Of all parts, where a model is split. */
  readonly fileBytes: number;
  readonly version: number;
  readonly metadata: Metadata;
  /** Where each metadata value lies in the file, its type in front. */
  readonly spans: ReadonlyMap<string, Span>;
  readonly tensors: readonly TensorInfo[];
}

export interface TensorInfo extends WeightTensor {
  /** From the start of the file. */
  readonly offset: number;
}

/** A tensor of a file that is there. */
export interface FileTensor extends TensorInfo {
  /** The file that it is in: of a split model, one of its parts. */
  readonly path: string;
}

/** The header of a model that is there, in one file or in parts. */
export interface GgufFile extends GgufHeader {
  readonly tensors: readonly FileTensor[];
}

const MAGIC = 0x46554747;
const MAX_TENSORS = 65_536;
/** ggml.h: GGML_MAX_DIMS, GGML_MAX_NAME. */
export const MAX_DIMENSIONS = 4;
export const MAX_NAME_BYTES = 63;
export const ALIGNMENT_KEY = 'general.alignment';
const DEFAULT_ALIGNMENT = 32;
/**
 * Engines ignore what follows the last tensor; more than this, and than the model itself, is another file.
 */
const STRAY_BYTES = 2 ** 20;

/**
 * Reads and checks the header of a GGUF file in plain JavaScript, before native code touches it: format of
 * ggml's docs/gguf.md, versions 2 and 3. Of the first file of a split model, those of its other parts, too.
 * @throws GgufError with a sentence that says what is wrong with the file; errors of open(2) as they are.
 */
export function readGgufHeader(path: string): GgufFile {
  const first = readOne(path);
  const others = otherParts(path, first).map((part) => {
    if (!existsSync(part)) throw missingPart(part);
    return { path: part, header: readOne(part) };
  });
  return joinParts([{ path, header: first }, ...others]);
}

/**
 * @returns the files of a model: its own, or all parts of a split one, whether they are there or not.
 * @throws GgufError
 */
export function ggufFiles(path: string): readonly string[] {
  return [path, ...otherParts(path, readOne(path))];
}

function readOne(path: string): GgufFile {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const readBytes: ReadAt = (into, at, length, position) =>
      readSync(descriptor, into, at, length, position);
    const header = parse(new HeaderReader(readBytes, size), size);
    return { ...header, tensors: header.tensors.map((tensor) => ({ ...tensor, path })) };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads the header of a file of which only the front exists yet.
 * @param fileBytes what the whole file will have.
 * @throws GgufError as readGgufHeader does.
 */
export function parseGgufHeader(front: Buffer, fileBytes: number): GgufHeader {
  const readBytes: ReadAt = (into, at, length, position) =>
    // What was skipped may end behind the front.
    position >= front.length ? 0 : front.copy(into, at, position, position + length);
  return parse(new HeaderReader(readBytes, fileBytes), fileBytes);
}

function parse(reader: HeaderReader, fileBytes: number): GgufHeader {
  if (fileBytes < 24) throw new GgufError(`it is ${fileBytes} bytes long, too short for a GGUF header`);
  if (reader.u32('the magic number') !== MAGIC) throw new GgufError('it does not begin with GGUF');
  const version = reader.u32('the version');
  if (version > 0xffff) throw new GgufError('it is a big-endian GGUF file, which this machine cannot run');
  if (version !== 2 && version !== 3)
    throw new GgufError(`it is GGUF version ${version}; 2 and 3 can be read`);
  const tensorCount = reader.u64('the number of tensors');
  const keyCount = reader.u64('the number of metadata keys');
  if (tensorCount > MAX_TENSORS) {
    throw new GgufError(`it claims ${tensorCount} tensors; ${MAX_TENSORS} is the most there can be`);
  }
  const { metadata, spans } = readMetadata(reader, keyCount);
  const alignment = alignmentFrom(metadata.get(ALIGNMENT_KEY));
  const entries = readTensors(reader, tensorCount, alignment);
  const dataStart = padded(reader.position, alignment);
  const tensors = entries.map((tensor) => ({ ...tensor, offset: dataStart + tensor.offset }));
  const last = tensors.at(-1);
  if (last !== undefined && last.offset + last.bytes > fileBytes) {
    const missing = last.offset + last.bytes - fileBytes;
    throw new GgufError(`it is cut off: ${missing} of ${last.offset + last.bytes} bytes are missing`);
  }
  const described = last === undefined ? reader.position : last.offset + last.bytes;
  if (fileBytes > 2 * described + STRAY_BYTES) {
    throw new GgufError(`its header describes ${described} bytes, and the file has ${fileBytes}`);
  }
  return { fileBytes, version, metadata, spans, tensors };
}

/** @returns tensors with offsets from the start of the data; they have to lie back to back, as ggml asks. */
function readTensors(reader: HeaderReader, count: number, alignment: number): TensorInfo[] {
  const tensors: TensorInfo[] = [];
  const names = new Set<string>();
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const name = reader.string(MAX_NAME_BYTES, `the name of tensor ${i + 1}`);
    if (name === null)
      throw new GgufError(`the name of tensor ${i + 1} is longer than ${MAX_NAME_BYTES} bytes`);
    if (names.has(name)) throw new GgufError(`the tensor ${shown(name)} is there twice`);
    names.add(name);
    const tensor = readTensor(reader, name);
    if (tensor.offset !== expected) {
      throw new GgufError(
        `the tensor ${shown(name)} begins at ${tensor.offset} of the data, not at ${expected}`,
      );
    }
    expected = padded(tensor.offset + tensor.bytes, alignment);
    if (!Number.isSafeInteger(expected))
      throw new GgufError(`the tensor ${shown(name)} is larger than any file`);
    tensors.push(tensor);
  }
  return tensors;
}

function readTensor(reader: HeaderReader, name: string): TensorInfo {
  const what = `the tensor ${shown(name)}`;
  const dimensions = reader.u32(`the shape of ${what}`);
  if (dimensions > MAX_DIMENSIONS) throw new GgufError(`${what} has ${dimensions} dimensions; 4 is the most`);
  const shape = Array.from({ length: dimensions }, () => reader.u64(`the shape of ${what}`));
  const typeNumber = reader.u32(`the type of ${what}`);
  const type = tensorTypeNumbered(typeNumber);
  if (type === null)
    throw new GgufError(`${what} has the type ${typeNumber}, which this release does not know`);
  const bytes = bytesOfTensor(what, type, shape);
  return { name, type: type.name, shape, bytes, offset: reader.u64(`the offset of ${what}`) };
}

/** @returns the alignment that `general.alignment` declares, or ggml's own. @throws GgufError */
export function alignmentFrom(declared: unknown): number {
  const alignment = declared ?? DEFAULT_ALIGNMENT;
  const powerOfTwo = typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (powerOfTwo && alignment <= 2 ** 20) return alignment;
  throw new GgufError('its general.alignment is not a power of two');
}

export function padded(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
