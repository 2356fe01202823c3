/** Failures of the service itself, beside those of `InceptionError`; both become problem details. */

export type ServiceCode = "QUEUE_FULL" | "DEADLINE_EXCEEDED" | "SERVER_CLOSING";

/** A request that was not run, with the reason. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ServiceCode;
  /** Whole seconds after which another attempt is likely to succeed; null where that is not known. */
  readonly retryAfter: number | null;

  constructor(code: ServiceCode, message: string, retryAfter: number | null = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}
