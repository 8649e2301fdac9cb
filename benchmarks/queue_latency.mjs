// npm BullMQ as producer and consumer: the time of each job, from add to completed.
//
// usage: node queue_latency.mjs COUNT   prints the median in milliseconds
import { once } from "node:events";
import { Queue, Worker } from "bullmq";

const connection = { host: "redis-1", maxRetriesPerRequest: null };
const name = "bench-npm";
const queue = new Queue(name, { connection });
const worker = new Worker(name, async () => "done", { connection });
await worker.waitUntilReady();
const took = [];
for (let number = 0; number < Number(process.argv.at(-1)); number++) {
  const completed = once(worker, "completed");
  const begin = performance.now();
  await queue.add("job", { number });
  await completed;
  took.push(performance.now() - begin);
}
took.sort((a, b) => a - b);
console.log(took[Math.floor(took.length / 2)]);
await worker.close();
await queue.obliterate({ force: true });
await queue.close();
