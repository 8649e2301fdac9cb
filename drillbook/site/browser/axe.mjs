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
const CONTRAST = ["color-contrast"];
const LINKS = ["link-in-text-block"];

// Three quarters of the time went into the contrast of words that all look the same, most of them
// in code. Of those that look the same before the same background the first few are looked at.
const ENOUGH = 5;

const say = (found) => process.stdout.write(`${JSON.stringify(found)}\n`);

function markAlike(enough) {
  for (const old of document.querySelectorAll("[data-alike]")) old.removeAttribute("data-alike");
  const behind = new Map([[null, ""]]);
  const background = (element) => {
    if (!behind.has(element)) {
      const style = getComputedStyle(element);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter];
      // What is moved out of the flow may come to lie over anything: it is like nothing else.
      const apart = style.position === "static" ? "" : `${style.position} ${behind.size}`;
      behind.set(element, `${background(element.parentElement)}/${own} ${apart}`);
    }
    return behind.get(element);
  };
  const seen = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    const text = element.textContent.trim();
    if (element.childElementCount || !text) continue;
    if (!element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })) continue;
    const style = getComputedStyle(element);
    const look = [element.tagName, element.parentElement.tagName, style.color, style.fontSize,
      style.fontWeight, style.textShadow, text.length > 1, background(element)].join(" ");
    const count = (seen.get(look) ?? 0) + 1;
    seen.set(look, count);
    if (count > enough) element.setAttribute("data-alike", "");
  }
}

async function look(page, name, as, rules, { without = false, alike = false } = {}) {
  const options = { resultTypes: ["violations"], iframes: false, preload: false };
  if (without) options.rules = Object.fromEntries(rules.map((rule) => [rule, { enabled: false }]));
  else options.runOnly = { type: "rule", values: rules };
  const where = alike ? { exclude: [["[data-alike]"]] } : {};
  if (alike) await page.evaluate(markAlike, ENOUGH);
  const { violations } = await page.evaluate(
    ([where, given]) => window.axe.run({ include: [["html"]], ...where }, given), [where, options]);
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
        await look(page, name, `${THEMES[0]}, ${width}`, CONTRAST, { without: true });
        await look(page, name, `${THEMES[0]}, ${width}`, CONTRAST, { alike: true });
        await page.emulateMedia({ colorScheme: THEMES[1] });
        await look(page, name, `${THEMES[1]}, ${width}`, LINKS);
        await look(page, name, `${THEMES[1]}, ${width}`, CONTRAST, { alike: true });
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
