// Runs the site's search over a built index. Input: {files, queries}; output: results by query.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { files, queries } = JSON.parse(readFileSync(0, "utf8"));
const page = vm.createContext({});
vm.runInContext("globalThis.window = globalThis", page);
for (const file of files) vm.runInContext(readFileSync(file, "utf8"), page);
const search = page.drillbookSearch(page.drillbookTexts, page.MiniSearch, page.EnglishStemmer);
console.log(JSON.stringify(queries.map((query) => search(query))));
