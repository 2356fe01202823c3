/** Flags that several commands have. */
import type { Flag, FlagGroups } from "./command.js";

export const JSON_FLAG: Flag = ["--json", "print JSON to stdout"];
export const OPTION: Flag = ["--option <name=value>", "network option, repeatable, e.g. numClasses=10 or inputSize=331x275"];
export const INPUT: Flag = ["--input <shape>", "input shape NxCxHxW or NxCxDxHxW with N = 1, e.g. 1x3x299x299"];
export const WEIGHTS: Flag = [
  "--weights <source>",
  "weights for a model id: pretrained[:NAME], hf:OWNER/NAME[@REVISION], a file, or an https: URL with --allow-https",
];
/** Of commands that take no images by URL. */
export const ALLOW_HTTPS: Flag = ["--allow-https", "allow --weights to be an https: URL"];
export const ALLOW_HTTPS_IMAGES: Flag = ["--allow-https", "allow --weights and images to be https: URLs"];
export const MODEL: Flag = [
  "--model <model>",
  "model id, exported .onnx file, run directory or custom network (a .js or .mjs module, which is executed) (required)",
];
export const CHECKPOINT: Flag = ["--checkpoint <best|last|epoch>", "checkpoint of a run: best, last or an epoch number", "best"];
export const PREPROCESSING: Flag = [
  "--preprocessing <preset|file>",
  "image preprocessing: preset name or JSON file (default: the one the weights were trained with)",
];
export const CLASS_NAMES: Flag = [
  "--class-names <file>",
  "JSON list of class names in index order, or Keras' imagenet_class_index.json (default: those stored with the model)",
];
export const THREADS: Flag = ["--threads <n>", "CPU threads; 0 uses one per core", "0"];
export const DEVICE: readonly Flag[] = [
  ["--device <device>", "device: auto, cpu, cuda, webgpu; auto selects cuda if its libraries are installed, else cpu", "auto"],
  THREADS,
];
export const WORKERS: Flag = ["--workers <n>", "data-loading worker threads; 0 loads on the main thread", "1"];
export const ISOLATE: readonly Flag[] = [
  ["--isolate", "run the model in a child process, so that an untrusted model cannot crash this one"],
  ["--time-limit <seconds>", "with --isolate: time limit of opening the model and of each batch, in seconds (default: no limit)"],
];
export const BATCH_SIZE: Flag = ["--batch-size <n>", "images per batch", "8"];

/** How and where a run is trained. */
export const RUNNING: FlagGroups = {
  Runtime: [...DEVICE, WORKERS],
  Output: [
    ["--out <dir>", "run directory, new or empty (default: runs/<model>-<n>, the first free number)"],
    ["--resume <run>", "resume a run from its last checkpoint, with its data, model and settings; --epochs extends it"],
    ["--dry-run", "print what would be trained, on which data and with which settings, and write nothing"],
  ],
};
