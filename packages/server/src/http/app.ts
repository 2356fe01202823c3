/** The HTTP face of the server: what every route shares. */
import { createHash, timingSafeEqual } from "node:crypto";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ServiceError } from "../service-error.js";
import { readBody } from "./body.js";
import { problemOf, RequestError } from "./problem.js";
import type { AppOptions } from "./request.js";
import { taskRoutes } from "./task-routes.js";
import { v2Routes } from "./v2-routes.js";

/** Probes have no token and say nothing. */
const OPEN_ROUTES = ["/v2/health/live", "/v2/health/ready"];

/** Requests are read whole into memory; more connections than this are left in the system's queue. */
const MAX_CONNECTIONS = 1024;

/** A header that is longer was not made by a person or a tracer. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Answers are data and never pages; nothing may frame, sniff or keep them. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

export function createApp(options: AppOptions): FastifyInstance {
  const { bodyTimeout, log, maxBody } = options;
  const app = fastify({
    logger: log === null ? false : { level: "info", stream: log },
    bodyLimit: maxBody,
    requestTimeout: bodyTimeout,
    // Also bounds the time between two requests of a connection.
    keepAliveTimeout: 5_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    http: { headersTimeout: Math.min(bodyTimeout, 10_000), connectionsCheckingInterval: Math.min(bodyTimeout, 1_000) },
    routerOptions: { maxParamLength: 128 },
    genReqId: ({ headers }) => givenId(headers["x-request-id"]) ?? crypto.randomUUID(),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => {
    readBody(payload, maxBody).then(
      (body) => done(null, body),
      (thrown: unknown) => done(thrown instanceof Error ? thrown : new RangeError(String(thrown))),
    );
  });
  if (options.token !== null) app.addHook("onRequest", tokenCheck(options.token));
  app.addHook("onSend", async (request, reply) => {
    reply.headers({ ...HEADERS, "x-request-id": request.id });
    if (!options.isReady()) reply.header("connection", "close");
  });
  app.addHook("onResponse", async (request, reply) => {
    const code = reply.getHeader("x-error-code");
    const route = request.routeOptions.url ?? "unknown";
    const model = knownModel(options, request);
    options.metrics.onRequest(route, model, typeof code === "string" ? code : null, reply.elapsedTime / 1000);
  });
  app.setErrorHandler((thrown, request, reply) => sendProblem(options, thrown, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      options,
      new RequestError(404, "NOT_FOUND", `Cannot find ${request.method} ${request.url.replace(/\?.*/, "")}`),
      request,
      reply,
    ),
  );
  app.get("/metrics", async (_request, reply) => reply.type(options.metrics.contentType).send(await options.metrics.text()));
  taskRoutes(app, options);
  v2Routes(app, options);
  return app;
}

function givenId(header: string | readonly string[] | undefined): string | null {
  return typeof header === "string" && REQUEST_ID.test(header) ? header : null;
}

function tokenCheck(token: string) {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return async (request: FastifyRequest): Promise<void> => {
    if (OPEN_ROUTES.includes(request.routeOptions.url ?? "")) return;
    // Digests have one length, so that the time of the comparison says nothing of the token.
    if (timingSafeEqual(digest(request.headers.authorization ?? ""), expected)) return;
    throw new RequestError(401, "UNAUTHORIZED", "Cannot answer without a valid token: expected the header Authorization: Bearer <token>");
  };
}

function sendProblem({ models }: AppOptions, thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const secrets = new Map([...models.values()].map(({ spec }) => [spec.source, spec.name]));
  const problem = problemOf(thrown, secrets);
  if (problem.status >= 500 && !(thrown instanceof ServiceError)) request.log.error({ err: thrown }, "request failed");
  if (thrown instanceof ServiceError && thrown.retryAfter !== null) reply.header("retry-after", thrown.retryAfter);
  if (problem.status === 401) reply.header("www-authenticate", "Bearer");
  // What is left of a body that was not read would be taken for the next request.
  if (problem.status === 413 || problem.status === 408) reply.header("connection", "close");
  reply.header("x-error-code", problem.code);
  return reply
    .code(problem.status)
    .type("application/problem+json")
    .send(JSON.stringify({ ...problem, instance: `urn:request:${request.id}` }));
}

function knownModel({ models }: AppOptions, { params }: FastifyRequest): string {
  if (typeof params !== "object" || params === null || !("name" in params) || typeof params.name !== "string") return "";
  // A name that a client made up must not become a label, of which each takes memory.
  return models.has(params.name) ? params.name : "";
}
