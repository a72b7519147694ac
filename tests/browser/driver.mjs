// Runs one browser for a test: each line of JSON on stdin is a command, and each is answered by one line on stdout.
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

// Puppeteer's own options for `launch`, from the test.
const browser = await puppeteer.launch(JSON.parse(process.argv[2]));
const page = await browser.newPage();
page.on('console', (message) => process.stderr.write(`${message.type()}: ${message.text()}\n`));
page.on('pageerror', (error) => process.stderr.write(`page: ${error.stack ?? error}\n`));

const commands = {
  open: ({ url }) => page.goto(url),
  call: ({ name, argument }) => page.evaluate((name, argument) => window.app[name](argument), name, argument),
  evaluate: ({ expression }) => page.evaluate(expression),
  click: ({ selector }) => page.locator(selector).click(),
  write: async ({ selector, text }) => {
    await page.locator(selector).fill(text);
    await page.keyboard.press('Enter');
  },
};
const gives = new Set(['call', 'evaluate']);

async function answer({ command, ...rest }) {
  try {
    const value = await commands[command](rest);
    return { value: gives.has(command) ? value : null };
  } catch (error) {
    return { failure: String(error?.message ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
}
await browser.close();
