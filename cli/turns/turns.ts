import { answerApart } from '../../batching/turns-apart.js';
import { nearest } from '../../core/input/suggest.js';
import { NUMBER_FORMATS, type NumberFormat } from '../../core/work/operator-call.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { requireHardware } from '../../roofline/hardware/catalogue.js';
import { readEngine } from '../../roofline/step/engines.js';
import { sourceOf } from '../../roofline/step/setting.js';
import { acceptanceOf, MOST_DRAFT_TOKENS } from '../../roofline/turns/acceptance.js';
import { turnsChart } from '../../roofline/turns/chart.js';
import {
  type AnsweredTurn,
  type AskedTurns,
  answerTurns,
  QUESTIONS,
} from '../../roofline/turns/questions.js';
import { asWords, usageError } from '../exit.js';
import { modelFoldersFor } from '../local-models.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { openDrawing, writeDrawn } from '../roofline/drawing.js';
import { openArchitecture } from '../roofline/open-model.js';
import { openPredictor } from '../roofline/open-predictor.js';
import type { TurnsOptions } from './command.js';

/**
 * `ridge turns`: where a way to serve stops paying, or begins to.
 * @throws CommandError (2) for words that contradict one another or name nothing
 */
export async function runTurns(model: string, options: TurnsOptions): Promise<void> {
  const { asked, apart, context } = asWords(() => openTurns(model, options));
  const answers = asWords(() => [...answerTurns(asked), ...(apart === null ? [] : [answerApart(apart)])]);
  const answered = answers.flatMap((one) => ('answer' in one ? [one] : []));
  const leftOut = answers.flatMap((one) => ('reason' in one ? [one] : []));
  if (answered.length === 0)
    throw usageError(
      `nothing can be answered of ${model}: ${[...new Set(leftOut.map(({ reason }) => reason))].join('; ')}`,
      'Say with --bits in what it is served, or name more devices, another GPU, or fewer tokens.',
    );
  if (options.svg !== undefined) {
    const draw = await openDrawing();
    writeDrawn(
      options.svg,
      draw(turnsChart(`${model} on ${context.devices} × ${context.hardware}`, answered)),
    );
  }
  if (options.json === true) {
    printJson({ model, ...context, answers: answered, leftOut });
    return;
  }
  for (const { answer } of answered) printData(answer);
  if (answered.length > 0) printData(`\n${gainTable(answered)}`);
  const { hardware, devices, engine, source, bits, load } = context;
  say(`${devices} × ${hardware} with ${engine}, served in ${bits}; times by ${source}`);
  say(
    `a steady closed loop of so many sequences at once, prompts of ${load.promptTokens} tokens and answers of ${load.answerTokens}, equally long; ratios are of tokens of answers a second and device; bands of 90 %`,
  );
  for (const { assumes } of answered) for (const clause of assumes) say(`assumed: ${clause}`);
  for (const { question, reason } of leftOut) say(`${question} is left out: ${reason}`);
}

function openTurns(model: string, options: TurnsOptions) {
  const bits = servedFormats(options.bits);
  if (bits === null)
    throw usageError(
      `--bits ${options.bits}: engines on GPUs serve native, ${NUMBER_FORMATS.join(', ')}, each also with kv8 behind it`,
    );
  const weights = NUMBER_FORMATS.find((format) => format === options.weights);
  if (weights === undefined)
    throw usageError(`--weights ${options.weights}: known are ${NUMBER_FORMATS.join(', ')}`);
  if (options.draftTokens > MOST_DRAFT_TOKENS && options.acceptanceLength === undefined)
    throw usageError(
      `--draft-tokens ${options.draftTokens}: acceptance was measured of at most ${MOST_DRAFT_TOKENS}; say it with --acceptance-length`,
    );
  if ((options.acceptanceLength ?? 1) > options.draftTokens + 1)
    throw usageError(
      `--acceptance-length ${options.acceptanceLength}: ${options.draftTokens} draft tokens yield at most ${options.draftTokens + 1} tokens a step`,
    );
  const questions = questionsNamed(options.question);
  const device = requireHardware(options.hardware);
  const { engine, times } = openPredictor(options.hardware, options.engine, options.calibration);
  if (device.memoryBytes === null)
    throw usageError(`nobody publishes the memory of ${device.name}, so that it is not known what fits`);
  const architecture = openArchitecture(model, modelFoldersFor([model], options.models));
  const load = { promptTokens: options.prompt, answerTokens: options.answer };
  if (options.prompt + options.answer > architecture.contextLength)
    throw usageError(
      `--prompt ${options.prompt} and --answer ${options.answer} are more than the ${architecture.contextLength} tokens of the model`,
    );
  const asked: AskedTurns = {
    architecture,
    bits,
    tensor: options.devices,
    on: { engine, times, memoryBytes: device.memoryBytes.value },
    load,
    draftTokens: options.draftTokens,
    acceptance:
      options.acceptanceLength === undefined
        ? acceptanceOf(model, options.draftTokens)
        : { length: options.acceptanceLength, spread: 0, source: 'as --acceptance-length says' },
    weights: weights satisfies NumberFormat,
    questions: QUESTIONS.filter((question) => questions.includes(question)),
  };
  const apart = questions.includes(APART)
    ? {
        server: {
          architecture,
          formats: bits,
          device,
          memoryBytes: device.memoryBytes.value,
          engine,
          release: readEngine(options.engine)?.release ?? null,
          flags: {},
          memoryShare: null,
          host: engine.host,
          own: null,
        },
        devices: options.devices,
        load,
        linkBytesPerSecond: 1e9 * options.link,
      }
    : null;
  const { memory, graphs, host } = engine;
  const context = {
    hardware: device.name,
    devices: options.devices,
    engine: engine.name,
    source: sourceOf(times.source, host),
    bits: options.bits,
    load,
    flags: {
      memoryShare: memory.share,
      blockTokens: memory.blockTokens,
      passTokens: memory.passTokens,
      graphTokens: graphs.sizes.at(-1) ?? 0,
    },
  };
  return { asked, apart, context };
}

/** Whether prefill and decode pay apart, which a simulation answers. */
const APART = 'apart';
const ALL_QUESTIONS: readonly string[] = [...QUESTIONS, APART];

/** @returns all where none is named. */
function questionsNamed(words: readonly string[]): readonly string[] {
  for (const word of words) {
    if (ALL_QUESTIONS.includes(word)) continue;
    const guess = nearest(word, ALL_QUESTIONS);
    const meant = guess === null ? '' : `; did you mean ${guess}?`;
    throw usageError(`--question ${word}: known are ${ALL_QUESTIONS.join(', ')}${meant}`);
  }
  return words.length === 0 ? ALL_QUESTIONS : words;
}

/** Of more loads only each fourth has a line; `--json` has all. */
const MOST_LINES = 12;
const EACH_LINE = 4;

/** One line a load; a column each for what is gained by a way, with its band. */
function gainTable(answers: readonly AnsweredTurn[]): string {
  const loads = [...new Set(answers.flatMap(({ gains }) => gains.map(({ sequences }) => sequences)))]
    .sort((a, b) => a - b)
    .filter((_, i, all) => all.length <= MOST_LINES || i % EACH_LINE === 0 || i === all.length - 1);
  return plainTable(
    ['at once', ...answers.map(({ way, instead }) => `${way} / ${instead}`)],
    loads.map((load) => [
      load,
      ...answers.map(({ gains }) => {
        const gain = gains.find(({ sequences }) => sequences === load);
        if (gain === undefined) return null;
        const [ratio, low, high] = [gain.ratio, gain.low, gain.high].map((value) => value.toFixed(2));
        return `${ratio} [${low}, ${high}]`;
      }),
    ]),
  );
}
