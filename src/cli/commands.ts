import type { Command, Flag } from "./command.js";

const JSON_FLAG: Flag = ["--json", "print JSON"];
const OPTION: Flag = ["--option <name=value>", "option of the network, repeatable: numClasses=10, inputSize=331x275, …"];
const INPUT: Flag = ["--input <shape>", "shape of the input, channels and sizes: 1x3x299x299, 1x1x64x64x64"];
const WEIGHTS: Flag = ["--weights <source>", "pretrained[:name], hf:owner/name[@revision], a file, or with --allow-https an https: URL"];
const ALLOW_HTTPS: Flag = ["--allow-https", "allow https: URLs, of weights and of images"];
const MODEL: Flag = [
  "--model <id>",
  "model id, exported .onnx file, run directory, or custom network (a .js or .mjs module, which is executed)",
];
const CHECKPOINT: Flag = ["--checkpoint <which>", "of a run: best, last, or the number of an epoch; default: best"];
const WORKERS: Flag = ["--workers <n>", "threads that decode and augment images; default 1"];
const PREPROCESSING: Flag = ["--preprocessing <recipe>", "how images become inputs: a name or a JSON file; default: the weight set's way"];
const CLASS_NAMES: Flag = ["--class-names <file>", "JSON list of class names by index, or Keras' imagenet_class_index.json"];
const DEVICE: readonly Flag[] = [
  ["--device <device>", "auto, cpu, webgpu or cuda", "auto"],
  ["--threads <n>", "CPU threads; 0 means one for each core", "0"],
];
const ISOLATE: readonly Flag[] = [
  ["--isolate", "run the model in a child process, so that a model of unknown origin cannot crash this one"],
  ["--time-limit <seconds>", "with --isolate: seconds that opening the model and each batch may take (default: no limit)"],
];
/** What a classifier is made of where a model id stands before it. */
const NETWORK: readonly Flag[] = [CHECKPOINT, WEIGHTS, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS];
const RUN: readonly Flag[] = [
  MODEL,
  CHECKPOINT,
  WEIGHTS,
  OPTION,
  PREPROCESSING,
  ALLOW_HTTPS,
  ["--batch-size <n>", "images that run together", "8"],
  ...DEVICE,
  ...ISOLATE,
  JSON_FLAG,
];

/** How and where a run is trained. */
const RUNNING: readonly Flag[] = [
  ["--device <device>", "device: auto, cpu, cuda, webgpu; auto selects cuda if its libraries are installed, else cpu", "auto", "Runtime"],
  ["--threads <n>", "CPU threads; 0 uses one per core", "0", "Runtime"],
  ["--workers <n>", "data-loading worker threads; 0 loads on the main thread (default: 1)", undefined, "Runtime"],
  ["--out <dir>", "run directory, new or empty (default: runs/<model>-<n>, the first free number)", undefined, "Output"],
  ["--resume <run>", "resume a run from its last checkpoint, with its data, model and settings; --epochs extends it", undefined, "Output"],
  ["--dry-run", "print what would be trained, on which data and with which settings, and write nothing", undefined, "Output"],
  ["--json", "print JSON to stdout", undefined, "Output"],
];

/** Every command, in the order of `--help`. To add one: a file in commands/, an entry here. */
export const COMMANDS: readonly Command[] = [
  {
    name: "models",
    operands: "",
    summary: "list the networks, their published weights and the bundled models",
    flags: [JSON_FLAG],
    examples: ["inception models", "inception models --json"],
    load: () => import("./commands/models.js"),
  },
  {
    name: "weights",
    operands: "<action> [name]",
    summary: "list, download and locate published weights: weights list [MODEL], weights download NAME, weights path NAME",
    flags: [JSON_FLAG],
    examples: [
      "inception weights list",
      "inception weights list inception_v3 --json",
      "inception weights download inception_v3.tv_in1k",
      "inception weights path torchvision_googlenet",
    ],
    load: () => import("./commands/weights.js"),
  },
  {
    name: "summary",
    operands: "<id>",
    summary:
      "layers of a network (model id, run, bundled model, .onnx file or .js module): shapes, parameters, multiply-adds, receptive fields",
    flags: [OPTION, INPUT, ["--stages", "stages only"], JSON_FLAG],
    examples: [
      "inception summary googlenet",
      "inception summary inception_resnet_v2.spec --stages",
      "inception summary inception_resnet_v1 --option inputSize=299 --json",
      "inception summary inception_resnet_3d.table --input 1x1x64x64x64",
      "inception summary examples/digits/digits.onnx --stages",
      "inception summary ./my-network.js --option width=2",
    ],
    load: () => import("./commands/summary.js"),
  },
  {
    name: "diagram",
    operands: "<id>",
    summary: "draw a network (model id, run, bundled model, .onnx file or .js module) or one of its blocks",
    flags: [
      OPTION,
      INPUT,
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
    name: "diff",
    operands: "<a> <b>",
    summary:
      "compare two networks (model ids, .onnx files, runs, .js modules), or with --tensors two sets of tensors; exit code 1 where they differ",
    flags: [
      ["--option <name=value>", "option of the networks named by a model id, repeatable; of one alone: id:name=value"],
      ["--svg <file>", "also draw them side by side"],
      ["--ignore <kinds>", "kinds of differences to leave out, as in name,parameters"],
      ["--tensors", "compare tensors: files, hf:owner/name, runs, models of the package"],
      ["--tolerance <t>", "with --tensors: elements are equal where |a - b| <= t * max(1, |a|, |b|); default 0"],
      ["--model <id>", "with --tensors: bring both files' names and axis orders to those of this model"],
      CHECKPOINT,
      ALLOW_HTTPS,
      JSON_FLAG,
    ],
    examples: [
      "inception diff googlenet.paper googlenet.public",
      "inception diff inception_resnet_v2.paper inception_resnet_v2.public --svg v2.svg",
      "inception diff inception_resnet_v1.paper inception_resnet_v1.paper:repeats=10,20,10 --json",
      "inception diff googlenet:numClasses=10:inputSize=64:widthMultiplier=0.25 examples/digits/digits.onnx",
      "inception diff --tensors a.safetensors b.pt --tolerance 1e-6",
    ],
    load: () => import("./commands/diff.js"),
  },
  {
    name: "train",
    operands: "[data]",
    summary: "train or fine-tune an image classifier",
    flags: [
      [
        "--model <id>",
        'network to train: an id of "inception models", or a custom network (a .js or .mjs module, which is executed; required unless --resume)',
        undefined,
        "Model",
      ],
      ["--option <name=value>", "network option, repeatable, e.g. numClasses=10 or inputSize=331x275", undefined, "Model"],
      [
        "--preprocessing <preset|file>",
        "image preprocessing: preset name or JSON file (default: the one the weights were trained with; from scratch, one that matches --augmentation)",
        undefined,
        "Model",
      ],
      ["--allow-https", "allow --weights to be an https: URL", undefined, "Model"],
      ...RUNNING,
    ],
    moreFlags: async () => {
      const [{ settingFlags }, { SETTINGS }] = await Promise.all([import("./training-flags.js"), import("../train/settings.js")]);
      return settingFlags(SETTINGS);
    },
    examples: [
      "inception train photos --model googlenet.paper --weights bvlc_googlenet.safetensors --out runs/photos",
      "inception train photos --model inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k --recipe head --out runs/head",
      "inception train shapes10 --model inception_resnet_v1 --option inputSize=75 --option widthMultiplier=0.25 --epochs 5 --out runs/shapes",
      'inception train "shards/train-{000..099}.tar" --model inception_resnet_v2.paper --recipe paper --val-data shards/val.tar --out runs/paper',
      "inception train shapes10 --model googlenet --option inputSize=75 --recipe paper --dry-run",
      "inception train photos --model ./my-network.js --recipe scratch --out runs/mine",
      "inception train --resume runs/photos",
    ],
    load: () => import("./commands/train.js"),
  },
  {
    name: "train-seg",
    operands: "[data]",
    summary: "train a 3-D segmentation network; spacing, patch size and batch size are planned from the data",
    flags: [
      ["--model <id>", "network to train", "inception_resnet_3d", "Model"],
      ["--option <name=value>", "network option, repeatable; widthMultiplier is 0.5 unless given", undefined, "Model"],
      ...RUNNING,
    ],
    moreFlags: async () => {
      const [{ settingFlags }, { SEGMENTATION_SETTINGS }] = await Promise.all([
        import("./training-flags.js"),
        import("../train/segmentation-settings.js"),
      ]);
      return settingFlags(SEGMENTATION_SETTINGS);
    },
    examples: [
      "inception train-seg Task04_Hippocampus --out runs/hippocampus",
      "inception train-seg Task04_Hippocampus --fold 3 --folds 5 --epochs 40 --out runs/fold-3",
      "inception train-seg my-scans --fold none --patch-size 64x64x32 --batch-size 2 --out runs/all",
      "inception train-seg --resume runs/hippocampus",
    ],
    load: () => import("./commands/train-seg.js"),
  },
  {
    name: "explain",
    operands: "[files...]",
    summary: "show what a classifier looks at: overlays as PNG, and a page",
    flags: [
      ["--method <names>", "grad_cam, input_gradient, integrated_gradients, occlusion, several with commas, or all", "grad_cam"],
      ["--class <name>", "class that is explained, by name or index; default: the most probable one"],
      ["--out <folder>", "folder for the overlays and index.html; default explanation"],
      ["--export <file>", "write the method's graph as plain ONNX instead: inputs input and target, output map"],
      ["--layer <path>", "grad_cam: a module with a map; default: the last one"],
      ["--steps <n>", "integrated_gradients: points on the way from the mean pixel; default 16"],
      ["--window <n>", "occlusion: pixels of the covering square's side; default: a quarter of the input"],
      ["--stride <n>", "occlusion: pixels between positions; default: half of the window"],
      MODEL,
      ...NETWORK,
      ...DEVICE,
      ...ISOLATE,
      JSON_FLAG,
    ],
    examples: [
      "inception explain photo.jpg --model googlenet.paper --weights bvlc_googlenet.safetensors --out why",
      "inception explain photos/ --model runs/flowers --method all --out why",
      "inception explain cat.jpg --model inception_v3 --weights pretrained --class tabby --method integrated_gradients --out why",
      "inception explain --export cam.onnx --model runs/flowers --method grad_cam",
    ],
    load: () => import("./commands/explain.js"),
  },
  {
    name: "eval",
    operands: "<model> [data]",
    summary: "measure a run, a model with weights or an .onnx file on labeled images",
    flags: [
      ["--split <part>", "train or val; default: val, or all images where the data has no such part"],
      ["--crops <n>", "crops of each image whose probabilities are averaged: 1, 10, 12 or 144", "1"],
      ["--record <file>", "a line for each image; the same command goes on where it was stopped"],
      ["--real-labels <file>", "ReaL labels of ILSVRC-2012's validation images, a JSON list of lists"],
      ...NETWORK,
      ["--batch-size <n>", "images that run together; default 16"],
      WORKERS,
      ...DEVICE,
      ...ISOLATE,
      JSON_FLAG,
    ],
    examples: [
      "inception eval runs/photos",
      "inception eval runs/photos other-photos --crops 144 --checkpoint last",
      "inception eval inception_resnet_v2 imagenet/val --weights pretrained --json",
      "inception eval inception_v3 imagenet/val --weights pretrained --crops 144 --record v3.jsonl --real-labels real.json",
    ],
    load: () => import("./commands/eval.js"),
  },
  {
    name: "segment",
    operands: "<files...>",
    summary: "label the voxels of volumes (NIfTI) with a segmentation model: label volumes, their mm³, pages to judge them by",
    flags: [
      ["--out <folder>", "folder of the results; made where it is not there"],
      ["--model <model>", "a model of the package, an exported .onnx file, the folder of a training run, or a model id", "hippocampus"],
      ["--overlap <share>", "what neighboring windows have in common at least, 0 to less than 1", "0.5"],
      [
        "--mirror <axes>",
        "test-time mirroring along axes that the model was trained to be mirrored along: x, y, z or several, e.g. xz; n axes take 2ⁿ times as long",
      ],
      ["--patch-size <sizes>", "voxels along x, y and z that the network runs on at once, as in 64x64x64; default: as it was trained"],
      ["--largest-component", "keep of each label the largest connected part"],
      ["--fill-holes", "give background that a label encloses to the label"],
      ["--strict", "reject volumes that differ from those the model was trained on instead of warning"],
      ["--probabilities", "also write the probability of each class"],
      ["--no-qc", "write no pages with slices and outlines"],
      CHECKPOINT,
      WEIGHTS,
      OPTION,
      CLASS_NAMES,
      ALLOW_HTTPS,
      ...DEVICE,
      ...ISOLATE,
      JSON_FLAG,
    ],
    examples: [
      "inception segment examples/segment/hippocampus_001.nii.gz --out segmented",
      "inception segment scans/ --model runs/hippocampus --out segmented --mirror x --largest-component",
      "inception segment ct.nii.gz --model organs.onnx --out segmented --overlap 0.25 --probabilities --json",
    ],
    load: () => import("./commands/segment.js"),
  },
  {
    name: "eval-seg",
    operands: "<pred> <gt>",
    summary: "score predicted label volumes (NIfTI) against true ones: two files, or two folders matched by name",
    flags: [
      ["--tolerance <mm>", "of the surface Dice, in millimeters", "1"],
      ["--labels <list>", "labels to score, as in 1,2; default: all above 0 that occur"],
      ["--report <file>", "HTML page to write: Dice by case, means and all cases"],
      JSON_FLAG,
    ],
    examples: [
      "inception eval-seg prediction.nii.gz truth.nii.gz",
      "inception eval-seg predictions/ Task04_Hippocampus/labelsTr --labels 1,2 --tolerance 2",
      "inception eval-seg predictions/ labels/ --report scores.html",
      "inception eval-seg predictions/ labels/ --json",
    ],
    load: () => import("./commands/eval-seg.js"),
  },
  {
    name: "fid",
    operands: "<a> [b]",
    summary: "how far two sets of images are apart: Fréchet distance (FID), kernel distance (KID), inception score",
    flags: [
      ["--weights <source>", "weights of the network: pytorch-fid's pt_inception-2015-12-05-6726825d.pth"],
      ["--features <n>", "size of the features: 64, 192, 768 or 2048; default: as in a given .npz, or 2048"],
      ["--mode <mode>", "whose numbers: pytorch-fid, legacy-tensorflow or clean; default: as in a given .npz, or pytorch-fid"],
      ["--kid", "compute the kernel distance too"],
      ["--subsets <n>", "of the kernel distance; default 100"],
      ["--subset-size <n>", "images of each subset; default 1000, or half of the smaller set"],
      ["--inception-score", "compute the inception scores too"],
      ["--splits <n>", "of the inception score; default 10"],
      ["--no-interval", "leave out the 95 % interval, for which the distance is computed ten times more"],
      ["--epsilon <value>", "added to the diagonals where pytorch-fid printed that it added 1e-6", "0"],
      ["--seed <n>", "of groups, subsets and splits", "0"],
      ["--save-statistics <file>", "write the statistics of the one set that is given as .npz"],
      ["--batch-size <n>", "images that run together", "16"],
      ALLOW_HTTPS,
      ...DEVICE,
      JSON_FLAG,
    ],
    examples: [
      "inception fid generated/ photos/ --weights pt_inception-2015-12-05-6726825d.pth",
      "inception fid generated/ fid_stats_cifar10_train.npz --weights pt_inception-2015-12-05-6726825d.pth --kid --json",
      "inception fid photos/ --mode clean --weights pt_inception-2015-12-05-6726825d.pth --save-statistics photos.npz",
      "inception fid a.npz b.npz",
    ],
    load: () => import("./commands/fid.js"),
  },
  {
    name: "classify",
    operands: "<files...>",
    summary: "name what images show",
    flags: [
      ["--top <n>", "classes per image", "5"],
      ["--csv <file>", "also write the predictions as CSV, a row for each class"],
      CLASS_NAMES,
      ...RUN,
    ],
    examples: [
      "inception classify photo.jpg --model inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k",
      "inception classify photos/ --model googlenet.paper --weights bvlc_googlenet.safetensors --top 3 --json",
      "inception classify examples/digits/images --model examples/digits/digits.onnx --csv digits.csv",
      'inception classify "photos/**/*.{jpg,png}" --model runs/photos',
      "inception classify - --model model.onnx < photo.jpg",
      "inception classify photo.jpg --model runs/photos",
    ],
    load: () => import("./commands/classify.js"),
  },
  {
    name: "embed",
    operands: "<files...>",
    summary: "turn images (or a uint8 NCHW .npy) into vectors",
    flags: [
      ["--output-name <name>", 'output of the network; default "embedding", or "features" where there is none'],
      ["--out <file>", "also write the vectors as a float32 .npy array, and the files of its rows as .files.json beside it"],
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
    summary: "run golden files of public implementations, of networks and of training, and compare",
    flags: [...DEVICE, JSON_FLAG],
    examples: ["inception verify test/goldens/models/*.json", "inception verify test/goldens/train/*.json --json"],
    load: () => import("./commands/verify.js"),
  },
  {
    name: "export",
    operands: "<model>",
    summary: "write a run or a model as ONNX, safetensors or a timm folder, or its training step as ONNX",
    flags: [
      ["--out <file>", "file to write: .onnx or .safetensors; with --format timm a folder"],
      ["--format <format>", "onnx, safetensors or timm; default: by the ending of --out"],
      ["--naming <scheme>", "names in a safetensors file: inceptionkit, timm, torchvision, …; default inceptionkit"],
      ["--half", "kernels in half precision (safetensors)"],
      ["--dynamic-size", "any height and width, of volumes any depth too (ONNX)"],
      CHECKPOINT,
      OPTION,
      CLASS_NAMES,
      PREPROCESSING,
      ALLOW_HTTPS,
      ["--training-step <file>", "write one step of training instead (.onnx, with its first state beside it as .safetensors)"],
      JSON_FLAG,
    ],
    moreFlags: async () => {
      const [{ settingFlags }, { SETTINGS, STEP_SETTINGS }] = await Promise.all([
        import("./training-flags.js"),
        import("../train/settings.js"),
      ]);
      return settingFlags(SETTINGS, STEP_SETTINGS);
    },
    examples: [
      "inception export runs/photos --out photos.onnx",
      "inception export runs/photos --format timm --out photos-timm",
      "inception export googlenet.paper --weights bvlc_googlenet.safetensors --out googlenet.onnx",
      "inception export runs/hippocampus --out hippocampus.safetensors --half",
      "inception export hippocampus --out hippocampus.onnx --dynamic-size",
      "inception export inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k --out model.safetensors --naming timm",
      "inception export inception_resnet_v1 --option numClasses=10 --training-step step.onnx --batch-size 8 --optimizer sgd:momentum=0.9",
    ],
    load: () => import("./commands/export.js"),
  },
  {
    name: "quantize",
    operands: "<model>",
    summary: "write a network with 8-bit integers as ONNX, if it answers as the float network does and is faster",
    flags: [
      ["--calibrate <folder>", "photographs such as the network will see, or volumes for one that segments"],
      ["--evaluate <folder>", "others to measure on; default: every fifth of --calibrate is set aside for it"],
      ["--out <file>", "file to write; default: the model's name with -int8.onnx"],
      ["--calibration-size <n>", "most photographs or volumes to calibrate with; default 128 photographs or 32 volumes"],
      ["--method <method>", "how ranges are chosen: minmax, percentile or entropy", "minmax"],
      ["--percentile <p>", "per cent of the values that a range covers", "99.99"],
      ["--keep-first", "leave the first layer float"],
      ["--keep-last", "leave the last layer float"],
      ["--keep-float <path>", "a layer or module that stays float, repeatable"],
      ["--reduce-range", "kernels in 7 bits, for processors without VNNI"],
      ["--min-agreement <share>", "least share of photographs that both networks put in one class, or Dice of both", "0.97"],
      ["--min-speedup <factor>", "how many times as fast it must be at least; 0 skips the demand", "1"],
      ["--batch-size <n>", "images or windows that run together when both are measured; default 8 images or 1 window"],
      ["--timing-runs <n>", "timed runs of each network", "7"],
      ["--threads <n>", "CPU threads; 0 means one for each core", "0"],
      ...NETWORK,
      JSON_FLAG,
    ],
    examples: [
      "inception quantize googlenet.paper --weights bvlc_googlenet.safetensors --calibrate photos --out googlenet-int8.onnx",
      "inception quantize runs/photos --calibrate photos --keep-last --min-agreement 0.99 --min-speedup 1.5 --out photos-int8.onnx",
      "inception quantize hippocampus --calibrate scans --out hippocampus-int8.onnx",
    ],
    load: () => import("./commands/quantize.js"),
  },
  {
    name: "inspect",
    operands: "<file>",
    summary: "show what a weight, ONNX, .npy or NIfTI file or a folder of DICOM slices holds, executing nothing",
    flags: [["--series <uid>", "which DICOM series of a folder that holds several"], JSON_FLAG],
    examples: [
      "inception inspect model.safetensors",
      "inception inspect checkpoint.pt --json",
      "inception inspect scan.nii.gz",
      "inception inspect dicom-folder/",
    ],
    load: () => import("./commands/inspect.js"),
  },
  {
    name: "experiment",
    operands: "<name>",
    summary: "repeat an experiment of the papers: residual-scaling",
    flags: [],
    moreFlags: async () => {
      const [{ optionFlag }, { RESIDUAL_SCALING_OPTIONS: options }] = await Promise.all([
        import("./training-flags.js"),
        import("../experiments/options.js"),
      ]);
      return [
        optionFlag("quick", options.quick, "Optimization"),
        optionFlag("steps", options.steps, "Optimization"),
        optionFlag("seed", options.seed, "Optimization"),
        optionFlag("threads", options.threads, "Runtime"),
        optionFlag("out", options.out, "Output"),
        ["--json", "print JSON to stdout", undefined, "Output"],
      ];
    },
    examples: ["inception experiment residual-scaling --quick --out sweep", "inception experiment residual-scaling --steps 1000 --json"],
    load: () => import("./commands/experiment.js"),
  },
];
