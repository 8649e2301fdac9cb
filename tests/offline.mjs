// A browser without a network, for scripts that look at pages: what they are told, and a page.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

// Hands {page, input} to `look` and writes what it returns, a line for each. `input` is what
// stands on standard input: {modules, chromium} beside what the script itself reads.
export async function offline(look) {
  const input = JSON.parse(readFileSync(0, "utf8"));
  const { chromium } = createRequire(join(input.modules, "here.js"))("playwright-core");
  const browser = await chromium.launch({
    executablePath: input.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
  });
  try {
    const context = await browser.newContext({ offline: true });
    for (const seen of await look(await context.newPage(), input)) {
      process.stdout.write(`${JSON.stringify(seen)}\n`);
    }
  } finally {
    await browser.close();
  }
}
