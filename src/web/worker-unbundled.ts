/// <reference lib="dom" />
/** The script of the worker in a page without a bundler: a worker has no import map, so the page names the runtime's URL. */
import { serveWeb } from "./serve.js";

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveWeb(self as unknown as Parameters<typeof serveWeb>[0]);
