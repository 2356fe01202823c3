import type { Command } from "./command.js";

type Flag = Command["flags"][number];

const JSON_FLAG: Flag = ["--json", "print JSON"];
const OPTION: Flag = ["--option <name=value>", "option of the network, repeatable: numClasses=10, inputSize=331x275, …"];
const WEIGHTS: Flag = ["--weights <source>", "hf:owner/name[@revision], a file, or with --allow-https an https: URL"];
const ALLOW_HTTPS: Flag = ["--allow-https", "let --weights be an https: URL"];
const MODEL: Flag = ["--model <id>", "model id, or an exported .onnx file"];
const PREPROCESSING: Flag = ["--preprocessing <recipe>", "how images become inputs: a name or a JSON file; default: the weight set's way"];
const LABELS: Flag = ["--labels <file>", "JSON list of class names by index"];
const DEVICE: readonly Flag[] = [
  ["--device <device>", "auto, cpu, webgpu or cuda", "auto"],
  ["--threads <n>", "CPU threads; 0 means one for each core", "0"],
];
const RUN: readonly Flag[] = [
  MODEL,
  WEIGHTS,
  OPTION,
  PREPROCESSING,
  ALLOW_HTTPS,
  ["--batch <n>", "images that run together", "8"],
  ...DEVICE,
  JSON_FLAG,
];

/** Every command, in the order of `--help`. To add one: a file in commands/, an entry here. */
export const COMMANDS: readonly Command[] = [
  {
    name: "models",
    operands: "",
    summary: "list the networks",
    flags: [JSON_FLAG],
    examples: ["inception models", "inception models --json"],
    load: () => import("./commands/models.js"),
  },
  {
    name: "summary",
    operands: "<id>",
    summary: "layer table of a network: shapes, parameters, multiply-adds, receptive fields",
    flags: [OPTION, ["--stages", "stages only"], JSON_FLAG],
    examples: [
      "inception summary googlenet",
      "inception summary inception_resnet_v2.spec --stages",
      "inception summary inception_resnet_v1 --option inputSize=299 --json",
    ],
    load: () => import("./commands/summary.js"),
  },
  {
    name: "diagram",
    operands: "<id>",
    summary: "draw a network or one of its blocks",
    flags: [
      OPTION,
      ["--block <name>", "a part of the network, as in --block mixed_5b"],
      ["--format <format>", "mermaid, dot, svg or json", "mermaid"],
      ["--out <file>", "write to a file"],
      JSON_FLAG,
    ],
    examples: [
      "inception diagram inception_resnet_v2.spec",
      "inception diagram inception_resnet_v2 --block repeat.0 --format svg --out block.svg",
    ],
    load: () => import("./commands/diagram.js"),
  },
  {
    name: "classify",
    operands: "<files...>",
    summary: "name what images show",
    flags: [["--top <n>", "classes per image", "5"], LABELS, ...RUN],
    examples: [
      "inception classify photo.jpg --model inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k",
      "inception classify photos/ --model googlenet.paper --weights bvlc_googlenet.safetensors --top 3 --json",
      "inception classify examples/digits/images --model examples/digits/digits.onnx",
    ],
    load: () => import("./commands/classify.js"),
  },
  {
    name: "embed",
    operands: "<files...>",
    summary: "turn images (or a uint8 NCHW .npy) into vectors",
    flags: [
      ["--output <name>", 'output of the network; default "embedding", or "features" where there is none'],
      ["--out <file>", "also write the vectors as a float32 .npy array"],
      ...RUN,
    ],
    examples: [
      "inception embed face.png --model inception_resnet_v1 --weights 20180402-114759-vggface2.pt --json",
      "inception embed photos/ --model model.onnx --out vectors.npy",
    ],
    load: () => import("./commands/embed.js"),
  },
  {
    name: "verify",
    operands: "<files...>",
    summary: "run golden files of public implementations and compare",
    flags: [...DEVICE, JSON_FLAG],
    examples: ["inception verify test/goldens/models/*.json"],
    load: () => import("./commands/verify.js"),
  },
  {
    name: "export",
    operands: "<id>",
    summary: "write a network as one ONNX or safetensors file",
    flags: [
      WEIGHTS,
      ["--out <file>", "file to write: .onnx or .safetensors"],
      ["--names <source>", "names in a safetensors file: inceptionkit, timm, torchvision, …", "inceptionkit"],
      ["--dynamic-size", "any height and width (ONNX)"],
      OPTION,
      LABELS,
      PREPROCESSING,
      ALLOW_HTTPS,
      JSON_FLAG,
    ],
    examples: [
      "inception export googlenet.paper --weights bvlc_googlenet.safetensors --out googlenet.onnx",
      "inception export inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k --out model.safetensors --names timm",
    ],
    load: () => import("./commands/export.js"),
  },
  {
    name: "inspect",
    operands: "<file>",
    summary: "show what a weight, ONNX or .npy file holds, executing nothing",
    flags: [JSON_FLAG],
    examples: ["inception inspect model.safetensors", "inception inspect checkpoint.pt --json"],
    load: () => import("./commands/inspect.js"),
  },
];
