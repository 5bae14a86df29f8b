import i18next from 'i18next';

/** What the server says when it refuses: a problem document (RFC 9457). */
export interface FieldFault {
  field: string;
  message: string;
}

/** A request that the server refused, or that did not reach it (status 0). */
export class ProblemError extends Error {
  readonly status: number;
  /** The server's sentence for people; null: it said none. */
  readonly detail: string | null;
  readonly fields: readonly FieldFault[];
  /** Seconds after which the server asks to be tried again. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    detail: string | null = null,
    fields: readonly FieldFault[] = [],
    retryAfter: number | null = null,
  ) {
    super(detail ?? `status ${status}`);
    this.name = 'ProblemError';
    this.status = status;
    this.detail = detail;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  /** What is wrong with a field, if anything is. */
  about(field: string): string | undefined {
    return this.fields.find((fault) => fault.field === field)?.message;
  }
}

/** A request that nothing has answered in time. */
export class Unanswered extends ProblemError {
  /** It was to change something: whether it has, nobody knows. */
  readonly changes: boolean;

  constructor(changes: boolean) {
    super(0);
    this.changes = changes;
  }
}

const isFault = (value: unknown): value is FieldFault =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as FieldFault).field === 'string' &&
  typeof (value as FieldFault).message === 'string';

/** Reads a problem document; whatever else came is known by its status alone. */
export function problemOf(body: unknown, response: Response): ProblemError {
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const detail = typeof document.detail === 'string' ? document.detail : null;
  const fields = Array.isArray(document.errors) ? document.errors.filter(isFault) : [];
  const wait = Number(response.headers.get('Retry-After'));
  return new ProblemError(response.status, detail, fields, wait > 0 ? wait : null);
}

/** Whether the server says itself what is wrong, in English. */
export const isTold = (error: unknown): boolean => error instanceof ProblemError && error.detail !== null;

/** Any error as a sentence: the server's own, or one in the language that is shown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Unanswered) return i18next.t(error.changes ? 'refused.notKnown' : 'refused.unanswered');
  if (error instanceof ProblemError && error.detail === null)
    return error.status === 0 ? i18next.t('refused.unreachable') : i18next.t('answered', { status: error.status });
  return error instanceof Error ? error.message : String(error);
}
