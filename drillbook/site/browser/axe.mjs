// Runs axe over built pages in a browser without a network, as readers may have it set.
// Input: {modules, chromium, folder, pages, sheets, most}; those among `sheets` are printed too,
// and may take `most` sheets of A4. Output: one line for each page and finding:
// {page, as, rule, help, at}. `as` says the theme and the width in CSS pixels.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const input = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(input.modules, "here.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const SIZES = [1300, 390];
const THEMES = ["light", "dark"];
// What can differ between two themes at one width: the rest is looked at once.
const OF_THEMES = ["color-contrast", "link-in-text-block"];

const say = (found) => process.stdout.write(`${JSON.stringify(found)}\n`);

async function look(page, name, as, rules) {
  const options = { resultTypes: ["violations"], iframes: false, preload: false };
  if (rules) options.runOnly = { type: "rule", values: rules };
  const { violations } = await page.evaluate((given) => window.axe.run(document, given), options);
  for (const { id, help, nodes } of violations) {
    for (const node of nodes) {
      const why = [...node.any, ...node.all, ...node.none].map((each) => each.message);
      say({ page: name, as, rule: id, help: why[0] ?? help, at: node.target.flat().join(" ") });
    }
  }
}

const browser = await chromium.launch({
  executablePath: input.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
});
try {
  const waiting = [...input.pages];
  const one = async () => {
    const context = await browser.newContext({ offline: true, reducedMotion: "reduce" });
    const page = await context.newPage();
    let name = "";
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) {
        say({ page: name, as: "", rule: "no-network", help: "asks for something outside the folder",
          at: request.url() });
      }
    });
    while ((name = waiting.shift() ?? "")) {
      // One load serves both widths: what is laid out follows the window, as when a phone is turned.
      await page.setViewportSize({ width: SIZES[0], height: 900 });
      await page.goto(pathToFileURL(join(input.folder, name)).href);
      await page.evaluate(axe);
      for (const width of SIZES) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme: THEMES[0] });
        // The page hears of its new width with the next frame.
        await page.evaluate(() => new Promise((heard) => requestAnimationFrame(() => heard())));
        await look(page, name, `${THEMES[0]}, ${width}`, null);
        await page.emulateMedia({ colorScheme: THEMES[1] });
        await look(page, name, `${THEMES[1]}, ${width}`, OF_THEMES);
      }
      if (input.sheets.includes(name)) {
        const printed = await page.pdf({ format: "A4" });
        const sheets = printed.toString("latin1").match(/\/Type\s*\/Page\b/g).length;
        if (sheets > input.most) {
          say({ page: name, as: "A4", rule: "printed-pages", at: "html",
            help: `prints on ${sheets} pages, at most ${input.most}` });
        }
      }
      say({ page: name, done: true });
    }
    await context.close();
  };
  await Promise.all([one(), one()]);
} finally {
  await browser.close();
}
