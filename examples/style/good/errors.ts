// An error has a code for programs and a text for people.
export class NotFoundError extends Error {
  readonly code = 'CONTENT_NOT_FOUND';
  readonly status = 404;
}

export function found<T>(row: T | undefined, id: string): T {
  if (row === undefined) throw new NotFoundError(`Content ${id} not found`);
  return row;
}
