/** What routes share: the server that they serve, and what is read of a request. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Metrics } from "../metrics.js";
import type { ModelService, RequestOptions } from "../model-service.js";
import { invalidRequest, RequestError } from "./problem.js";

export interface AppOptions {
  /** By name. The map may change while the server runs. */
  readonly models: ReadonlyMap<string, ModelService>;
  readonly metrics: Metrics;
  readonly isReady: () => boolean;
  /** Of this package. */
  readonly version: string;
  /** Maximum bytes of a body. */
  readonly maxBody: number;
  /** Milliseconds within which a request must arrive. */
  readonly bodyTimeout: number;
  /** What requests must bear; null for none. */
  readonly token: string | null;
  /** Where log lines go; null for nowhere. */
  readonly log: { write(line: string): void } | null;
}

/** @throws RequestError 404 */
export function modelOf({ models }: AppOptions, name: string): ModelService {
  const found = models.get(name);
  if (found !== undefined) return found;
  throw new RequestError(404, "MODEL_NOT_FOUND", `Cannot find model ${JSON.stringify(name)}: it is not served here`);
}

/** The deadline of a request's header, and a signal that is aborted when its client leaves. */
export function requestOptions(request: FastifyRequest, reply: FastifyReply): RequestOptions {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new RequestError(499, "CLIENT_LEFT", "The client closed the connection"));
  });
  const header = request.headers["x-deadline-ms"];
  if (header === undefined) return { signal: controller.signal };
  const deadline = Number(header);
  if (typeof header === "string" && Number.isFinite(deadline) && deadline >= 1 && deadline <= 3_600_000)
    return { deadline, signal: controller.signal };
  throw invalidRequest("Cannot use the header x-deadline-ms: expected milliseconds from 1 to 3,600,000");
}

/** The bytes of a body. @throws RequestError for none */
export function bodyOf(request: FastifyRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body;
  throw invalidRequest("Cannot read the body: it is empty");
}
