/**
 * What can be opened of a runner. A workload needs one of them, a runner offers some, and a sweep may pair
 * the two only where they meet. engines/runners/opened.ts has an interface for each.
 *
 * - `generator`: prefill and decode steps, for speed
 * - `profiled-generator`: the same, and what every node of its graphs took
 * - `greedy-generator`: prompts continued greedily, with drafts that are verified or without
 * - `language-model`: a vocabulary and the logits of any position, for quality
 * - `embedder`: vectors of texts, or one number of a pair, for retrieval and ranking
 * - `trainer`: steps of an optimizer
 * - `op`: one operation, called again and again
 * - `tensor-graph`: tensors in, tensors out, run again and again (an ONNX graph, an encoder)
 * - `completions`: prompts in, answers out, many at once, for request graphs
 * - `endpoint`: the address of a server that answers requests
 */
export const CAPABILITIES = [
  'generator',
  'profiled-generator',
  'greedy-generator',
  'language-model',
  'embedder',
  'trainer',
  'op',
  'tensor-graph',
  'completions',
  'endpoint',
] as const;
export type Capability = (typeof CAPABILITIES)[number];
