import { DomainError } from './errors';

/** An id that no other kind of id can stand in for. */
export type ContentId = string & { readonly __brand: 'ContentId' };

export type ContentStatus = 'draft' | 'scheduled' | 'published' | 'archived';

export interface ContentState {
  readonly id: ContentId;
  readonly title: string;
  readonly body: string;
  readonly status: ContentStatus;
  readonly publishAt: Date | null;
}

export function contentId(value: string): ContentId {
  if (!/^[\w-]{1,64}$/.test(value)) {
    throw new DomainError('VALIDATION_ERROR', `not an id: ${JSON.stringify(value)}`);
  }
  return value as ContentId;
}

/** A piece of content. Each change gives a new item; the old one stays as it is. */
export class ContentItem {
  private constructor(readonly state: ContentState) {}

  static createDraft(id: ContentId, title: string, body = ''): ContentItem {
    if (title.trim() === '') throw new DomainError('VALIDATION_ERROR', 'A title is needed');
    return new ContentItem({ id, title, body, status: 'draft', publishAt: null });
  }

  static restore(state: ContentState): ContentItem {
    return new ContentItem(state);
  }

  /** What was scheduled becomes a draft again: nobody has approved the new text. */
  updateDraft(title: string, body: string): ContentItem {
    this.mustBe('edited', 'draft', 'scheduled');
    return this.with({ title, body, status: 'draft', publishAt: null });
  }

  schedule(publishAt: Date, now: Date): ContentItem {
    this.mustBe('scheduled', 'draft');
    if (publishAt <= now) {
      throw new DomainError('VALIDATION_ERROR', 'Schedule time must be in the future');
    }
    return this.with({ status: 'scheduled', publishAt });
  }

  publish(now: Date): ContentItem {
    this.mustBe('published', 'draft', 'scheduled');
    const due = this.state.publishAt;
    if (due !== null && due > now) {
      throw new DomainError('CONFLICT', 'Publish time has not been reached yet');
    }
    return this.with({ status: 'published', publishAt: now });
  }

  archive(): ContentItem {
    return this.with({ status: 'archived' });
  }

  private mustBe(change: string, ...allowed: readonly ContentStatus[]): void {
    if (!allowed.includes(this.state.status)) {
      throw new DomainError('CONFLICT', `Content cannot be ${change}: it is ${this.state.status}`);
    }
  }

  private with(change: Partial<ContentState>): ContentItem {
    return new ContentItem({ ...this.state, ...change });
  }
}
