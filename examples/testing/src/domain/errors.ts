/** Codes that callers may rely on; the text is for people. */
export type ErrorCode = 'VALIDATION_ERROR' | 'CONFLICT' | 'CONTENT_NOT_FOUND';

export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'DomainError';
  }
}
