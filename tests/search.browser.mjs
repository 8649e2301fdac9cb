// Searches with a keyboard in a browser without a network.
// Input: {modules, chromium, page, asked}: the address of the search page and what is typed.
// Output: a line for each of `asked`: {typed, results, focus, url, outside}. `results` are
// [heading, excerpt, marked] of each, `focus` what has the focus after each key, `url` where the
// last one leads, `outside` the addresses asked for that are no file.
import { offline } from "./offline.mjs";

const KEYS = ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "Enter"];

await offline(async (page, input) => {
  const found = [];
  const outside = [];
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) outside.push(request.url());
  });
  for (const typed of input.asked) {
    await page.goto(input.page);
    // Focus is in the field already. Keys are heard in their order, so that a status which is
    // there belongs to the whole text.
    await page.locator("#db-search-input:focus").waitFor();
    await page.keyboard.type(typed);
    await page.locator("#db-search-status:not(:empty)").waitFor();
    const results = await page.locator("#db-search-results > li").evaluateAll((items) =>
      items.map((item) => [
        item.querySelector("a").textContent,
        item.querySelector("p").textContent,
        [...item.querySelectorAll("mark")].map((mark) => mark.textContent),
      ]));
    const focus = [];
    for (const key of KEYS) {
      await page.keyboard.press(key);
      focus.push(await page.evaluate(() => document.activeElement.id
        || document.activeElement.textContent));
    }
    let url = "";
    if (results.length) {
      await Promise.all([
        page.waitForURL((to) => !to.pathname.endsWith("/search.html")),
        page.keyboard.press("Enter"),
      ]);
      url = page.url();
    }
    found.push({ typed, results, focus, url, outside });
  }
  return found;
});
