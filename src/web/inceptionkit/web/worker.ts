/// <reference lib="dom" />
/** The script of the worker for the CPU, for bundlers: it comes with the runtime. */
import { runtime } from "../../ort-cpu.js";
import { serveBundled } from "../../serve.js";

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveBundled(self as unknown as Parameters<typeof serveBundled>[0], runtime);
