import { randomUUID } from 'node:crypto';
import { ContentItem, contentId, type ContentState } from '../../src/domain/content-item';
import { type PublishingJob } from '../../src/infra/publishing-job-repository';

/** A valid item; a test names only what it is about. */
export function content(change: Partial<ContentState> = {}): ContentItem {
  return ContentItem.restore({
    id: contentId(`content-${randomUUID()}`),
    title: 'A title',
    body: 'A body',
    status: 'draft',
    publishAt: null,
    ...change,
  });
}

/** A pending job of the seed's site and target. */
export function job(change: Partial<PublishingJob> = {}): PublishingJob {
  return {
    id: `job-${randomUUID()}`,
    domainId: 'dom_1',
    contentId: 'content-of-a-test',
    targetId: 'target_1',
    status: 'pending',
    ...change,
  };
}
