/** What the server says when it refuses: a problem document (RFC 9457). */
export interface FieldFault {
  field: string;
  message: string;
}

/** A request that the server refused, or that did not reach it (status 0). Its message is a sentence for people. */
export class ProblemError extends Error {
  readonly status: number;
  readonly fields: readonly FieldFault[];
  /** Seconds after which the server asks to be tried again. */
  readonly retryAfter: number | null;

  constructor(status: number, detail: string, fields: readonly FieldFault[] = [], retryAfter: number | null = null) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  /** What is wrong with a field, if anything is. */
  about(field: string): string | undefined {
    return this.fields.find((fault) => fault.field === field)?.message;
  }
}

const isFault = (value: unknown): value is FieldFault =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as FieldFault).field === 'string' &&
  typeof (value as FieldFault).message === 'string';

/** Reads a problem document; whatever else came becomes a sentence with the status. */
export function problemOf(body: unknown, response: Response): ProblemError {
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const detail = typeof document.detail === 'string' ? document.detail : `The server answered ${response.status}`;
  const fields = Array.isArray(document.errors) ? document.errors.filter(isFault) : [];
  const wait = Number(response.headers.get('Retry-After'));
  return new ProblemError(response.status, detail, fields, wait > 0 ? wait : null);
}

/** Any error as a sentence. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
