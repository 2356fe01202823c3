/** Every option of the server, once: flags, `serve.json` and programs read these tables. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  nullable,
  numberOption,
  type Option,
  type OptionValues,
  textOption,
} from "inceptionkit/models";

/** Options of one model. Flags set them for all models, `serve.json` for its own. */
export const MODEL_OPTIONS = {
  weights: nullable(textOption("weights for a model id: pretrained[:NAME], hf:OWNER/NAME[@REVISION] or a file", undefined), null),
  device: choiceOption("device; auto selects cuda if its libraries are installed, else cpu", "auto", ["auto", "cpu", "cuda", "webgpu"]),
  sessions: integerOption("sessions of each model, which run at the same time; each has the weights in memory", 1, 1, 64),
  threads: integerOption("CPU threads of each session; 0 uses one per core", 0, 0, 1024),
  isolate: booleanOption(
    "run each session in a child process, so that a model or file that crashes the runtime ends that process only",
    false,
  ),
  timeLimit: nullable(
    numberOption(
      "with `isolate`: time limit of opening the model and of each run, in seconds; the session is replaced then",
      undefined,
      0.01,
      86_400,
    ),
    null,
  ),
  maxBatch: integerOption("maximum number of images in one run", 8, 1, 1024),
  queueDelay: numberOption("time that an image waits for others to fill its batch, in milliseconds", 0, 0, 10_000),
  queueSize: integerOption("maximum number of requests that wait for one model; more are answered with 429", 128, 1, 100_000),
  deadline: nullable(numberOption("time within which a request must start to run, in seconds", undefined, 0.001, 3600), null),
} as const;

/** Options of the whole server. */
export const SERVER_OPTIONS = {
  host: textOption("address to listen on; one that other machines can reach needs `tokenFile` or `insecure`", "127.0.0.1"),
  port: integerOption("port to listen on; 0 selects a free one", 8080, 0, 65_535),
  tokenFile: nullable(textOption("file with a token that every request must bear", undefined), null),
  insecure: booleanOption("allow other machines to send requests without a token", false),
  maxBody: numberOption("maximum size of a request, in megabytes", 64, 0.001, 1024),
  bodyTimeout: numberOption("time within which a request must arrive completely, in seconds", 30, 0.1, 3600),
  drain: numberOption("time that accepted requests have to end after SIGTERM, in seconds", 30, 0, 3600),
} as const;

const text = (doc: string): Option<string | null> => ({ ...nullable(textOption(doc, undefined), null), placeholder: "dir" });

/** What else the command takes. */
export const COMMAND_OPTIONS = {
  name: names(),
  modelDir: text("directory with one subdirectory for each model, with model.onnx, serve.json or both"),
  check: booleanOption("load the models, run their self-checks, print the plan and exit", false),
};

/** The options of `inception serve` by the heading under which its help lists them. */
export const SERVE_OPTIONS = {
  Model: { name: COMMAND_OPTIONS.name, modelDir: COMMAND_OPTIONS.modelDir, weights: MODEL_OPTIONS.weights },
  Server: { ...SERVER_OPTIONS, check: COMMAND_OPTIONS.check },
  Runtime: (({ weights: _, ...rest }) => rest)(MODEL_OPTIONS),
} as const;

export type ModelOptions = OptionValues<typeof MODEL_OPTIONS>;
export type ServerOptions = OptionValues<typeof SERVER_OPTIONS>;

/** Names of models, each `name=model`. */
function names(): Option<readonly string[], readonly string[] | string> {
  return {
    doc: "serve a model under this name, repeatable, e.g. digits=examples/digits/digits.onnx",
    default: [],
    defaultDoc: "the name of its file or directory, or its id",
    placeholder: "name=model",
    expected: "name=model, as in digits=digits.onnx",
    parse: (given) => {
      const items: readonly unknown[] = Array.isArray(given) ? given : [given];
      const texts = items.filter((item) => typeof item === "string" && /^[^=]+=./.test(item));
      return texts.length === items.length ? texts.map(String) : undefined;
    },
  };
}
