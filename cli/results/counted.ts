import { WireError } from '../../proto/errors.js';
import { workError } from '../exit.js';

/**
 * Results as they come. Where the stream breaks after some, the error says after how many: what was read is
 * not all there is.
 * @param resultsIn how many results a message holds.
 * @throws CommandError (1), or whatever the stream threw when nothing had come yet.
 */
export async function* counted<Message>(
  messages: AsyncIterable<Message>,
  resultsIn: (message: Message) => number = () => 1,
): AsyncGenerator<Message> {
  let read = 0;
  try {
    for await (const message of messages) {
      read += resultsIn(message);
      yield message;
    }
  } catch (error) {
    if (!(error instanceof WireError) || read === 0) throw error;
    throw workError(
      `the results broke off after ${read}, and there may be more: ${error.message}`,
      error.details.join(' ') || 'Ask again; the coordinator still has them.',
    );
  }
}
