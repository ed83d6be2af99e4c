import { join } from 'node:path';
import { NEED_IMPORTANCE_MATRIX, QUANTIZATIONS } from '../../../core/techniques/file-types.js';
import type { Figure } from '../figure.js';
import type { Peer } from '../peers/llama-cpp.js';
import { type Ground, runPeer, runRidge, takeDigest } from './ground.js';

export interface Input {
  readonly name: string;
  readonly path: string;
  /** Of the same model, as llama-imatrix wrote it; a name relative to the ground's folder, as it is written into files. */
  readonly matrix: string;
}

/** One file to be made by both: the type, and what else is asked in the words of each side. */
interface Job {
  readonly label: string;
  readonly type: string;
  readonly ours: readonly string[];
  readonly peers: readonly string[];
}

const plain = (type: string): Job => ({ label: type, type, ours: [], peers: [] });
const withMatrix = (type: string, matrix: string): Job => ({
  label: `${type} with matrix`,
  type,
  ours: ['--imatrix', matrix],
  peers: ['--imatrix', matrix],
});
const special = (type: string, ours: readonly string[]): Job => ({
  label: `${type} ${ours.join(' ')}`,
  type,
  ours,
  peers: ours.map((word) => PEER_WORDS[word] ?? word.replace(':', '=')),
});
const PEER_WORDS: Readonly<Record<string, string>> = {
  '--output-type': '--output-tensor-type',
  '--embedding-type': '--token-embedding-type',
};

/** Types whose mixture is another one when there is a matrix, and types that use one when they have it. */
const BETTER_WITH_MATRIX = ['q4_k_m', 'q4_0', 'q5_0', 'q3_k_s', 'q2_k', 'iq4_nl', 'iq4_xs', 'iq3_m'];

function jobsOf({ matrix }: Input): readonly Job[] {
  return [
    ...QUANTIZATIONS.map(plain),
    ...NEED_IMPORTANCE_MATRIX.map((type) => withMatrix(type, matrix)),
    ...BETTER_WITH_MATRIX.map((type) => withMatrix(type, matrix)),
    special('q4_k_m', ['--pure']),
    special('q4_k_m', ['--output-type', 'q8_0']),
    special('q4_k_m', ['--embedding-type', 'q8_0', '--output-type', 'f16']),
    special('q4_0', ['--tensor-type', 'attn_v:q8_0', '--tensor-type', 'ffn_down:q5_1']),
    special('q8_0', ['--tensor-type', 'blk\\.[01]\\.:f16', '--tensor-type', 'token_embd:q5_0']),
    special('q2_k', ['--tensor-type', 'attn_.*:q6_k', '--pure']),
    special('f16', ['--output-type', 'q8_0', '--embedding-type', 'q4_0']),
  ];
}

/** Has both sides make every file of one input and compares them byte by byte. */
export function compareFiles(input: Input, quantizer: Peer, ground: Ground, only: RegExp | null): Figure {
  const jobs = jobsOf(input).filter(({ label }) => only?.test(label) ?? true);
  const different: string[] = [];
  const refused: string[] = [];
  for (const { label, type, ours, peers } of jobs) {
    const [mine, theirs] = ['ours.gguf', 'theirs.gguf'].map((name) => join(ground.folder, name));
    const threads = String(ground.threads);
    const peer = runPeer(quantizer, [...peers, input.path, theirs!, type.toUpperCase(), threads], ground);
    const ridge = runRidge(
      ['quantize', input.path, mine!, '--type', type, ...ours, '--threads', threads, '--force'],
      ground,
    );
    const [a, b] = [takeDigest(mine!), takeDigest(theirs!)];
    const made = peer.ok && ridge.ok;
    if (made && a !== null && a === b) continue;
    if (!peer.ok && !ridge.ok) refused.push(label);
    else different.push(label);
    ground.say(
      `${input.name} ${label}: ${made ? 'other bytes' : why('ridge', ridge) + why('llama-quantize', peer)}`,
    );
  }
  const same = jobs.length - different.length - refused.length;
  const both = refused.length === 0 ? '' : `; refused by both: ${refused.join(', ')}`;
  return {
    claim: `files of ${input.name} are byte-identical to llama-quantize's`,
    measured: `${same} of ${jobs.length} files${both}${different.length === 0 ? '' : `; not: ${different.join(', ')}`}`,
    required: 'all that llama-quantize makes',
    holds: different.length === 0 && same > 0,
  };
}

const why = (who: string, printed: { readonly ok: boolean; readonly why?: string }): string =>
  printed.ok ? '' : `${who} refused: ${printed.why ?? ''} `;
