// The page's own words.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import english from '../../../src/antiphon/web/page/texts/en.js';
import { loadWords } from '../../../src/antiphon/web/page/texts/index.js';

const FOLDER = new URL('../../../src/antiphon/web/page/', import.meta.url);

test('a placeholder is filled, an unknown one is left', async () => {
  const words = await loadWords('en', 'en');
  assert.equal(words.say('turn_number', { number: 3 }), 'Turn 3');
  assert.equal(words.say('turn_number'), 'Turn {number}');
});

test('the address chooses the language, else the browser does', async () => {
  assert.equal((await loadWords('ar', 'de')).lang, 'ar');
  assert.equal((await loadWords(null, 'pt-BR')).lang, 'pt');
  assert.equal((await loadWords(null, 'fi')).lang, 'en');
  assert.equal((await loadWords('ar', 'de')).direction, 'rtl');
});

test('each language says all of it, with the same placeholders', async () => {
  const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();
  for (const lang of ['de', 'fr', 'es', 'pt', 'ja', 'zh', 'ar']) {
    const { default: texts } = await import(`../../../src/antiphon/web/page/texts/${lang}.js`);
    assert.deepEqual(Object.keys(texts), Object.keys(english), lang);
    for (const [key, text] of Object.entries(texts))
      assert.deepEqual(holes(text), holes(english[key]), `${lang} ${key}`);
  }
});

test('a problem has words even when its code is not known', async () => {
  const words = await loadWords('en', 'en');
  assert.equal(words.problem({ code: 'offline', detail: '' }).what, 'This device is offline.');
  assert.deepEqual(words.problem({ code: 'new_one', detail: 'x' }), { what: 'new_one', cure: 'x' });
});

test('every text is used', () => {
  const source = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(new URL(name, FOLDER), 'utf8'))
    .join('\n');
  const stems = [...source.matchAll(/say\(\s*(?:\/\*.*?\*\/ \(\s*)?`(\w+)\$\{/g)].map(([, stem]) => stem);
  const unused = Object.keys(english).filter(
    (key) => !source.includes(`'${key}'`) && !stems.some((stem) => key.startsWith(stem)),
  );
  assert.deepEqual(unused, []);
});
