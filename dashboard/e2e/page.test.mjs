/**
 * The page in a real browser, served by the real binary, fed by a real log: attacks show up as
 * text and nothing of them runs; an alert is acknowledged; a lost server is noticed.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startServer } from './server.mjs';
import { attacks } from './traffic.mjs';

const ARTIFACTS = fileURLToPath(new URL('../../artifacts/', import.meta.url));
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const MARKUP = '<script>window.__pwned=1</script><img src=x onerror=window.__pwned=2>';
// A request line can hold no spaces, and needs none to be markup.
const URL_MARKUP = '<script>window.__pwned=1</script><img/src=x/onerror=window.__pwned=2>';
const TURNED = 'Mozilla/5.0 \u202e(turned\u200b)';

let server;
let browser;
let page;
/** What the browser complained about. */
const complaints = [];

before(async () => {
  await mkdir(ARTIFACTS, { recursive: true });
  server = await startServer();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
  });
  const context = await browser.newContext({ viewport: DESK, colorScheme: 'dark', reducedMotion: 'reduce' });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  const origin = new URL(server.address).origin;
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked elsewhere: ${request.url()}`);
  });
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

const connection = () => page.locator('#connection');
const row = (text) => page.locator('.row').filter({ hasText: text }).first();

async function isClean() {
  assert.equal(await page.evaluate(() => window.__pwned), undefined, 'a script from the log ran');
  const made = await page.locator('#page').locator('script, img, iframe, a[href^="http"]').count();
  assert.equal(made, 0, 'text from the log became markup');
}

test('the sign-in address opens the live page, and leaves no ticket in the address bar', async () => {
  await page.goto(server.address);
  await connection().filter({ hasText: 'Live' }).waitFor();
  assert.equal(new URL(page.url()).search, '');
  await page.getByText('No threats yet.').waitFor();
});

test('attacks show up as they come, and markup in them stays text', async () => {
  await server.request(
    { address: '203.0.113.50', target: `/?q=${URL_MARKUP}`, agent: MARKUP, referrer: MARKUP },
    {
      address: '203.0.113.51',
      target:
        '/item?id=1%27%20OR%20%271%27=%271%27%20UNION%20SELECT%20name%20FROM%20information_schema.tables--',
      agent: TURNED,
    },
  );
  const script = row('203.0.113.50');
  await script.waitFor();
  assert.ok((await script.locator('.what').textContent()).includes(URL_MARKUP));
  await isClean();

  await script.click();
  const detail = page.locator('.detail');
  for (const field of ['URL', 'User agent', 'Referrer']) {
    const value = detail.locator(`dt:text-is("${field}") + dd`);
    assert.ok(
      (await value.textContent()).includes('<script>window.__pwned=1</script>'),
      `${field} is not shown as it is`,
    );
  }
  assert.ok((await detail.locator('mark').count()) > 0, 'no matched bytes are marked');
  await isClean();
});

test('what cannot be seen is written out', async () => {
  await row('203.0.113.51').click();
  const agent = page.locator('.detail dt:text-is("User agent") + dd');
  assert.equal(await agent.textContent(), 'Mozilla/5.0 \\u{202e}(turned\\u{200b})');
  await page.keyboard.press('Escape');
  await page.locator('.detail').waitFor({ state: 'detached' });
});

test('an alert is acknowledged by its button, and says by whom', async () => {
  const alert = page.locator('.alert').filter({ hasText: '203.0.113.51' }).first();
  await alert.waitFor();
  const id = await alert.getAttribute('data-id');
  await alert.getByRole('button', { name: 'Acknowledge' }).click();
  const acknowledged = page.locator(`.alert[data-id="${id}"]`);
  await acknowledged
    .locator('.state')
    .filter({ hasText: /acknowledged by \S+/ })
    .waitFor();

  await acknowledged.locator('.title button').click();
  await acknowledged.getByLabel('Note').fill('looked at <b>it</b>');
  await acknowledged.getByRole('button', { name: 'Add note' }).click();
  await acknowledged.locator('.changes q').filter({ hasText: 'looked at <b>it</b>' }).waitFor();
  await acknowledged.locator('.title button').click();

  const stored = await (await page.request.get(new URL(`/api/v1/alerts/${id}`, page.url()).href)).json();
  assert.equal(stored.state, 'acknowledged');
  const said = await acknowledged.locator('.state').textContent();
  assert.equal(said.trim(), `acknowledged by ${stored.assignee}`);
});

test('alerts rank by outcome when asked', async () => {
  const asked = page.waitForRequest((request) =>
    request.url().includes('/api/v1/alerts?state=open&sort=outcome'),
  );
  await page.locator('.alerts').getByLabel('Order').selectOption('outcome');
  const answer = await (await asked).response();
  assert.equal(answer.status(), 200);
  const worst = (await answer.json()).items[0].id;
  await page.locator(`.alert[data-id="${worst}"]`).waitFor();
  await page.locator('.alerts').getByLabel('Order').selectOption('severity');
});

test('a paused feed stands still and counts what waits', async () => {
  await page.getByRole('button', { name: 'Pause' }).click();
  await server.request({ address: '203.0.113.52', target: '/a?id=1%27%20OR%201=1--' });
  const waiting = page.getByRole('button', { name: '1 new' });
  await waiting.waitFor();
  assert.equal(await row('203.0.113.52').count(), 0);
  await waiting.click();
  await row('203.0.113.52').waitFor();
});

test('the feed is used by keyboard: search, rows, detail, and back', async () => {
  await page.keyboard.press('/');
  await page.keyboard.type('203.0.113.51');
  await row('203.0.113.50').waitFor({ state: 'detached' });
  await page.locator('.row').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('.detail h2').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.classList.contains('row'));
  await page.locator('#search').fill('');
});

test('it looks right in the dark, in the light and on a phone', async () => {
  await server.request(...attacks(60));
  await row('/cgi-bin/luci').waitFor();
  await page.locator('.top li').nth(3).waitFor();
  await page.mouse.move(5, 5);
  await row('UNION+SELECT+table_name').click();
  await page.mouse.move(5, 5);
  await page.screenshot({ path: `${ARTIFACTS}page-detail.png` });
  await page.keyboard.press('Escape');
  await page.screenshot({ path: `${ARTIFACTS}page-dark.png` });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.screenshot({ path: `${ARTIFACTS}page-light.png` });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize(PHONE);
  await page.screenshot({ path: `${ARTIFACTS}page-phone.png` });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.width, `a phone has to scroll sideways: ${width} px`);
  await page.setViewportSize(DESK);
  await isClean();
});

test('the browser had nothing to complain about', () => {
  assert.deepEqual(complaints, []);
});

test('a server that stops is noticed at once', async () => {
  server.stop();
  await connection()
    .filter({ hasText: /Reconnecting in \d+ s|Connecting/ })
    .waitFor();
});
