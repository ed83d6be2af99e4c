import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { LATENCY_DEFAULTS, latencyOptions } from '../work/latency.js';
import { EVERY_ROW, lackingWhere, type WorkloadKind } from './workload.js';

const { promptTokens: PROMPT_TOKENS, generateTokens: GENERATE_TOKENS } = LATENCY_DEFAULTS;

const somethingToDo = refuse(
  ['promptTokens', 'generateTokens'],
  ({ promptTokens, generateTokens }) => promptTokens === 0 && generateTokens === 0,
  'promptTokens and generateTokens are both 0, so there is nothing to measure: set one of them',
);

/** llama.cpp only warns, but what it then measures is a model that nobody would run. */
const withinContext: Rule = {
  axes: ['model', 'promptTokens', 'generateTokens', 'contextDepth'],
  reason(values, facts) {
    const context = facts?.contextLength ?? null;
    if (context === null) return null;
    const needed =
      (numberOn(values, 'contextDepth') ?? 0) +
      (numberOn(values, 'promptTokens') ?? 0) +
      (numberOn(values, 'generateTokens') ?? 0);
    return needed > context
      ? `contextDepth + promptTokens + generateTokens is more than the ${context} tokens that model ${values.model} was trained for: lower one of them`
      : null;
  },
};

/** Half of the room for the prompt and a quarter for the answer, or all of it where one alone is open. */
const chosenWithin: WorkloadKind['withinContext'] = (written, contextLength) => {
  const largestOf = (name: string) => Math.max(0, ...(written.get(name) ?? []).map(Number));
  const room =
    contextLength - largestOf('contextDepth') - largestOf('promptTokens') - largestOf('generateTokens');
  const open = Object.entries({ promptTokens: PROMPT_TOKENS, generateTokens: GENERATE_TOKENS }).filter(
    ([name]) => !written.has(name),
  );
  const wanted = open.reduce((sum, [, fallback]) => sum + fallback, 0);
  if (wanted <= room || room < 1) return {};
  if (open.length === 1) return Object.fromEntries(open.map(([name]) => [name, room]));
  return {
    promptTokens: Math.min(PROMPT_TOKENS, Math.ceil(room / 2)),
    generateTokens: Math.min(GENERATE_TOKENS, Math.floor(room / 4)),
  };
};

/** The semantics of llama-bench: a prompt, then exactly so many decode steps, no sampling. */
export const latency = {
  kind: 'latency',
  summary: 'a prompt of random tokens, then decode steps, repeated until the interval is narrow',
  options: latencyOptions,
  needs: 'generator',
  lessMemory: 'Lower contextDepth, promptTokens or parallel, or choose a smaller quantization.',
  rules: [somethingToDo, withinContext],
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
  gives: {
    model: EVERY_ROW,
    tokens: EVERY_ROW,
    prefill: lackingWhere('promptTokens', 0),
    prompt: lackingWhere('promptTokens', 0),
    decode: lackingWhere('generateTokens', 0),
    answer: lackingWhere('generateTokens', 0),
    output: lackingWhere('generateTokens', 0),
  },
  keyMetrics: ['decodeTokensPerSecond', 'prefillTokensPerSecond', 'timeToFirstTokenSeconds'],
  withinContext: chosenWithin,
  alsoKnownAs: aliases({
    promptTokens: ['p', 'n_prompt', 'nPrompt', 'prompt', 'isl'],
    generateTokens: ['n', 'n_gen', 'nGen', 'generate', 'osl'],
    parallel: ['npl', 'sequences'],
    contextDepth: ['d', 'n_depth', 'depth'],
  }),
} satisfies WorkloadKind;
