// Opens a branch of the tree of pages, which furo folds away, by keyboard.
// Input: {modules, chromium, page}: the address of a page beside one with sub-pages.
// Output: one line {before, after}: whether the branch shows when Tab has come to it, and then
// when Space was pressed; null where Tab never came.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const input = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(join(input.modules, "here.js"))("playwright-core");
const SHUT = ".toctree-checkbox:not(:checked)";
const MOST_TURNS = 300;

const browser = await chromium.launch({
  executablePath: input.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
});
try {
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  await page.setViewportSize({ width: 1300, height: 800 });
  await page.goto(input.page);
  const seen = { before: null, after: null };
  for (let turns = 0; turns < MOST_TURNS && seen.before === null; turns += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((shut) => document.activeElement.matches(shut), SHUT)) {
      const branch = page.locator(".toctree-checkbox:focus ~ ul").first();
      seen.before = await branch.isVisible();
      await page.keyboard.press("Space");
      seen.after = await branch.isVisible();
    }
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
} finally {
  await browser.close();
}
