// Each language says all that the interface says, and says it in that language.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { PROBLEMS } from '../../../src/antiphon/web/client/problems.js';
import { LANGUAGES, direction, languageOf, loadTexts, say } from '../../../src/antiphon/web/texts/index.js';

// Names, and words that a language has from English, or English from it.
const SAME_EVERYWHERE = ['transport_webrtc', 'transport_websocket', 'transport_http'];
const SAME = { de: ['transport_text'], fr: ['assistant', 'captions', 'microphone'] };

const english = await loadTexts('en');
const others = LANGUAGES.filter((language) => language !== 'en');

/** All texts by their path, such as `problems.offline.cure`. */
function flat(texts, prefix = '') {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

function placeholders(text) {
  return [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
}

test('there is a file for each language, and no other', () => {
  const folder = new URL('../../../src/antiphon/web/texts/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name !== 'index.js');
  assert.deepEqual(files.sort(), LANGUAGES.map((language) => `${language}.js`).sort());
});

for (const language of LANGUAGES) {
  test(`${language} has words and a cure for every problem`, async () => {
    const { problems } = await loadTexts(language);
    assert.deepEqual(Object.keys(problems).sort(), Object.keys(PROBLEMS).sort());
    for (const [code, words] of Object.entries(problems)) {
      assert.deepEqual(Object.keys(words), ['what', 'cure'], code);
    }
  });

  test(`${language} has no empty text, no straight quote and no space at an end`, async () => {
    for (const [path, text] of flat(await loadTexts(language))) {
      assert.match(text, /\S/, path);
      assert.equal(text, text.trim(), path);
      assert.doesNotMatch(text.replace('allow="microphone"', ''), /['"]/, path);
    }
  });
}

for (const language of others) {
  test(`${language} has every text of English, with the same placeholders`, async () => {
    const texts = await loadTexts(language);
    assert.deepEqual(
      flat(texts).map(([path]) => path),
      flat(english).map(([path]) => path),
    );
    const own = new Map(flat(texts));
    for (const [path, text] of flat(english)) {
      assert.deepEqual(placeholders(own.get(path)), placeholders(text), path);
    }
  });

  test(`${language} leaves nothing in English`, async () => {
    const own = new Map(flat(await loadTexts(language)));
    const same = flat(english)
      .filter(([path, text]) => own.get(path) === text)
      .map(([path]) => path);
    assert.deepEqual(same.sort(), [...SAME_EVERYWHERE, ...(SAME[language] ?? [])].sort());
  });
}

test('Japanese, Chinese and Arabic are written in their own script', async () => {
  const scripts = { ja: /[\u3040-\u30ff\u4e00-\u9fff]/, zh: /[\u4e00-\u9fff]/, ar: /[\u0600-\u06ff]/ };
  for (const [language, script] of Object.entries(scripts)) {
    const texts = flat(await loadTexts(/** @type {any} */ (language)));
    for (const [path, text] of texts) {
      if (!SAME_EVERYWHERE.includes(path)) assert.match(text, script, `${language} ${path}`);
    }
  }
});

test('a tag means the language it begins with, and English when there is none such', () => {
  const tags = {
    'de-AT': 'de',
    'pt-BR': 'pt',
    'zh-Hant': 'zh',
    'EN-us': 'en',
    ar: 'ar',
    ja_JP: 'ja',
    nl: 'en',
    '': 'en',
  };
  for (const [tag, language] of Object.entries(tags)) assert.equal(languageOf(tag), language, tag);
  assert.equal(languageOf(null), 'en');
  assert.equal(languageOf('frisian'), 'en');
});

test('Arabic alone runs from right to left', () => {
  assert.deepEqual(
    LANGUAGES.filter((language) => direction(language) === 'rtl'),
    ['ar'],
  );
});

test('placeholders are filled in, and stay where there is no value', () => {
  assert.equal(say(english, 'via', { transport: 'WebRTC' }), 'Connected over WebRTC');
  assert.equal(say(english, 'via'), 'Connected over {transport}');
  assert.equal(say(english, 'tool_failed', { name: '$& {name}' }), '$& {name} failed');
});
