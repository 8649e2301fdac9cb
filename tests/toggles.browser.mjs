// Opens what furo folds away, by keyboard: the drawers of a phone, a branch of the tree of pages.
// Input: {modules, chromium, page}: the address of a page with sub-pages and contents.
// Output: one line {shut, navigation, contents, branch}: what Tab stops at in the two drawers of
// a phone while they are shut, and whether Space shows each, and a branch of the tree.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const input = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(join(input.modules, "here.js"))("playwright-core");

const browser = await chromium.launch({
  executablePath: input.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
});

// Presses Tab until what has the focus matches, all around the page at most; what it stopped at.
async function tab(page, selector) {
  const stops = [];
  for (let turns = 0; turns < 300; turns += 1) {
    await page.keyboard.press("Tab");
    const [is, where] = await page.evaluate((wanted) => {
      const active = document.activeElement;
      const drawer = active.closest(".sidebar-drawer, .toc-drawer");
      return [active.matches(wanted), drawer && drawer.className];
    }, selector);
    if (where) stops.push(where);
    if (is) return [true, stops];
  }
  return [false, stops];
}

try {
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const seen = {};
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(input.page);
  seen.shut = (await tab(page, "footer a, .bottom-of-page a"))[1];
  for (const [name, drawer] of [["navigation", ".sidebar-drawer"], ["contents", ".toc-drawer"]]) {
    const toggle = { navigation: "#__navigation", contents: "#__toc" }[name];
    await page.goto(input.page);
    const [reached] = await tab(page, toggle);
    await page.keyboard.press("Space");
    const link = page.locator(`${drawer} a:visible`).first();
    seen[name] = reached && (await link.waitFor({ timeout: 60000 }).then(() => true, () => false));
  }
  await page.setViewportSize({ width: 1300, height: 800 });
  await page.goto(input.page);
  const [reached] = await tab(page, ".toctree-checkbox:not(:checked)");
  const branch = page.locator(".toctree-checkbox:focus ~ ul").first();
  const before = reached && (await branch.isVisible());
  await page.keyboard.press("Space");
  seen.branch = reached && !before && (await branch.isVisible());
  process.stdout.write(`${JSON.stringify(seen)}\n`);
} finally {
  await browser.close();
}
