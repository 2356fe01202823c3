/** The Open Inference Protocol, version 2, over REST. */
import type { FastifyInstance } from "fastify";
import type { AppOptions } from "./request.js";

export function v2Routes(app: FastifyInstance, { isReady }: AppOptions): void {
  app.get("/v2/health/live", async () => ({ live: true }));
  app.get("/v2/health/ready", async (_request, reply) => reply.code(isReady() ? 200 : 503).send({ ready: isReady() }));
}
