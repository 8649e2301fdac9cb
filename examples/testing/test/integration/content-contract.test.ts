import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { ApiClient } from '../../src/api/client';
import { API, token } from '../support/platform';

interface Operation {
  readonly responses: Record<string, { content: Record<string, { schema: object }> } | undefined>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation | undefined> | undefined>;
}

const admin = token('user_2', 'org_1', 'admin');
const api = new ApiClient(API, admin);
const ajv = new Ajv2020({ strict: false });
addFormats(ajv);

let contract: Document;
beforeAll(async () => {
  contract = (await (await fetch(`${API}/openapi.json`)).json()) as Document;
  ajv.addSchema({ ...contract, $id: 'contract' });
});

async function asked(path: string): Promise<Response> {
  return fetch(`${API}${path}`, { headers: { authorization: `Bearer ${admin}` } });
}

/** Fails unless the answer is what the served contract says. */
function expectAsAgreed(path: string, method: string, status: number, answer: unknown): void {
  const at = ['paths', path, method, 'responses', String(status), 'content', 'application/json']
    .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
    .join('/');
  const holds = ajv.validate({ $ref: `contract#/${at}/schema` }, answer);
  expect(ajv.errors ?? []).toEqual([]);
  expect(holds).toBe(true);
}

test('a piece of content is what the contract says, from draft to archived', async () => {
  const draft = await api.createDraft('dom_1', 'Of a contract test', 'Text');
  await api.publish(draft.id);
  const answer = await asked(`/v1/content/${draft.id}`);
  expectAsAgreed('/v1/content/{id}', 'get', 200, await answer.json());
  expect((await api.read(draft.id)).status).toBe('published');
  await api.remove(draft.id);
});

test('a viewer may not write, and is told so in the agreed form', async () => {
  const viewer = new ApiClient(API, token('user_4', 'org_1', 'viewer'));
  await expect(viewer.createDraft('dom_1', 'T', '')).rejects.toMatchObject({ status: 403 });
});

test('an answer for nobody has the agreed form', async () => {
  const answer = await fetch(`${API}/v1/content`);
  expect(answer.status).toBe(401);
  expectAsAgreed('/v1/content', 'get', 401, await answer.json());
});
