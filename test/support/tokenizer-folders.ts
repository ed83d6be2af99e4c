import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { temporaryFolder } from './folder.js';
import { ROOT } from './ridge.js';

/** @param files by their names: texts and bytes as they are, all else as JSON. */
export function tokenizerFolder(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const plain = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(path, plain ? content : JSON.stringify(content));
  }
  return folder;
}

/** A byte-level BPE of 600 tokens of the shipped sample, as published (test/fixtures/tokenizer.py). */
export function bytePairFolder(more: Readonly<Record<string, unknown>> = {}): string {
  const folder = tokenizerFolder(more);
  cpSync(join(ROOT, 'test/fixtures/tokenizer'), folder, { recursive: true, force: false });
  return folder;
}

export interface MadePiece {
  readonly text: string;
  readonly score?: number;
  readonly type?: number;
}

/** A SentencePiece model, byte by byte. */
export function sentencePieceModel(
  pieces: readonly MadePiece[],
  options: { model?: 1 | 2 | 3; prefix?: boolean; extra?: boolean; charsMap?: Uint8Array } = {},
): Uint8Array {
  const writer = new BinaryWriter();
  const message = (field: number, fill: (inner: BinaryWriter) => void) => {
    const inner = new BinaryWriter();
    fill(inner);
    writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
  };
  for (const { text, score = 0, type = 1 } of pieces)
    message(1, (piece) => {
      piece.tag(1, WireType.LengthDelimited).string(text).tag(2, WireType.Bit32).float(score);
      if (type !== 1) piece.tag(3, WireType.Varint).int32(type);
    });
  message(2, (trainer) => {
    trainer.tag(3, WireType.Varint).int32(options.model ?? 2);
    // No token for padding: -1 takes ten bytes.
    trainer.tag(43, WireType.Varint).int32(-1);
  });
  message(3, (normalizer) => {
    normalizer.tag(2, WireType.LengthDelimited).bytes(options.charsMap ?? new Uint8Array(0));
    normalizer.tag(3, WireType.Varint).bool(options.prefix ?? true);
    normalizer.tag(4, WireType.Varint).bool(options.extra ?? false);
  });
  return writer.finish();
}

/** A vocabulary that knows all bytes and merges `the` and ` the`. */
export const PIECES: readonly MadePiece[] = [
  { text: '<unk>', type: 2 },
  { text: '<s>', type: 3 },
  { text: '</s>', type: 3 },
  ...Array.from({ length: 256 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    type: 6,
  })),
  { text: '▁▁▁', type: 4 },
  { text: '▁t', score: -1 },
  { text: 'he', score: -2 },
  { text: '▁the', score: -3 },
  { text: 'th', score: -4 },
  ...['▁', 't', 'h', 'e', 'a', 'n', 'd'].map((text, i) => ({ text, score: -10 - i })),
];

/** WordPiece as BERT has it. */
export const WORDS = '[PAD] [UNK] [CLS] [SEP] [MASK] the un ##aff ##able , a ##s'.split(' ');

export const BERT_CONFIG = {
  tokenizer_class: 'BertTokenizer',
  do_lower_case: true,
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  mask_token: '[MASK]',
};
