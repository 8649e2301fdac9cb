import autocannon from 'autocannon';
import { API, token } from '../support/platform';

// What a user may wait for a page of the list, of 100 requests at most 2 longer.
const BUDGET_MS = 500;
const SECONDS = 5;

test('a page of the list keeps its budget with ten users at once', async () => {
  const run = await autocannon({
    url: `${API}/v1/content?domainId=dom_1&limit=25`,
    connections: 10,
    duration: SECONDS,
    headers: { authorization: `Bearer ${token('user_3', 'org_1', 'editor')}` },
  });
  const failed = run.non2xx + run.errors;
  expect(run.requests.total).toBeGreaterThan(SECONDS * 10);
  expect(failed / run.requests.total).toBeLessThan(0.01);
  expect(run.latency.p97_5).toBeLessThan(BUDGET_MS);
}, 30_000);
