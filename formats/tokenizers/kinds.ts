import { byteLevel } from './byte-level.js';
import { sentencePiece } from './sentence-piece.js';
import { unigram } from './unigram.js';
import type { VocabularyKind } from './vocabulary.js';
import { wordPiece } from './word-piece.js';

/** All that are read and written; of a folder the first that claims it. */
export const VOCABULARY_KINDS: readonly VocabularyKind[] = [wordPiece, byteLevel, unigram, sentencePiece];
