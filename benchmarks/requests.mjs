// Sixteen kept connections that ask for one URL as fast as they are answered.
//
// usage: node requests.mjs URL COUNT   tokens, one a line, on standard input
// Prints requests per second; any answer but 200 is an error.
import http from "node:http";
import { readFileSync } from "node:fs";

const [url, count] = process.argv.slice(-2);
const tokens = readFileSync(0, "utf8").trim().split("\n").filter(Boolean);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function get(number) {
  const headers = tokens.length ? { authorization: `Bearer ${tokens[number % tokens.length]}` } : {};
  return new Promise((resolve, reject) => {
    http.get(url, { agent, headers }, (answer) => {
      answer.resume();
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${answer.statusCode} for request ${number}`));
      });
    }).on("error", reject);
  });
}

let next = 0;
const begin = performance.now();
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (next < Number(count)) await get(next++);
  }),
);
console.log(Number(count) / ((performance.now() - begin) / 1000));
agent.destroy();
