import { type ContentId, type ContentItem } from '../domain/content-item';
import { DomainError } from '../domain/errors';

/** What the service needs of the outside; tests give it their own. */
export interface Contents {
  readonly find: (id: ContentId) => Promise<ContentItem | null>;
  readonly save: (item: ContentItem) => Promise<void>;
}

export interface Jobs {
  /** Asking twice for the same content and target gives one job. */
  readonly enqueue: (content: ContentId, target: string) => Promise<void>;
}

/** Publishes content, and sends it to each of its targets. */
export class PublishContent {
  constructor(
    private readonly contents: Contents,
    private readonly jobs: Jobs,
    private readonly clock: () => Date,
  ) {}

  async run(id: ContentId, targets: readonly string[]): Promise<ContentItem> {
    const item = await this.contents.find(id);
    if (item === null) throw new DomainError('CONTENT_NOT_FOUND', `Content ${id} not found`);
    const published = item.publish(this.clock());
    await this.contents.save(published);
    for (const target of targets) await this.jobs.enqueue(id, target);
    return published;
  }
}
