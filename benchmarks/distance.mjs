// How far a reader goes from the index to the first command that changes something.
// Input: {modules, chromium, folder, ways: [{pages, command}]}; output: a line for each way,
// {screens, words, clicks}. On each page counts what stands above the link to the next, on the
// last what stands above the first block that writes. With a command the first page is read as
// far as that command, which prints the address of the next.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, relative, dirname } from "node:path";
import { pathToFileURL } from "node:url";

const input = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(join(input.modules, "here.js"))("playwright-core");
const SIZE = { width: 1300, height: 900 };

// Runs in the page: words that can be seen above an element, and its lower edge in pixels.
function above({ address, command }) {
  const article = document.querySelector("article");
  const target = command
    ? [...article.querySelectorAll("code")].find((each) => each.textContent === command)
    : address
    ? [...article.querySelectorAll("a[href]")].find((each) => each.getAttribute("href") === address)
    : [...article.querySelectorAll(".db-snippet")].find((each) =>
        each.querySelector(".db-effect-write, .db-effect-destructive"));
  if (!target) return null;
  let words = 0;
  const walk = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode;
    if (target.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    if (target.contains(text)) continue;
    const folded = text.parentElement.closest("details:not([open])");
    if (folded && !text.parentElement.closest("summary")) continue;
    if (text.parentElement.checkVisibility({ visibilityProperty: true })) {
      words += (text.data.match(/[\p{L}\p{N}]\S*/gu) ?? []).length;
    }
  }
  return { words, bottom: target.getBoundingClientRect().bottom + scrollY };
}

const browser = await chromium.launch({
  executablePath: input.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
});
try {
  const page = await (await browser.newContext({ offline: true, viewport: SIZE })).newPage();
  for (const { pages, command } of input.ways) {
    let screens = 0, words = 0;
    for (const [at, here] of pages.entries()) {
      await page.goto(pathToFileURL(join(input.folder, here)).href);
      const next = pages[at + 1];
      const address = next ? relative(dirname(here), next) : "";
      const found = await page.evaluate(above, { address, command: at ? "" : command });
      if (!found) throw new Error(`${here}: nothing leads to ${next ?? "a block that writes"}`);
      screens += found.bottom / SIZE.height;
      words += found.words;
    }
    process.stdout.write(`${JSON.stringify({ screens, words, clicks: pages.length - 1 })}\n`);
  }
} finally {
  await browser.close();
}
