import { ContentItem, contentId } from '../../src/domain/content-item';
import { content } from '../support/factories';

const NOW = new Date('2026-02-10T12:00:00Z');
const LATER = new Date('2026-02-10T13:00:00Z');

describe('a draft', () => {
  test('is published now', () => {
    const published = content().publish(NOW);
    expect(published.state).toMatchObject({ status: 'published', publishAt: NOW });
  });

  test('stays as it was when it is published', () => {
    const draft = content();
    draft.publish(NOW);
    expect(draft.state.status).toBe('draft');
  });

  test('is scheduled for a time in the future only', () => {
    expect(content().schedule(LATER, NOW).state.publishAt).toEqual(LATER);
    expect(() => content().schedule(NOW, NOW)).toThrow('Schedule time must be in the future');
  });

  test('needs a title', () => {
    expect(() => ContentItem.createDraft(contentId('c-1'), ' ')).toThrow('A title is needed');
    expect(ContentItem.createDraft(contentId('c-1'), 'T').state.body).toBe('');
  });
});

describe('scheduled content', () => {
  const scheduled = content().schedule(LATER, NOW);

  test('is not published before its time', () => {
    expect(() => scheduled.publish(NOW)).toThrow('Publish time has not been reached yet');
    expect(scheduled.publish(LATER).state.status).toBe('published');
  });

  test('is a draft again once it is edited', () => {
    const edited = scheduled.updateDraft('New', 'Text');
    expect(edited.state).toMatchObject({ status: 'draft', publishAt: null, title: 'New' });
  });
});

test.each(['published', 'archived'] as const)('%s content is not edited', (status) => {
  expect(() => content({ status }).updateDraft('New', 'Text')).toThrow(
    expect.objectContaining({ code: 'CONFLICT' }) as Error,
  );
});

test('content is archived from any state', () => {
  expect(content({ status: 'published' }).archive().state.status).toBe('archived');
});

test('an id is refused when it could be anything', () => {
  expect(() => contentId("'; DROP TABLE")).toThrow('not an id');
});
