import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FormatError } from '../format.js';

/** How the text is cut: by the likeliest pieces, or by merging pairs. */
export type PieceModel = 'unigram' | 'bpe';

/** A piece with the type that the file gives it, which are ggml's: both have them from SentencePiece. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

/**
 * A SentencePiece model: sentencepiece_model.proto of its repository, the fields that a reader of text needs.
 */
export interface SentencePieces {
  readonly model: PieceModel;
  readonly pieces: readonly Piece[];
  /** What is unknown is written as bytes. */
  readonly byteFallback: boolean;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  /** Rules of Unicode's normalization, as SentencePiece compiles them; empty = the text is taken as it is. */
  readonly charsMap: Uint8Array;
}

/** Fields of ModelProto. */
const PIECES = 1;
const TRAINER = 2;
const NORMALIZER = 3;

const TEXT = new TextDecoder('utf-8', { fatal: true });
const NORMAL = 1;
/** TrainerSpec.ModelType. */
const MODELS: Readonly<Record<number, PieceModel>> = { 1: 'unigram', 2: 'bpe' };

/**
 * @param name for sentences. @throws FormatError for what is none, and for models of words and characters.
 */
export function readSentencePieces(bytes: Uint8Array, name: string): SentencePieces {
  try {
    return modelProto(bytes, name);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(
      `${name} is no SentencePiece model (${(error as Error).message})`,
      'Get the file again.',
    );
  }
}

function modelProto(bytes: Uint8Array, name: string): SentencePieces {
  const all = [...fieldsIn(bytes)];
  const pieces = all.flatMap(({ field, value }) => (field === PIECES ? pieceOf(messageIn(value)) : []));
  const trainer = valuesOf(all, TRAINER);
  const normalizer = valuesOf(all, NORMALIZER);
  const model = MODELS[Number(trainer.get(3) ?? 1)];
  if (pieces.length === 0) throw new FormatError(`${name} has no pieces`, 'Get the file again.');
  if (model === undefined)
    throw new FormatError(
      `${name} cuts text into words or characters`,
      'Only models of type unigram and BPE are read; take a model with one of them.',
    );
  return {
    model,
    pieces,
    byteFallback: trainer.get(35) === 1,
    charsMap: messageIn(normalizer.get(2) ?? new Uint8Array(0)),
    addDummyPrefix: normalizer.get(3) !== 0,
    removeExtraWhitespaces: normalizer.get(4) !== 0,
  };
}

function pieceOf(bytes: Uint8Array): Piece {
  const values = new Map([...fieldsIn(bytes)].map(({ field, value }) => [field, value]));
  return {
    text: TEXT.decode(messageIn(values.get(1) ?? new Uint8Array(0))),
    score: Number(values.get(2) ?? 0),
    type: Number(values.get(3) ?? NORMAL),
  };
}

type Value = number | Uint8Array;

interface Field {
  readonly field: number;
  readonly value: Value;
}

/** The fields of a message inside of another. */
function valuesOf(all: readonly Field[], message: number): Map<number, Value> {
  const bytes = all.find(({ field }) => field === message)?.value ?? new Uint8Array(0);
  return new Map([...fieldsIn(messageIn(bytes))].map(({ field, value }) => [field, value]));
}

function messageIn(value: Value): Uint8Array {
  if (typeof value === 'number') throw new Error('a number stands where a text is expected');
  return value;
}

/** Numbers of 64 bits are in no field that is read here. */
function* fieldsIn(bytes: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.Varint) yield { field, value: reader.int32() };
    else if (wire === WireType.LengthDelimited) yield { field, value: reader.bytes() };
    else if (wire === WireType.Bit32) yield { field, value: reader.float() };
    else reader.skip(wire, field);
  }
}
