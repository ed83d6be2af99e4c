import { type FailureError, failed } from '../../core/errors.js';
import type { AdapterLayer, LowRankAdapter } from '../../core/techniques/adapters/adapter.js';
import { EMBEDDING_TENSOR, type Heads } from '../../core/techniques/adapters/names.js';
import { shown } from '../format.js';
import { perLayer } from '../gguf/facts.js';
import type { GgufHeader, TensorInfo } from '../gguf/header.js';

/** What an adapter has to know of the model it goes onto. */
export interface AdapterBase extends Heads {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The output matrix is the embedding's. */
  readonly tied: boolean;
}

/** @returns the base as its header describes it. */
export function adapterBase(header: GgufHeader): AdapterBase {
  const architecture = String(header.metadata.get('general.architecture'));
  const tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const layers = Number(header.metadata.get(`${architecture}.block_count`) ?? 0);
  const numbers = (key: string) => perLayer(header, `${architecture}.attention.${key}`, layers);
  const heads = numbers('head_count') ?? [];
  return {
    architecture,
    heads,
    keyValueHeads: numbers('head_count_kv') ?? heads,
    tensors,
    tied: !tensors.has('output.weight'),
  };
}

/**
 * Holds an adapter against the model it is to change.
 * @param named what the adapter and the model are called in sentences.
 * @throws FailureError `impossible-combination` that names the first matrix that does not fit, with both
 *   shapes.
 */
export function requireFit(
  adapter: LowRankAdapter,
  base: AdapterBase,
  named: { readonly adapter: string; readonly model: string },
): void {
  if (adapter.architecture !== base.architecture) {
    throw wrongBaseModel(
      named,
      `it is for the architecture ${shown(adapter.architecture)}, and the model is ${shown(base.architecture)}`,
    );
  }
  for (const [name, layer] of adapter.layers) {
    const tensor = base.tensors.get(name);
    const [rows, columns] = [layer.b.rows, layer.a.columns];
    if (name === EMBEDDING_TENSOR && base.tied) throw tiedEmbedding(named);
    if (tensor === undefined) {
      const why = `it changes ${shown(name)} [${rows}, ${columns}], which the model does not have`;
      throw wrongBaseModel(named, name === 'output.weight' ? `${why} (its output is its embedding)` : why);
    }
    const [inputs, outputs] = tensor.shape;
    if (tensor.shape.length !== 2 || inputs !== columns || outputs !== rows) {
      const shape = [...tensor.shape].reverse().join(', ');
      throw wrongBaseModel(
        named,
        `it changes ${shown(name)} as [${rows}, ${columns}], and the model has [${shape}] there`,
      );
    }
  }
}

/** Factors of one matrix that do not belong together, in words; null when they do. */
export function flawOf({ a, b, magnitude }: AdapterLayer): string | null {
  if (a.rows !== b.columns)
    return `A has ${a.rows} rows [${a.rows}, ${a.columns}] and B ${b.columns} columns [${b.rows}, ${b.columns}]; both are the rank`;
  if (a.rows === 0) return 'its rank is 0';
  if (magnitude !== null && magnitude.length !== b.rows)
    return `it has ${magnitude.length} magnitudes for ${b.rows} rows`;
  return null;
}

/** @returns why an adapter cannot be used, with what to do. */
export function unusable(source: string, why: string, hint: string | null = null): FailureError {
  return failed('model-unreadable', `the adapter ${source} is not usable: ${why}`, hint);
}

/** @returns the refusal of an adapter that changes more than a product beside the weights. */
export function unattachable(source: string): FailureError {
  const message = `the adapter ${source} scales whole rows of the base (DoRA), which llama.cpp cannot do beside it`;
  return failed('impossible-combination', message, 'Merge it: mode=merged.');
}

function wrongBaseModel(
  named: { readonly adapter: string; readonly model: string },
  why: string,
): FailureError {
  const message = `the adapter ${named.adapter} is for another model than ${named.model}: ${why}`;
  const hint = 'Name the model that the adapter was trained on.';
  return failed('impossible-combination', message, hint);
}

function tiedEmbedding(named: { readonly adapter: string; readonly model: string }): FailureError {
  const message = `the adapter ${named.adapter} changes the embedding, and ${named.model} uses the same matrix for its output`;
  const hint = 'Only an adapter without embed_tokens has one meaning for such a model.';
  return failed('impossible-combination', message, hint);
}
