/** Requests of the client: headers, attempts, and failures as errors with codes. */

/** A file to send: its bytes as they are on disk. Streams are not accepted, since they cannot be sent a second time. */
export type FileInput = Blob | ArrayBuffer | Uint8Array;

/** Settings of one request. */
export interface RequestSettings {
  readonly signal?: AbortSignal;
  /**
   * Milliseconds from 1 to 3,600,000 within which the server must start to run the request, including attempts before (default: the
   * server's limit). One that cannot is rejected with `DEADLINE_EXCEEDED`.
   */
  readonly deadline?: number;
}

/** Settings of a client. Those of `RequestSettings` are for requests that set none. */
export interface ClientOptions extends RequestSettings {
  /** Bearer token of the server (default: none). */
  readonly token?: string;
  /** What sends requests (default: the global `fetch`). */
  readonly fetch?: typeof fetch;
  /** Maximum number of further attempts after an answer 429 or 503 (default: 0). */
  readonly retries?: number;
  /**
   * Maximum seconds to wait before another attempt (default: 60). The wait is the answer's `Retry-After`, or 1, 2, 4, … seconds without
   * it; where it is longer than the maximum, the request fails at once.
   */
  readonly maxRetryWait?: number;
}

/**
 * A request that failed. `code` is the server's (docs/serving.md has the list), or `UNREACHABLE` for a connection that failed,
 * `ANSWER_INVALID` for an answer that is not as the protocol describes, and `OPTION_INVALID` for a setting that cannot be sent.
 *
 * @example
 * ```ts
 * import { ClientError } from "inceptionkit/client";
 * const error = new ClientError("QUEUE_FULL", "Cannot accept the request: 128 requests wait", { status: 429, retryAfter: 2 });
 * error.retryAfter; // 2
 * ```
 */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: string;
  /** HTTP status; null where no answer came. */
  readonly status: number | null;
  /** Identifies the request in the log of the server; null where it sent none. */
  readonly requestId: string | null;
  /** Seconds after which the server recommends another attempt; null where it recommends none. */
  readonly retryAfter: number | null;

  constructor(
    code: string,
    message: string,
    about: {
      readonly status?: number | null;
      readonly requestId?: string | null;
      readonly retryAfter?: number | null;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, "cause" in about ? { cause: about.cause } : {});
    this.code = code;
    this.status = about.status ?? null;
    this.requestId = about.requestId ?? null;
    this.retryAfter = about.retryAfter ?? null;
  }
}

/** An answer, received whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: ArrayBuffer;
}

/** What a route gets. */
interface Sent {
  /** Below the URL of the server, encoded. */
  readonly path: string;
  /** With a body the request is a POST, else a GET. */
  readonly body?: FileInput;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Transport {
  /** The answer of one attempt, whatever its status. @throws ClientError UNREACHABLE */
  readonly exchange: (sent: Sent, settings?: RequestSettings) => Promise<Answer>;
  /** The answer of a request that succeeded. @throws ClientError */
  readonly send: (sent: Sent, settings?: RequestSettings) => Promise<Answer>;
}

/** @throws ClientError OPTION_INVALID */
export function openTransport(url: string, options: ClientOptions): Transport {
  const base = baseOf(url);
  const { retries = 0, maxRetryWait = 60 } = options;
  checkNumber("retries", retries, 0, 100);
  checkNumber("maxRetryWait", maxRetryWait, 0, 86_400);
  const exchange = async ({ path, body, headers }: Sent, settings: RequestSettings = {}): Promise<Answer> => {
    const { signal, deadline } = { ...options, ...settings };
    if (deadline !== undefined) checkNumber("deadline", deadline, 1, 3_600_000);
    const request = {
      ...(body === undefined ? {} : { method: "POST", body: sendable(body) }),
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/octet-stream" }),
        ...headers,
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(deadline === undefined ? {} : { "x-deadline-ms": String(Math.ceil(deadline)) }),
      },
    };
    try {
      // A browser's `fetch` must not be called as a method of another object.
      const send = options.fetch ?? fetch;
      const answer = await send(base + path, request);
      return { status: answer.status, headers: answer.headers, bytes: await answer.arrayBuffer() };
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      throw new ClientError("UNREACHABLE", `Cannot reach ${base}: ${reasonOf(thrown)}`, { cause: thrown });
    }
  };
  const send = async (sent: Sent, settings: RequestSettings = {}): Promise<Answer> => {
    const { signal, deadline } = { ...options, ...settings };
    const began = performance.now();
    for (let attempt = 0; ; attempt++) {
      const passed = performance.now() - began;
      const answer = await exchange(sent, { ...settings, ...(deadline === undefined ? {} : { deadline: Math.max(1, deadline - passed) }) });
      if (answer.status >= 200 && answer.status < 300) return answer;
      const failure = failureOf(answer);
      const wait = failure.retryAfter ?? 2 ** attempt;
      const isBusy = answer.status === 429 || answer.status === 503;
      const isLate = deadline !== undefined && performance.now() - began + 1000 * wait >= deadline;
      if (!isBusy || attempt >= retries || wait > maxRetryWait || isLate) throw failure;
      await sleep(1000 * wait, signal);
      signal?.throwIfAborted();
    }
  };
  return { exchange, send };
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return (parsed.origin + parsed.pathname).replace(/\/+$/, "");
  throw new ClientError("OPTION_INVALID", `Cannot use the URL ${JSON.stringify(url)}: expected http:// or https:// and a host`);
}

function checkNumber(name: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw new ClientError("OPTION_INVALID", `Cannot set option ${name} to ${value}: expected a number from ${low} to ${high}`);
}

/** `fetch` takes no views of shared memory: those are copied. */
function sendable(body: FileInput): Blob | ArrayBuffer | Uint8Array<ArrayBuffer> {
  if (!(body instanceof Uint8Array)) return body;
  const { buffer, byteOffset, byteLength } = body;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : Uint8Array.from(body);
}

/** Of a failed connection: Node has the reason in the cause, browsers tell none. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error && thrown.cause.message !== "" ? thrown.cause.message : thrown.message;
}

/** The problem details of an answer (RFC 9457), or what is known where a proxy answered in another form. */
export function failureOf({ status, headers, bytes }: Answer): ClientError {
  const { code, detail } = problemOf(bytes);
  const seconds = /^\d+$/.test(headers.get("retry-after") ?? "") ? Number(headers.get("retry-after")) : null;
  return new ClientError(code ?? "ANSWER_INVALID", detail ?? `Cannot use the answer: it has status ${status} and no problem details`, {
    status,
    requestId: headers.get("x-request-id"),
    retryAfter: seconds,
  });
}

function problemOf(bytes: ArrayBuffer): { readonly code: string | null; readonly detail: string | null } {
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof problem === "object" && problem !== null && "code" in problem && "detail" in problem)
      return { code: String(problem.code), detail: String(problem.detail) };
  } catch {
    // Not JSON: no problem details.
  }
  return { code: null, detail: null };
}

/** Ends early where the signal is aborted. */
function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}
