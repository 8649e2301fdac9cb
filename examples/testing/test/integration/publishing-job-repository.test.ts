import { PublishingJobRepository } from '../../src/infra/publishing-job-repository';
import { job } from '../support/factories';
import { database } from '../support/platform';

const pool = database();
const jobs = new PublishingJobRepository(pool);
const made: string[] = [];

async function added(): Promise<string> {
  const one = job();
  made.push(one.id);
  await jobs.add(one);
  return one.id;
}

afterAll(async () => {
  await pool.query('DELETE FROM publishing_jobs WHERE id = ANY($1)', [made]);
  await pool.end();
});

test('what was added is found', async () => {
  const id = await added();
  expect(await jobs.find(id)).toMatchObject({ id, status: 'pending', targetId: 'target_1' });
  expect(await jobs.find('no-such-job')).toBeNull();
});

test('of two that begin a job at once, one gets it', async () => {
  const id = await added();
  const taken = await Promise.all([jobs.begin(id), jobs.begin(id)]);
  expect(taken.filter(Boolean)).toHaveLength(1);
});
