/** A server from its start to its end. */
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { setImmediate as setImmediateAsync, setTimeout as setTimeoutAsync } from "node:timers/promises";
import { InceptionError } from "inceptionkit";
import { type OptionInput, resolveOptions } from "inceptionkit/models";
import { PROCESS_CLOCK } from "./clock.js";
import { createApp } from "./http/app.js";
import { createMetrics } from "./metrics.js";
import { type ModelFacts, type ModelService, openModelService } from "./model-service.js";
import { type GivenModels, modelSpecs } from "./model-specs.js";
import { MODEL_OPTIONS, SERVER_OPTIONS, type ServerOptions } from "./options.js";

export interface ServerSettings extends Partial<Omit<GivenModels, "options">> {
  /** Options of the server and of all models by name, see `SERVE_OPTIONS`; those left out have their defaults. */
  readonly options?: OptionInput;
  /** Where log lines go, JSON each. Default: nowhere. */
  readonly log?: { write(line: string): void };
  /** Called before a model is opened. */
  readonly onOpen?: (name: string, source: string) => void;
}

export interface RunningServer {
  /** With the port that is listened on. */
  readonly url: string;
  readonly models: readonly ModelFacts[];
  /** Accepts nothing more, answers what was accepted, and releases the models. What takes longer than the option `drain` is given up. */
  close(): Promise<void>;
}

/** Milliseconds without a new connection after which the port is closed. */
const QUIET = 100;

/** A bearer token that can be guessed protects nothing. */
const MIN_TOKEN = 16;

/**
 * Opens the models, whose self-checks run, and listens.
 *
 * @throws InceptionError OPTION_INVALID; as `openClassifier` for a model that cannot be opened; SOURCE_INVALID where the address cannot be
 *   listened on
 *
 * @example
 * ```ts
 * import { startServer } from "@inceptionkit/server";
 * const server = await startServer({ models: ["digits.onnx"], options: { port: 0 } });
 * console.log(server.url);
 * await server.close();
 * ```
 */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { server: options, model } = splitOptions(settings.options ?? {});
  const token = await accessToken(options);
  const { models: operands = [], names = [], modelDir = null, onOpen } = settings;
  const specs = await modelSpecs({ models: operands, names, modelDir, options: model });
  const metrics = createMetrics();
  const models = new Map<string, ModelService>();
  const closeModels = async (): Promise<void> => {
    await Promise.all([...models.values()].map((service) => service.close()));
  };
  let ready = false;
  try {
    for (const spec of specs) {
      onOpen?.(spec.name, spec.source);
      const service = await openModelService(spec, { clock: PROCESS_CLOCK, onBatch: metrics.onBatch, onReplace: metrics.onReplace });
      models.set(spec.name, service);
      metrics.watch(service);
    }
    const app = createApp({
      models,
      metrics,
      isReady: () => ready,
      version: await packageVersion(),
      maxBody: Math.round(options.maxBody * 1e6),
      bodyTimeout: options.bodyTimeout * 1000,
      token,
      log: settings.log ?? null,
    });
    const url = await listen(() => app.listen({ host: options.host, port: options.port }), options);
    ready = true;
    return {
      url,
      models: [...models.values()].map(({ facts }) => facts),
      close: async () => {
        ready = false;
        const answered = Promise.all([...models.values()].map((service) => service.drain()));
        const { cancelled } = await within(options.drain * 1000, answered);
        if (cancelled) await closeModels();
        await quiet(app.server, options.drain * 1000);
        await app.close();
        await closeModels();
      },
    };
  } catch (thrown) {
    await closeModels();
    throw thrown;
  }
}

async function packageVersion(): Promise<string> {
  const found: unknown = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  return typeof found === "object" && found !== null && "version" in found ? String(found.version) : "unknown";
}

/** Each option to the table that has it. @throws InceptionError OPTION_INVALID */
function splitOptions(given: OptionInput): { readonly server: ServerOptions; readonly model: OptionInput } {
  const ofModels = Object.entries(given).filter(([name]) => Object.hasOwn(MODEL_OPTIONS, name));
  const others = Object.entries(given).filter(([name]) => !Object.hasOwn(MODEL_OPTIONS, name));
  return { server: resolveOptions("the server", SERVER_OPTIONS, Object.fromEntries(others)), model: Object.fromEntries(ofModels) };
}

/** @throws InceptionError OPTION_INVALID for a server that anybody could use, and for a token that is too short */
async function accessToken({ host, insecure, tokenFile }: ServerOptions): Promise<string | null> {
  if (tokenFile !== null) {
    const text = await readFile(tokenFile, "utf8").catch(() => {
      throw new InceptionError("FILE_NOT_FOUND", `Cannot read the token file ${JSON.stringify(tokenFile)}`, { tokenFile });
    });
    const token = text.trim();
    if (token.length >= MIN_TOKEN && /^[\x21-\x7e]+$/.test(token)) return token;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot use the token of ${JSON.stringify(tokenFile)}: expected at least ${MIN_TOKEN} printable ASCII characters`,
      { tokenFile },
    );
  }
  if (insecure || isLocal(host)) return null;
  const message = `Cannot listen on ${host}: other machines could use the server; pass \`tokenFile\`, or \`insecure\` to allow it`;
  throw new InceptionError("OPTION_INVALID", message, { host });
}

function isLocal(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

async function listen(open: () => Promise<string>, { host, port }: ServerOptions): Promise<string> {
  try {
    return await open();
  } catch (thrown) {
    const fact = thrown instanceof Error && "code" in thrown && thrown.code === "EADDRINUSE" ? "the port is in use" : String(thrown);
    throw new InceptionError("SOURCE_INVALID", `Cannot listen on ${host}, port ${port}: ${fact}`, { host, port }, { cause: thrown });
  }
}

/**
 * Waits until no connection has come for a while: closing the port resets those that the system has accepted and this process has not
 * seen yet. They are still answered, with 503.
 */
async function quiet(server: Server, limit: number): Promise<void> {
  const until = performance.now() + limit;
  let came = true;
  server.on("connection", () => (came = true));
  while (came && performance.now() < until) {
    came = false;
    await setTimeoutAsync(QUIET);
    // Timers run before new connections are looked at, where the process was busy for longer.
    await setImmediateAsync();
  }
}

/** Waits for work for so long. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<{ readonly cancelled: boolean }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ cancelled: boolean }>((resolve) => {
    timer = setTimeout(() => resolve({ cancelled: true }), milliseconds);
  });
  return Promise.race([work.then(() => ({ cancelled: false })), late]).finally(() => clearTimeout(timer));
}
