/** Errors as RFC 9457 problem details. */
import { type ErrorCode, InceptionError } from "inceptionkit";
import { messageOf } from "inceptionkit/core";
import { type ServiceCode, ServiceError } from "../service-error.js";

/** A request that this server does not accept, whatever the model. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A request whose parameters, header or body are wrong. */
export function invalidRequest(message: string): RequestError {
  return new RequestError(400, "REQUEST_INVALID", message);
}

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

const SERVICE_STATUS: Readonly<Record<ServiceCode, number>> = { QUEUE_FULL: 429, DEADLINE_EXCEEDED: 504, SERVER_CLOSING: 503 };

/** Errors of what a client sent. Every other one is of the server: its message may name files of the host, and stays there. */
const INPUT_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  FEED_INVALID: 400,
  OPTION_INVALID: 400,
  FILE_LIMIT: 413,
  IMAGE_LIMIT: 413,
  FILE_CORRUPT: 422,
  FILE_TRUNCATED: 422,
  FILE_UNRECOGNIZED: 422,
  FILE_UNSAFE: 422,
  FILE_UNSUPPORTED: 422,
  IMAGE_INVALID: 422,
  NOT_FINITE: 422,
  SHAPE_INVALID: 422,
  VOLUME_INVALID: 422,
  VOLUME_UNEXPECTED: 422,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  408: "Request timeout",
  411: "Length required",
  413: "Content too large",
  415: "Unsupported media type",
  422: "Unprocessable content",
  429: "Too many requests",
  500: "Internal server error",
  503: "Service unavailable",
  504: "Gateway timeout",
};

/**
 * What a client is told of an error.
 *
 * @param secrets - texts that leave this machine under no circumstances, with what stands for them: where models are
 */
export function problemOf(thrown: unknown, secrets: ReadonlyMap<string, string>): Problem {
  const { status, code, detail } = told(thrown);
  const clean = [...secrets].reduce((text, [secret, name]) => text.replaceAll(secret, name), messageOf(detail));
  return { type: `urn:inceptionkit:error:${code}`, title: TITLES[status] ?? "Error", status, detail: clean, code };
}

function told(thrown: unknown): { readonly status: number; readonly code: string; readonly detail: string } {
  if (thrown instanceof RequestError) return { status: thrown.status, code: thrown.code, detail: thrown.message };
  if (thrown instanceof ServiceError) return { status: SERVICE_STATUS[thrown.code], code: thrown.code, detail: thrown.message };
  if (thrown instanceof InceptionError) {
    const status = INPUT_STATUS[thrown.code];
    if (status !== undefined) return { status, code: thrown.code, detail: thrown.message };
    return { status: 503, code: thrown.code, detail: "Cannot run the model; the log of the server has the reason" };
  }
  const status = clientStatus(thrown);
  if (status !== null && thrown instanceof Error) return { status, code: "REQUEST_INVALID", detail: thrown.message };
  return { status: 500, code: "INTERNAL", detail: "Cannot answer the request; the log of the server has the reason" };
}

/** Of an error of the HTTP library that is about the request. */
function clientStatus(thrown: unknown): number | null {
  if (typeof thrown !== "object" || thrown === null || !("statusCode" in thrown)) return null;
  const { statusCode } = thrown;
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500 ? statusCode : null;
}
