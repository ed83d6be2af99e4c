/** Dense decoders with RMSNorm, rotary positions and SwiGLU; Mistral's files say llama. */
export const TRAINABLE_ARCHITECTURES: readonly string[] = ['llama', 'qwen2', 'qwen3'];

const MIXTURE = 'it is a mixture of experts';

/** What the others have that ggml cannot send a gradient through, by the beginning of their name. */
const WITHOUT_WAY_BACK: readonly (readonly [RegExp, string])[] = [
  [/moe|mixtral|dbrx|grok|llama4|arctic/, MIXTURE],
  [/^gemma/, 'its feed-forward is GEGLU'],
  [/^(gpt2|gptneox|phi2|starcoder|bloom|mpt|falcon|stablelm|bert)/, 'it has LayerNorm or GELU'],
  [/^(deepseek2|minicpm3|plm)/, 'its attention keeps a compressed latent (MLA)'],
  [/mamba|rwkv|jamba|granite-hybrid|qwen3next|lfm2|nemotron-h/, 'it is recurrent'],
];

/**
 * @param experts of a layer: Mixtral's files say llama.
 * @returns why a model of this architecture cannot be trained, or null when it may be.
 */
export function whyNotTrainable(architecture: string, experts = 0): string | null {
  const [, why] =
    experts > 0 ? [null, MIXTURE] : (WITHOUT_WAY_BACK.find(([names]) => names.test(architecture)) ?? []);
  const which = `its architecture is ${architecture}`;
  if (why !== undefined) return `${which}: ${why}, and gradients have no way back through that`;
  if (TRAINABLE_ARCHITECTURES.includes(architecture)) return null;
  return `${which}, and training knows ${TRAINABLE_ARCHITECTURES.join(', ')}`;
}
