import { basename } from 'node:path';
import { exactlyBytes } from '../tensor-data.js';
import { writeWholeFile } from '../whole-file.js';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './model.js';
import {
  DIMENSION,
  ENTRY,
  GRAPH,
  Message,
  MODEL,
  NODE,
  OnnxError,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE,
} from './wire.js';

/** A protobuf message has at most 2 GiB, and readers copy it once. */
const MOST_INSIDE = 1e9;
/** Constants of fewer bytes stay in the graph, where shape inference finds them. */
const LEAST_BESIDE = 1024;
/** So that weights can be mapped: pages of every platform but the largest. */
const ALIGNMENT = 4096;
/** onnx.proto, TensorProto.DataLocation. */
const EXTERNAL = 1;

/** A stretch of a file: bytes, or weights that come when their turn comes. */
type Piece = Uint8Array | OnnxTensor;

/**
 * Writes an ONNX model, weight by weight: memory holds the graph and one chunk, however large the file is.
 * Weights of more than a gigabyte together lie beside the graph, in a file called as it with `.data` behind.
 * @param beside puts weights there in any case.
 * @returns the bytes of both files.
 * @throws OnnxError for a weight that delivers another size than its shape says; FailureError `disk-full`. No
 *   part of a file is left under its name then.
 */
export async function writeOnnx(path: string, model: OnnxModel, beside = false): Promise<number> {
  const { constants } = model.graph;
  const total = constants.reduce((sum, { bytes }) => sum + bytes, 0);
  const places = new Map<OnnxTensor, number>();
  const data: Piece[] = [];
  let dataBytes = 0;
  for (const tensor of beside || total > MOST_INSIDE ? constants : []) {
    if (tensor.data === null || tensor.bytes < LEAST_BESIDE) continue;
    const gap = (ALIGNMENT - (dataBytes % ALIGNMENT)) % ALIGNMENT;
    data.push(new Uint8Array(gap), tensor);
    places.set(tensor, dataBytes + gap);
    dataBytes += gap + tensor.bytes;
  }
  const location = `${basename(path)}.data`;
  if (dataBytes > 0) await writeWholeFile(`${path}.data`, dataBytes, chunksOf(data));
  const graph = graphPieces(model.graph, places, location);
  const front = new Message().int(MODEL.irVersion, model.irVersion).raw(model.rest);
  for (const [domain, version] of model.opsets)
    front.entry(MODEL.opset, new Message().text(OPSET.domain, domain).int(OPSET.version, version).finish());
  const head = front.front(MODEL.graph, lengthOf(graph)).finish();
  const fileBytes = head.length + lengthOf(graph);
  await writeWholeFile(path, fileBytes, chunksOf([head, ...graph]));
  return fileBytes + dataBytes;
}

function graphPieces(
  graph: OnnxModel['graph'],
  places: ReadonlyMap<OnnxTensor, number>,
  location: string,
): Piece[] {
  const front = new Message();
  for (const node of graph.nodes) front.entry(GRAPH.node, nodeMessage(node));
  const constants = graph.constants.flatMap((tensor): Piece[] => {
    const offset = places.get(tensor);
    const inside = offset === undefined && tensor.data !== null;
    const bytes = inside ? tensor.bytes : 0;
    const message = tensorFront(tensor, offset === undefined ? null : { location, offset });
    if (inside) message.front(TENSOR.raw, bytes);
    const head = message.finish();
    const front = new Message().front(GRAPH.constant, head.length + bytes).finish();
    return [front, head, ...(inside ? [tensor] : [])];
  });
  const back = new Message();
  for (const value of graph.inputs) back.entry(GRAPH.input, valueMessage(value));
  for (const value of graph.outputs) back.entry(GRAPH.output, valueMessage(value));
  for (const value of graph.valueInfo) back.entry(GRAPH.valueInfo, value);
  return [front.finish(), ...constants, back.raw(graph.rest).finish()];
}

function nodeMessage({ name, kind, domain, inputs, outputs, attributes, rest }: OnnxNode): Uint8Array {
  const message = new Message();
  for (const input of inputs) message.entry(NODE.input, input);
  for (const output of outputs) message.entry(NODE.output, output);
  message.text(NODE.name, name).text(NODE.kind, kind).text(NODE.domain, domain);
  for (const attribute of attributes.values()) message.entry(NODE.attribute, attribute);
  return message.raw(rest ?? new Uint8Array()).finish();
}

function tensorFront(
  { name, type, shape, bytes, rest }: OnnxTensor,
  beside: { readonly location: string; readonly offset: number } | null,
): Message {
  const message = new Message();
  for (const length of shape) message.int(TENSOR.dimension, length);
  message.int(TENSOR.type, type).text(TENSOR.name, name);
  if (rest !== undefined) message.raw(rest);
  if (beside === null) return message;
  const said = { ...beside, length: bytes };
  for (const [key, value] of Object.entries(said))
    message.entry(
      TENSOR.external,
      new Message().text(ENTRY.key, key).text(ENTRY.value, String(value)).finish(),
    );
  return message.int(TENSOR.location, EXTERNAL);
}

function valueMessage({ name, type, shape, encoded }: OnnxValue): Uint8Array {
  if (encoded !== undefined) return encoded;
  const tensor = new Message().int(TENSOR_TYPE.element, type ?? 0);
  if (shape !== null) {
    const dimensions = new Message();
    for (const one of shape) dimensions.entry(SHAPE.dimension, dimensionMessage(one));
    tensor.entry(TENSOR_TYPE.shape, dimensions.finish());
  }
  const kind = new Message().entry(TYPE.tensor, tensor.finish()).finish();
  return new Message().text(VALUE.name, name).entry(VALUE.type, kind).finish();
}

function dimensionMessage(dimension: number | string | null): Uint8Array {
  if (dimension === null) return new Uint8Array();
  return typeof dimension === 'number'
    ? new Message().int(DIMENSION.value, dimension).finish()
    : new Message().text(DIMENSION.name, dimension).finish();
}

const lengthOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.bytes), 0);

async function* chunksOf(pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      yield piece;
      continue;
    }
    const { name, bytes, data } = piece;
    const wrong = (much: string) =>
      new OnnxError(`the constant ${JSON.stringify(name)} gave ${much} the ${bytes} bytes of its shape`);
    yield* exactlyBytes(data?.() ?? [], bytes, wrong);
  }
}
