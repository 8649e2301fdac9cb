import { randomUUID } from 'node:crypto';
import { QueueEvents, type Worker } from 'bullmq';
import { ATTEMPTS, PublishingQueue, type PublishData } from '../../src/infra/publishing-queue';
import { redis } from '../support/platform';

const DATA = { contentId: 'content-1', targetId: 'target_1' };

let queue: PublishingQueue;
let events: QueueEvents;
let worker: Worker<PublishData> | undefined;

beforeEach(() => {
  // A name of its own: nothing is shared with other tests or with the platform.
  const name = `test-${randomUUID()}`;
  queue = new PublishingQueue(name, redis(), 10);
  events = new QueueEvents(name, { connection: redis() });
});

afterEach(async () => {
  await worker?.close();
  worker = undefined;
  await events.close();
  await queue.obliterate();
});

/** Resolves with the job's end; the events say it, no test sleeps. */
async function ended(kind: 'completed' | 'failed'): Promise<void> {
  await new Promise<void>((resolve) => {
    events.on(kind, () => {
      resolve();
    });
  });
}

test('the same work is queued once', async () => {
  expect(await queue.enqueue(DATA)).toBe(await queue.enqueue(DATA));
  expect(await queue.counts()).toMatchObject({ waiting: 1 });
});

test('a job that fails at first is tried again', async () => {
  const end = ended('completed');
  let tries = 0;
  worker = queue.worker(() => {
    tries += 1;
    return tries < ATTEMPTS ? Promise.reject(new Error('503')) : Promise.resolve();
  });
  await events.waitUntilReady();
  await queue.enqueue(DATA);
  await end;
  expect(tries).toBe(ATTEMPTS);
});

test('after its last attempt a job stays among the failed', async () => {
  const end = ended('failed');
  worker = queue.worker(() => Promise.reject(new Error('503')));
  await events.waitUntilReady();
  await queue.enqueue(DATA);
  await end;
  expect(await queue.counts()).toMatchObject({ failed: 1, waiting: 0 });
});
