import { Queue, Worker, type Job, type RedisOptions } from 'bullmq';

export interface PublishData {
  readonly contentId: string;
  readonly targetId: string;
}

export const ATTEMPTS = 3;

/** The queue of publishing jobs. */
export class PublishingQueue {
  private readonly queue: Queue<PublishData>;

  constructor(
    private readonly name: string,
    private readonly connection: RedisOptions,
    private readonly delayMs = 1000,
  ) {
    this.queue = new Queue(name, { connection });
  }

  /** The same content and target twice is one job: BullMQ keeps one for each id. */
  async enqueue(data: PublishData): Promise<string> {
    const job = await this.queue.add('publish', data, {
      jobId: `${data.contentId}.${data.targetId}`,
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: this.delayMs },
    });
    return job.id ?? '';
  }

  worker(handle: (job: Job<PublishData>) => Promise<void>): Worker<PublishData> {
    // BullMQ asks for null here: a worker waits for Redis as long as it takes.
    const connection = { ...this.connection, maxRetriesPerRequest: null };
    return new Worker(this.name, handle, { connection });
  }

  async counts(): Promise<Record<string, number>> {
    return this.queue.getJobCounts('waiting', 'delayed', 'completed', 'failed');
  }

  /** Removes the queue with all its jobs; for tests. */
  async obliterate(): Promise<void> {
    await this.queue.obliterate({ force: true });
    await this.queue.close();
  }
}
