/// <reference lib="dom" />
/** The script of the worker for WebGPU, for bundlers; the condition "inceptionkit-cpu-only" leaves the runtime for WebGPU out. */
import { runtime } from "#ort-webgpu";
import { serveBundled } from "../../serve.js";

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveBundled(self as unknown as Parameters<typeof serveBundled>[0], runtime);
