/** The inference server of inceptionkit: `inception serve`, and the same in a program. */
export { serve, type Terminal } from "./command.js";
export type { ModelFacts } from "./model-service.js";
export { SERVE_OPTIONS } from "./options.js";
export { type RunningServer, type ServerSettings, startServer } from "./server.js";
