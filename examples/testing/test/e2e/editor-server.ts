import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { API } from '../support/platform';

const UI = join(__dirname, '../../src/ui');
const BROWSER = { module: ModuleKind.ES2022, target: ScriptTarget.ES2022 };

/** Serves the editor, and hands its requests to the API as the user of the token. */
export function editorServer(token: string): Server {
  const page = readFileSync(join(UI, 'page.html'), 'utf8');
  const source = readFileSync(join(UI, 'editor.ts'), 'utf8');
  const script = transpileModule(source, { compilerOptions: BROWSER }).outputText;

  const forward = async (request: IncomingMessage): Promise<Response> =>
    fetch(`${API}${request.url ?? ''}`, {
      method: request.method ?? 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: await text(request),
    });

  return createServer((request, response) => {
    if (request.url === '/') {
      response.setHeader('content-type', 'text/html').end(page);
    } else if (request.url === '/editor.js') {
      response.setHeader('content-type', 'text/javascript').end(script);
    } else if (request.url?.startsWith('/v1/') === true) {
      void forward(request).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(await answer.text());
      });
    } else {
      response.writeHead(404).end();
    }
  });
}
