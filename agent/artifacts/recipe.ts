import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** What an artifact is made of; the same recipe makes the same file. */
export interface Recipe {
  readonly base: string;
  readonly quantization: string;
  /** Release of the engine that makes it: releases may round differently. */
  readonly engine: string;
}

/** @returns 24 hex digits that name the artifact. */
export function recipeHash({ base, quantization, engine }: Recipe): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([base, quantization, engine])))).slice(0, 24);
}

/** @returns the recipe as a word for people and records, e.g. `quantize(q4_k_m)`. */
export function recipeWord(recipe: Recipe): string {
  return `quantize(${recipe.quantization})`;
}
