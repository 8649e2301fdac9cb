import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { database, token } from '../support/platform';
import { editorServer } from './editor-server';

const TITLE = 'Written in a browser';
const pool = database();

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage'],
  });
}, 30_000);

afterAll(async () => {
  await browser.close();
  await pool.query('DELETE FROM content_items WHERE title = $1', [TITLE]);
  await pool.end();
});

let server: Server;
async function open(role: string, user: string): Promise<Page> {
  server = editorServer(token(user, 'org_1', role));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return page;
}

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('an editor writes and publishes', async () => {
  const page = await open('editor', 'user_3');
  await page.getByLabel('Title').fill(TITLE);
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(`Published ${TITLE}`).waitFor();
  const rows = await pool.query('SELECT status FROM content_items WHERE title = $1', [TITLE]);
  expect(rows.rows).toEqual([{ status: 'published' }]);
}, 30_000);

test('a viewer is told why nothing was published', async () => {
  const page = await open('viewer', 'user_4');
  await page.getByLabel('Title').fill(TITLE);
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Not published: ').waitFor({ timeout: 10_000 });
}, 30_000);
