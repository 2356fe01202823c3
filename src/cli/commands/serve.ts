import type { RunCommand } from "../command.js";
import { loadServer } from "../server-package.js";
import { givenSettings } from "../training-flags.js";

/** `serve MODELS`: everything is in the package `@inceptionkit/server`. */
export const run: RunCommand = async ([models = []], flags, io) => {
  const { serve, SERVE_OPTIONS } = await loadServer();
  const names = Object.values(SERVE_OPTIONS).flatMap((table) => Object.keys(table));
  return serve(typeof models === "string" ? [models] : models, givenSettings(flags, names), {
    out: io.out,
    err: io.err,
    json: flags.json === true,
  });
};
