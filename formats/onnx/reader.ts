import { closeSync, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { readTensor, type Span } from '../tensor-data.js';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './model.js';
import { dataType } from './types.js';
import {
  DIMENSION,
  ENTRY,
  type Field,
  fieldsIn,
  fieldsOf,
  GRAPH,
  type HeldField,
  MODEL,
  NODE,
  numbersOf,
  OnnxError,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TENSORS_IN,
  type TensorsIn,
  TYPE,
  textOf,
  VALUE,
  WindowedFile,
  withoutFields,
} from './wire.js';

/** A constant, and where its bytes lie. */
export interface FileTensor extends OnnxTensor {
  /** Of its file: the graph's own or one beside it; null where its numbers are fields of its message. */
  readonly place: (Span & { readonly path: string }) | null;
}

/** A model in a file. */
export interface OnnxFile extends OnnxModel {
  readonly graph: OnnxModel['graph'] & { readonly constants: readonly FileTensor[] };
  /** Of the graph's file and of all that its weights lie in. */
  readonly fileBytes: number;
  /** Files beside the graph's that its weights lie in. */
  readonly besides: readonly string[];
  /** Whether some of them are of tensors inside of nodes, which are kept as they stand. */
  readonly nodesNeedFiles: boolean;
}

/** Everything but weights; a graph that has more is not read. */
const MOST_BYTES = 256 * 2 ** 20;
/** Messages in each other: a subgraph in a subgraph is three deeper, and exporters write a handful. */
const MOST_DEPTH = 100;
/** What ONNX Runtime takes for an address in memory instead of a file. */
const IN_MEMORY = '_ORT_MEM_ADDR_';

/**
 * Reads an ONNX model without its weights (onnx.proto, field by field of the protobuf wire format): what is
 * not known is kept as it stands, so that a model that is written again still has it.
 * @throws OnnxError for a file that is cut off or no ONNX model, and for weights that are not where it says;
 *   errors of open(2) as they are.
 */
export function readOnnx(path: string): OnnxFile {
  const descriptor = openSync(path, 'r');
  try {
    return new Reader(path, descriptor).model();
  } finally {
    closeSync(descriptor);
  }
}

class Reader {
  readonly #path: string;
  readonly #file: WindowedFile;
  readonly #size: number;
  readonly #besides = new Map<string, number>();
  #left = MOST_BYTES;
  #inNodes = false;

  constructor(path: string, file: number) {
    this.#path = path;
    this.#file = new WindowedFile(file);
    this.#size = fstatSync(file).size;
  }

  model(): OnnxFile {
    const size = this.#size;
    const opsets = new Map<string, number>();
    const rest: Uint8Array[] = [];
    let irVersion = 0;
    let graph: OnnxFile['graph'] | null = null;
    for (const field of fieldsIn(this.#file, 0, size)) {
      if (field.number === MODEL.irVersion) irVersion = field.value;
      else if (field.number === MODEL.graph && field.delimited) {
        // Readers of protobuf would join them.
        if (graph !== null) throw new OnnxError('the file holds two graphs', 'Give an ONNX model.');
        graph = this.#graph(field);
      } else if (field.number === MODEL.opset && field.delimited) {
        const parts = fieldsOf(this.#held(field));
        const version = parts.find(({ number }) => number === OPSET.version)?.value ?? 0;
        opsets.set(textIn(parts, OPSET.domain), version);
      } else rest.push(this.#bytesOf(field));
    }
    if (graph === null) throw new OnnxError('the file holds no ONNX graph', 'Give an ONNX model.');
    this.#findBesides('model', 0, size);
    const besides = [...this.#besides.keys()];
    const fileBytes = [...this.#besides.values()].reduce((sum, bytes) => sum + bytes, size);
    const nodesNeedFiles = this.#inNodes;
    return { irVersion, opsets, graph, rest: Buffer.concat(rest), fileBytes, besides, nodesNeedFiles };
  }

  /**
   * Looks at every tensor of a message, wherever it lies: the engine opens whatever file one of them names.
   */
  #findBesides(kind: TensorsIn, offset: number, bytes: number, depth = 0): void {
    if (depth > MOST_DEPTH) throw new OnnxError('its graphs lie in each other without end');
    const inside: Readonly<Record<number, TensorsIn>> = TENSORS_IN[kind];
    for (const field of fieldsIn(this.#file, offset, bytes)) {
      const next = inside[field.number];
      if (next === undefined || !field.delimited) continue;
      if (next !== 'tensor') this.#findBesides(next, field.offset, field.bytes, depth + 1);
      else if (this.#isBeside(field)) {
        this.#tensor(field);
        // Of a model the first graph's own are constants, which are read as such.
        this.#inNodes ||= kind !== 'graph' || depth > 1;
      }
    }
  }

  #isBeside({ offset, bytes }: Field): boolean {
    for (const { number } of fieldsIn(this.#file, offset, bytes)) if (number === TENSOR.external) return true;
    return false;
  }

  #graph({ offset, bytes }: Field): OnnxFile['graph'] {
    const nodes: OnnxNode[] = [];
    const constants: FileTensor[] = [];
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    const valueInfo: Uint8Array[] = [];
    const rest: Uint8Array[] = [];
    for (const field of fieldsIn(this.#file, offset, bytes)) {
      if (field.number === GRAPH.node) nodes.push(nodeOf(fieldsOf(this.#held(field))));
      else if (field.number === GRAPH.constant) constants.push(this.#tensor(field));
      else if (field.number === GRAPH.input) inputs.push(outsideOf(this.#held(field)));
      else if (field.number === GRAPH.output) outputs.push(outsideOf(this.#held(field)));
      else if (field.number === GRAPH.valueInfo) valueInfo.push(this.#held(field));
      else rest.push(this.#bytesOf(field));
    }
    return { nodes, constants, inputs, outputs, valueInfo, rest: Buffer.concat(rest) };
  }

  #tensor(field: Field): FileTensor {
    const shape: number[] = [];
    const external = new Map<string, string>();
    const rest: Uint8Array[] = [];
    let name = '';
    let type = 0;
    let inside: Span | null = null;
    for (const part of fieldsIn(this.#file, field.offset, field.bytes)) {
      // Packed floats are what raw ones are: 4 bytes each, little-endian.
      if (part.delimited && (part.number === TENSOR.raw || part.number === TENSOR.floats)) inside = part;
      else if (part.number === TENSOR.type) type = part.value;
      else if (part.number === TENSOR.location) continue;
      else if (part.number === TENSOR.name) name = textOf(this.#held(part));
      else if (part.number === TENSOR.dimension) {
        const held = part.delimited ? this.#held(part) : new Uint8Array();
        shape.push(...numbersOf({ ...part, held, whole: held }));
      } else if (part.number === TENSOR.external) {
        const entry = fieldsOf(this.#held(part));
        external.set(textIn(entry, ENTRY.key), textIn(entry, ENTRY.value));
      } else rest.push(this.#bytesOf(part));
    }
    const place = external.size > 0 ? this.#externalFile(name, external, type, shape) : inside;
    const at = place === null ? null : { path: this.#path, ...place };
    const known = bytesOf(name, type, shape);
    const bytes = at?.bytes ?? 0;
    if (at !== null && known !== null && bytes !== known)
      throw new OnnxError(
        `the constant ${JSON.stringify(name)} has ${bytes} bytes, and its type and shape ask for ${known}`,
      );
    const data = at === null ? null : () => readTensor({ name, ...at });
    return { name, type, shape, bytes, data, place: at, rest: Buffer.concat(rest) };
  }

  /** onnx.proto, TensorProto.external_data: texts, all of them. */
  #externalFile(
    name: string,
    said: ReadonlyMap<string, string>,
    type: number,
    shape: readonly number[],
  ): Span & { readonly path: string } {
    const location = said.get('location') ?? '';
    const what = `the weights of ${JSON.stringify(name)}`;
    // Where a graph comes from a stranger, it names no file but those beside it.
    if (!isPlain(location))
      throw new OnnxError(
        `${what} are said to be in ${JSON.stringify(location)}, which is no file beside it`,
      );
    const path = join(dirname(this.#path), location);
    if (!existsSync(path))
      throw new OnnxError(
        `${what} are in ${location}, which is not beside it`,
        `Put ${location} into its folder.`,
      );
    const size = this.#besides.get(path) ?? statSync(path).size;
    this.#besides.set(path, size);
    const offset = Number(said.get('offset') ?? 0);
    const bytes = Number(said.get('length') ?? bytesOf(name, type, shape) ?? 0);
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset >= 0 && bytes >= 0))
      throw new OnnxError(`${what} are said to be at no place of ${location}`);
    if (offset + bytes > size)
      throw new OnnxError(
        `${location} is cut off: it has ${size} bytes, and ${what} end at ${offset + bytes}`,
      );
    return { path, offset, bytes };
  }

  #bytesOf({ start, offset, bytes }: Field): Buffer {
    return this.#bytes(start, offset + bytes - start);
  }

  #held({ offset, bytes }: Field): Buffer {
    return this.#bytes(offset, bytes);
  }

  #bytes(offset: number, bytes: number): Buffer {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new OnnxError(`its graph without weights is larger than ${MOST_BYTES / 2 ** 20} MiB`);
    const held = this.#file.bytesAt(offset, bytes);
    if (held.length !== bytes) throw new OnnxError('the ONNX file is cut off');
    return Buffer.from(held);
  }
}

/**
 * @returns the bytes that its type and shape ask for; null where the type is not known.
 * @throws OnnxError for sizes that no file can have.
 */
function bytesOf(name: string, type: number, shape: readonly number[]): number | null {
  let all = 1;
  for (const length of shape) {
    all *= length;
    if (!Number.isSafeInteger(all * 64) || length < 0)
      throw new OnnxError(
        `the constant ${JSON.stringify(name)} has a shape that no file can hold, [${shape.join(', ')}]`,
      );
  }
  const bits = dataType(type)?.bits ?? null;
  return bits === null ? null : Math.ceil((all * bits) / 8);
}

/** Of a name that is no UTF-8 the engine and we would open two files. */
function isPlain(location: string): boolean {
  if (location === '' || isAbsolute(location) || /[\0\uFFFD]/.test(location)) return false;
  return !location.includes(IN_MEMORY) && !location.split(/[\\/]/).includes('..');
}

/** Of fields that are there twice the last counts, as in every reader of protobuf. */
function textIn(fields: readonly HeldField[], number: number): string {
  const field = fields.findLast((one) => one.number === number);
  return field === undefined ? '' : textOf(field.held);
}

function nodeOf(fields: readonly HeldField[]): OnnxNode {
  const valuesOf = (number: number) =>
    fields.filter((field) => field.number === number).map(({ held }) => held);
  return {
    name: textIn(fields, NODE.name),
    kind: textIn(fields, NODE.kind),
    domain: textIn(fields, NODE.domain),
    inputs: valuesOf(NODE.input).map(textOf),
    outputs: valuesOf(NODE.output).map(textOf),
    attributes: new Map(valuesOf(NODE.attribute).map((held) => [textIn(fieldsOf(held), 1), held])),
    rest: withoutFields(fields, NODE),
  };
}

function outsideOf(message: Uint8Array): OnnxValue {
  const fields = fieldsOf(message);
  const fieldsInside = (held: readonly HeldField[], number: number) => {
    const field = held.find((one) => one.number === number);
    return field === undefined ? null : fieldsOf(field.held);
  };
  const tensor = fieldsInside(fieldsInside(fields, VALUE.type) ?? [], TYPE.tensor);
  const shape = fieldsInside(tensor ?? [], TENSOR_TYPE.shape);
  return {
    name: textIn(fields, VALUE.name),
    type: tensor?.find(({ number }) => number === TENSOR_TYPE.element)?.value ?? null,
    shape:
      shape?.filter(({ number }) => number === SHAPE.dimension).map(({ held }) => dimensionOf(held)) ?? null,
    encoded: message,
  };
}

function dimensionOf(message: Uint8Array): number | string | null {
  const [field] = fieldsOf(message);
  if (field?.number === DIMENSION.value) return field.value;
  return field?.number === DIMENSION.name ? textOf(field.held) : null;
}
