import { contentId } from '../../src/domain/content-item';
import { PublishContent, type Contents, type Jobs } from '../../src/services/publish-content';
import { content } from '../support/factories';

const NOW = new Date('2026-02-10T12:00:00Z');
const ID = contentId('content-1');

function service(item: ReturnType<typeof content> | null) {
  const contents: jest.Mocked<Contents> = {
    find: jest.fn().mockResolvedValue(item),
    save: jest.fn().mockResolvedValue(undefined),
  };
  const jobs: jest.Mocked<Jobs> = { enqueue: jest.fn().mockResolvedValue(undefined) };
  return { contents, jobs, publish: new PublishContent(contents, jobs, () => NOW) };
}

test('published content goes to each target', async () => {
  const { jobs, publish } = service(content({ id: ID }));
  await publish.run(ID, ['target_1', 'target_2']);
  expect(jobs.enqueue.mock.calls).toEqual([
    [ID, 'target_1'],
    [ID, 'target_2'],
  ]);
});

test('it is saved before anything is queued', async () => {
  const { contents, jobs, publish } = service(content({ id: ID }));
  contents.save.mockRejectedValue(new Error('the database is away'));
  await expect(publish.run(ID, ['target_1'])).rejects.toThrow('the database is away');
  expect(jobs.enqueue).not.toHaveBeenCalled();
});

test('what is not there has a code that callers know', async () => {
  const { publish } = service(null);
  await expect(publish.run(ID, [])).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
});
