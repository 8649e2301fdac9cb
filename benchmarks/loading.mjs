// How long a page takes until it can be read and used, from a disk and on a slow telephone.
// Input: {modules, chromium, folder, pages, runs}; output: a line for each page and way, {page, way, ms: []}.
// Interactive is: something is painted, the page's own scripts have run, and no long task goes on.
import { createRequire } from "node:module";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const input = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(join(input.modules, "here.js"))("playwright-core");
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const QUIET_MS = 500;

// Texts go compressed, as every host of static sites sends them.
const server = createServer((request, response) => {
  const path = join(input.folder, normalize(decodeURIComponent(new URL(request.url, "http://x").pathname)));
  if (!existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
  const type = TYPES[extname(path)];
  const body = readFileSync(path);
  if (!type) return response.writeHead(200, { "content-type": "application/octet-stream" }).end(body);
  response.writeHead(200, { "content-type": type, "content-encoding": "gzip" }).end(gzipSync(body));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const WAYS = {
  disk: { width: 1300, address: (page) => pathToFileURL(join(input.folder, page)).href },
  telephone: {
    width: 390, cpu: 4, bytes: 1_600_000 / 8, latency: 150,
    address: (page) => `http://127.0.0.1:${server.address().port}/${page}`,
  },
};

// Runs in the page before its own scripts.
function watch() {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.startTime + task.duration);
  }).observe({ type: "longtask", buffered: true });
}

function interactive() {
  const [loaded] = performance.getEntriesByType("navigation");
  const [painted] = performance.getEntriesByName("first-contentful-paint");
  return Math.max(painted.startTime, loaded.domContentLoadedEventEnd, window.longest);
}

const browser = await chromium.launch({
  executablePath: input.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
});
try {
  for (const name of input.pages) {
    for (const [way, { width, cpu, bytes, latency, address }] of Object.entries(WAYS)) {
      const ms = [];
      for (let run = 0; run < input.runs; run++) {
        // A context of its own each time: nothing is in a cache.
        const context = await browser.newContext({ viewport: { width, height: 900 } });
        const page = await context.newPage();
        await page.addInitScript(watch);
        const devtools = await context.newCDPSession(page);
        if (cpu) await devtools.send("Emulation.setCPUThrottlingRate", { rate: cpu });
        if (bytes) {
          await devtools.send("Network.enable");
          await devtools.send("Network.emulateNetworkConditions",
            { offline: false, latency, downloadThroughput: bytes, uploadThroughput: bytes });
        }
        await page.goto(address(name), { waitUntil: "load" });
        await page.waitForTimeout(QUIET_MS);
        ms.push(await page.evaluate(interactive));
        await context.close();
      }
      process.stdout.write(`${JSON.stringify({ page: name, way, ms })}\n`);
    }
  }
} finally {
  await browser.close();
  server.close();
}
