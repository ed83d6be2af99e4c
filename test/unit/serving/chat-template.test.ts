import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openChatTemplate } from '../../../engines/runners/chat-template.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import { runLoad } from '../../../load/run-load.js';
import { sharedFolder } from '../../support/folder.js';
import { endpointOf, plain, withSimulator } from '../../support/simulator.js';

/** As ChatML has it, begun with the vocabulary's own token. */
const TEMPLATE =
  "{{ bos_token }}{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";
/** Of templates that take turns in order alone. */
const STRICT = "{% if messages[0]['role'] != 'user' %}{{ raise_exception('a user begins') }}{% endif %}";

const folder = sharedFolder();
beforeAll(() => {
  copyFileSync(
    join(import.meta.dirname, '../../fixtures/tokenizer/tokenizer.json'),
    join(folder, 'tokenizer.json'),
  );
});

async function withTemplate(template: string | object[] | null) {
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: { content: '<s>' },
    chat_template: template,
  };
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return (await openTokenizer(folder))!;
}

describe('prompts of chats', () => {
  test('have the tokens that the template of the model makes, special ones as one each', async () => {
    const { chat, tokenize } = await withTemplate(TEMPLATE);
    const messages = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'the king?' },
    ];
    const text = '<s><system>be brief\n<user>the king?\n<assistant>';
    expect(chat?.promptTokens(messages)).toBe(tokenize(text).length);
    expect(tokenize(text)[0]).toBe(tokenize('<s>')[0]);
    const named = await withTemplate([
      { name: 'tool_use', template: 'other' },
      { name: 'default', template: TEMPLATE },
    ]);
    expect(named.chat?.digest).toBe(chat?.digest);
    writeFileSync(join(folder, 'chat_template.jinja'), `${TEMPLATE} `);
    expect((await withTemplate(TEMPLATE)).chat?.digest).not.toBe(chat?.digest);
    rmSync(join(folder, 'chat_template.jinja'));
  });

  test('are counted by nobody here without a template, or with one that cannot be read', async () => {
    expect((await withTemplate(null)).chat).toBeNull();
    expect((await withTemplate('{% if %}')).chat).toBeNull();
  });

  test('are not counted by a template that takes for ever', () => {
    const long = '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}';
    const one = () => Int32Array.of(1);
    const words = (template: string) => ({ template, begin: '', end: '' });
    expect(() => openChatTemplate(words(long), one, 0.1)).toThrow(
      'the chat template takes longer than 1.1 s',
    );
    // What is short has more time than it takes on a busy machine.
    const later = openChatTemplate(words(`{% if messages[1] %}${long}{% endif %}`), one, 4)!;
    const message = { role: 'user', content: 'a' };
    expect(later.promptTokens([message])).toBe(1);
    expect(() => later.promptTokens([message, message])).toThrow('the chat template takes longer than 5 s');
  });

  test('are counted of every request, or by the server where the template refuses one of them', async () => {
    await withSimulator({ ttft: 0, itl: 0 }, async ({ url }) => {
      const load = (tokenizer: Awaited<ReturnType<typeof withTemplate>>, role: string) =>
        runLoad({
          endpoint: endpointOf(url, { api: 'chat' }),
          requests: [plain('', 2, { prompt: [{ role, content: 'the king' }] }), plain('hello', 2)],
          arrival: { kind: 'offline' },
          seed: 1,
          maxSeconds: null,
          maxRequests: null,
          tokenizer,
        });
      const own = await withTemplate(TEMPLATE);
      const counted = await load(own, 'system');
      expect(counted.promptTokensBy).toBe('tokenizer');
      expect(counted.records.map(({ promptTokens }) => promptTokens).toSorted()).toEqual(
        ['<s><system>the king\n<assistant>', '<s><user>hello\n<assistant>']
          .map((text) => own.tokenize(text).length)
          .toSorted(),
      );
      // What the server says stands beside it.
      expect(counted.records.map(({ usage }) => usage?.promptTokens).toSorted()).toEqual([1, 2]);
      const refused = await load(await withTemplate(STRICT + TEMPLATE), 'system');
      expect(refused.promptTokensBy).toBe('server');
    });
  });
});
