// Opens a branch of the tree of pages, which furo folds away, by keyboard.
// Input: {modules, chromium, page}: the address of a page beside one with sub-pages.
// Output: one line {before, after}: whether the branch shows when Tab has come to it, and then
// when Space was pressed; null where Tab never came.
import { offline } from "./offline.mjs";

const SHUT = ".toctree-checkbox:not(:checked)";
const MOST_TURNS = 300;

await offline(async (page, input) => {
  await page.setViewportSize({ width: 1300, height: 800 });
  await page.goto(input.page);
  for (let turns = 0; turns < MOST_TURNS; turns += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((shut) => document.activeElement.matches(shut), SHUT)) {
      const branch = page.locator(".toctree-checkbox:focus ~ ul").first();
      const before = await branch.isVisible();
      await page.keyboard.press("Space");
      return [{ before, after: await branch.isVisible() }];
    }
  }
  return [{ before: null, after: null }];
});
