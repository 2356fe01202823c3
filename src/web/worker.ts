/// <reference lib="dom" />
import { serveWeb } from "./serve.js";

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveWeb(self as unknown as Parameters<typeof serveWeb>[0]);
