/** An answer that is no success, with the platform's code. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Content {
  readonly id: string;
  readonly title: string;
  readonly status: string;
}

function itemOf(answer: unknown): Content {
  return (answer as { item: Content }).item;
}

/** Speaks to the control plane's API as one user. */
export class ApiClient {
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async createDraft(domainId: string, title: string, body: string): Promise<Content> {
    return itemOf(await this.send('POST', '/v1/content', { domainId, title, body }));
  }

  async publish(id: string): Promise<void> {
    await this.send('POST', `/v1/content/${encodeURIComponent(id)}/publish`);
  }

  async read(id: string): Promise<Content> {
    return itemOf(await this.send('GET', `/v1/content/${encodeURIComponent(id)}`));
  }

  async remove(id: string): Promise<void> {
    await this.send('DELETE', `/v1/content/${encodeURIComponent(id)}`);
  }

  private async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const said = (await answer.json()) as { error?: string; code?: string };
    if (!answer.ok) {
      throw new ApiError(answer.status, said.code ?? 'UNKNOWN', said.error ?? answer.statusText);
    }
    return said;
  }
}
