/** `inception serve`: the server as a process. */
import type { OptionInput } from "inceptionkit/models";
import { resolveOptions } from "inceptionkit/models";
import { COMMAND_OPTIONS } from "./options.js";
import { type RunningServer, startServer } from "./server.js";

/** Where the command prints. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly json: boolean;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Serves until a signal, or checks the models and returns.
 *
 * @param given - options by name, as texts of a command line
 * @returns the exit code: 0 also after a signal, since what was accepted has been answered
 */
export async function serve(models: readonly string[], given: OptionInput, terminal: Terminal): Promise<number> {
  const { name, modelDir, check, ...options } = given;
  const own = resolveOptions("the server", COMMAND_OPTIONS, defined({ name, modelDir, check }));
  const server = await startServer({
    models,
    names: own.name,
    modelDir: own.modelDir,
    options: own.check ? { ...options, host: "127.0.0.1", port: 0 } : options,
    log: { write: terminal.err },
    onOpen: (model, source) => (terminal.json ? undefined : terminal.err(`opening ${model} (${source})\n`)),
  });
  terminal.out(terminal.json ? `${JSON.stringify(planOf(server, own.check))}\n` : planText(server, own.check));
  if (!own.check) {
    await firstSignal();
    terminal.err("draining\n");
  }
  await server.close();
  return 0;
}

function defined(given: OptionInput): OptionInput {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function planOf(server: RunningServer, checked: boolean) {
  const models = server.models.map(({ name, model, task, device }) => ({ name, model, task, device }));
  return { ...(checked ? {} : { url: server.url }), models };
}

function planText(server: RunningServer, checked: boolean): string {
  const lines = server.models.map(({ name, model, task, device }) => `${name}: ${task} with ${model} on ${device}\n`);
  return [...lines, checked ? "all models are ready to serve\n" : `listening on ${server.url}\n`].join("");
}

/** The first signal starts the drain, the second ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = false;
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (seen) process.exit(name === "SIGINT" ? 130 : 143);
        seen = true;
        resolve();
      });
    }
  });
}
