import type { Command } from "./command.js";
import {
  ALLOW_HTTPS,
  ALLOW_HTTPS_IMAGES,
  BATCH_SIZE,
  CHECKPOINT,
  CLASS_NAMES,
  DEVICE,
  INPUT,
  ISOLATE,
  MODEL,
  OPTION,
  PREPROCESSING,
  RUNNING,
  THREADS,
  WEIGHTS,
  WORKERS,
} from "./shared-flags.js";

/** Every command, in the order of `--help`. To add one: a file in commands/, an entry here. */
export const COMMANDS: readonly Command[] = [
  {
    name: "classify",
    group: "Inference",
    operands: [["<images...>", 'image files, directories of images, quoted patterns, "-" for standard input, or https: URLs']],
    summary: "classify images",
    flags: {
      Model: [MODEL, WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS_IMAGES],
      Runtime: [BATCH_SIZE, ...DEVICE, ...ISOLATE],
      Output: [
        ["--top <n>", "number of classes to print per image", "5"],
        ["--csv <file>", "also write the predictions as CSV, one row per class"],
      ],
    },
    examples: [
      ["Classify a photograph with pretrained weights", "inception classify photo.jpg --model inception_v3 --weights pretrained"],
      [
        "Use weights from the Hugging Face hub",
        "inception classify photo.jpg --model inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k",
      ],
      [
        "Classify a directory with weights from a file",
        "inception classify photos/ --model googlenet.paper --weights bvlc_googlenet.safetensors --top 3 --json",
      ],
      [
        "Write the predictions of an exported model as CSV",
        "inception classify examples/digits/images --model examples/digits/digits.onnx --csv digits.csv",
      ],
      ["Classify the images that match a pattern", 'inception classify "photos/**/*.{jpg,png}" --model runs/photos'],
      ["Read an image from standard input", "inception classify - --model model.onnx < photo.jpg"],
    ],
    load: () => import("./commands/classify.js"),
  },
  {
    name: "embed",
    group: "Inference",
    operands: [
      [
        "<images...>",
        'image files, directories of images, quoted patterns, "-" for standard input, https: URLs, or uint8 [N, 3, H, W] .npy arrays',
      ],
    ],
    summary: "compute embeddings of images or of a uint8 NCHW .npy array",
    flags: {
      Model: [
        MODEL,
        WEIGHTS,
        CHECKPOINT,
        OPTION,
        PREPROCESSING,
        ["--output-name <name>", "network output to return (default: embedding, else features)"],
        ALLOW_HTTPS_IMAGES,
      ],
      Runtime: [BATCH_SIZE, ...DEVICE, ...ISOLATE],
      Output: [["--out <file>", "also write the vectors to a float32 .npy file, with the file names of its rows in NAME.files.json"]],
    },
    examples: [
      [
        "Embed an aligned face with facenet",
        "inception embed face.png --model inception_resnet_v1 --weights 20180402-114759-vggface2.pt --json",
      ],
      ["Write the features of a directory of images", "inception embed photos/ --model model.onnx --out vectors.npy"],
    ],
    load: () => import("./commands/embed.js"),
  },
  {
    name: "index",
    group: "Inference",
    operands: [["<dir>", "directory of images; a file in a subdirectory has its name as label"]],
    summary: "compute the embeddings of a directory of images as one Parquet file, to search them",
    flags: {
      Model: [MODEL, WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, ALLOW_HTTPS],
      Runtime: [BATCH_SIZE, ...DEVICE, ...ISOLATE],
      Output: [
        ["--out <file>", "index file to write (required)"],
        ["--update", "take the embeddings of unchanged images from --out, if it exists; images that are gone drop out"],
      ],
    },
    examples: [
      [
        "Index a directory of photographs",
        "inception index photos/ --model googlenet.paper --weights bvlc_googlenet.safetensors --out photos.parquet",
      ],
      ["Index the features of a trained model", "inception index photos/ --model runs/flowers --out photos.parquet --update"],
    ],
    load: () => import("./commands/index.js"),
  },
  {
    name: "search",
    group: "Inference",
    operands: [["[images...]", "image files, directories of images, quoted patterns, or https: URLs; none with --duplicates"]],
    summary: "find the most similar images of an index, or its duplicates",
    flags: {
      Model: [
        ["--model <model>", "model of the index (default: the one that the index names, if it is on this machine)"],
        WEIGHTS,
        CHECKPOINT,
        OPTION,
        PREPROCESSING,
        ALLOW_HTTPS_IMAGES,
      ],
      Inference: [
        ["--index <file>", "index that inception index wrote (required)"],
        ["--top <n>", "number of neighbors per image", "10"],
        ["--approximate", "search a graph of neighbors (HNSW) with the optional package usearch; built once and kept in the cache"],
        ["--duplicates", "list groups of equal and similar images of the index instead"],
        ["--threshold <fraction>", "with --duplicates: minimum cosine similarity of similar images (default: 0.95)"],
      ],
      Runtime: [BATCH_SIZE, ...DEVICE, ...ISOLATE],
      Output: [["--report <file>", "also write a page with the images side by side (.html)"]],
    },
    examples: [
      ["Find the images most similar to a photograph", "inception search photo.jpg --index photos.parquet --top 5"],
      ["Search for a directory of images and write a page", "inception search new/ --index photos.parquet --report neighbors.html"],
      ["List duplicates of an index", "inception search --index photos.parquet --duplicates --report duplicates.html"],
    ],
    load: () => import("./commands/search.js"),
  },
  {
    name: "explain",
    group: "Inference",
    operands: [["[images...]", "image files, directories of images, quoted patterns, or https: URLs"]],
    summary: "compute attribution maps for a classifier's predictions, as PNG overlays and an HTML page",
    flags: {
      Model: [MODEL, WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS_IMAGES],
      Method: [
        [
          "--method <names>",
          "attribution methods, comma-separated: grad_cam, input_gradient, integrated_gradients, occlusion, all",
          "grad_cam",
        ],
        ["--class <name>", "target class, by name or index (default: the top prediction)"],
        ["--layer <path>", "Grad-CAM: module whose feature map is used (default: the last one)"],
        ["--steps <n>", "integrated gradients: interpolation steps from the mean-pixel baseline", "16"],
        ["--window <n>", "occlusion: side of the occluding square in pixels (default: 1/4 of the input size)"],
        ["--stride <n>", "occlusion: step between positions in pixels (default: half the window)"],
      ],
      Runtime: [...DEVICE, ...ISOLATE],
      Output: [
        ["--out <dir>", "output directory for overlays and index.html", "explanation"],
        ["--export <file>", "export the attribution graph as ONNX instead (inputs: input, target; output: map); takes no images"],
      ],
    },
    examples: [
      [
        "Explain the top prediction of a photograph",
        "inception explain photo.jpg --model googlenet.paper --weights bvlc_googlenet.safetensors --out why",
      ],
      ["Compare all methods on a directory of images", "inception explain photos/ --model runs/flowers --method all --out why"],
      [
        "Explain a class by name",
        "inception explain cat.jpg --model inception_v3 --weights pretrained --class tabby --method integrated_gradients --out why",
      ],
      ["Export Grad-CAM as an ONNX file", "inception explain --export cam.onnx --model runs/flowers --method grad_cam"],
    ],
    load: () => import("./commands/explain.js"),
  },
  {
    name: "segment",
    group: "Inference",
    operands: [["<volumes...>", "NIfTI files, directories of NIfTI files, or directories of DICOM slices"]],
    summary: "segment volumes (NIfTI, DICOM): label maps, volumes in mm³ and quality-control pages",
    flags: {
      Model: [
        ["--model <model>", "bundled model, exported .onnx file, run directory, or model id with --weights", "hippocampus"],
        WEIGHTS,
        CHECKPOINT,
        OPTION,
        CLASS_NAMES,
        ALLOW_HTTPS,
      ],
      Inference: [
        ["--patch-size <XxYxZ>", "window size in voxels along x, y and z, e.g. 64x64x64 (default: the patch size used in training)"],
        ["--overlap <fraction>", "minimum overlap of neighboring windows, in [0, 1)", "0.5"],
        [
          "--mirror <axes>",
          "test-time mirroring along axes that training mirrored: x, y, z or a combination such as xz; n axes take 2^n times as long",
          "none",
        ],
        ["--largest-component", "keep only the largest connected component of each label"],
        ["--fill-holes", "fill holes enclosed by a label"],
        ["--strict", "reject volumes that differ from the training data of the model instead of warning"],
      ],
      Runtime: [...DEVICE, ...ISOLATE],
      Output: [
        ["--out <dir>", "output directory, created if missing (required)"],
        ["--probabilities", "also write one probability volume per class"],
        ["--no-qc", "do not write quality-control pages"],
      ],
    },
    examples: [
      ["Segment the hippocampus with the bundled model", "inception segment examples/segment/hippocampus_001.nii.gz --out segmented"],
      [
        "Segment a directory with a trained run and test-time mirroring",
        "inception segment scans/ --model runs/hippocampus --out segmented --mirror x --largest-component",
      ],
      [
        "Write probabilities of an exported model",
        "inception segment ct.nii.gz --model organs.onnx --out segmented --overlap 0.25 --probabilities --json",
      ],
    ],
    load: () => import("./commands/segment.js"),
  },
  {
    name: "train",
    group: "Training and evaluation",
    operands: [
      ["[data]", "training data: image folder (one directory per class), list (.csv, .tsv, .jsonl), WebDataset .tar shards, or shapes10"],
    ],
    summary: "train or fine-tune an image classifier",
    flags: {
      ...RUNNING,
      Runtime: [
        ...DEVICE,
        WORKERS,
        ["--no-check", "do not look for leaks, copies, empty files and unequal classes first, see inception check"],
      ],
      Model: [
        [
          "--model <model>",
          'network to train, see "inception models", or a custom network (a .js or .mjs module, which is executed) (required unless --resume)',
        ],
        OPTION,
        [
          "--preprocessing <preset|file>",
          "image preprocessing: preset name or JSON file (default: the one the weights were trained with; from scratch, one that matches --augmentation)",
        ],
        ALLOW_HTTPS,
      ],
    },
    moreFlags: async () => {
      const [{ settingFlags }, { SETTINGS }] = await Promise.all([import("./training-flags.js"), import("../train/settings.js")]);
      return settingFlags(SETTINGS);
    },
    notes: async () => (await import("./training-flags.js")).recipeNotes(),
    examples: [
      [
        "Fine-tune pretrained weights on a directory of images",
        "inception train photos --model inception_v3 --weights pretrained --out runs/photos",
      ],
      [
        "Train only a new classifier on frozen features",
        "inception train photos --model inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k --recipe head --out runs/head",
      ],
      [
        "Train from scratch on the built-in synthetic dataset",
        "inception train shapes10 --model inception_resnet_v1 --option inputSize=75 --option widthMultiplier=0.25 --epochs 5 --out runs/shapes",
      ],
      [
        "Train with the settings of the paper on WebDataset shards",
        'inception train "shards/train-{000..099}.tar" --model inception_resnet_v2.paper --recipe paper --val-data shards/val.tar --out runs/paper',
      ],
      [
        "Print the settings of a run without training",
        "inception train shapes10 --model googlenet --option inputSize=75 --recipe paper --dry-run",
      ],
      ["Train a custom network", "inception train photos --model ./my-network.js --recipe scratch --out runs/mine"],
      ["Resume an interrupted run", "inception train --resume runs/photos"],
    ],
    load: () => import("./commands/train.js"),
  },
  {
    name: "train-seg",
    group: "Training and evaluation",
    operands: [
      ["[data]", "training data: Medical Segmentation Decathlon directory or its dataset.json, or a directory with images/ and labels/"],
    ],
    summary: "train a 3-D segmentation network; spacing, patch size and batch size are planned from the data",
    flags: {
      ...RUNNING,
      Model: [
        ["--model <id>", "3-D network to train", "inception_resnet_3d"],
        ["--option <name=value>", "network option, repeatable; widthMultiplier defaults to 0.5 here"],
      ],
    },
    moreFlags: async () => {
      const [{ settingFlags }, { SEGMENTATION_SETTINGS }] = await Promise.all([
        import("./training-flags.js"),
        import("../train/segmentation-settings.js"),
      ]);
      return settingFlags(SEGMENTATION_SETTINGS);
    },
    examples: [
      ["Train on a Decathlon dataset, validating on fold 0", "inception train-seg Task04_Hippocampus --out runs/hippocampus"],
      ["Choose the validation fold", "inception train-seg Task04_Hippocampus --fold 3 --folds 5 --epochs 40 --out runs/fold-3"],
      [
        "Train on all cases with a given patch size",
        "inception train-seg my-scans --fold none --patch-size 64x64x32 --batch-size 2 --out runs/all",
      ],
      ["Resume an interrupted run", "inception train-seg --resume runs/hippocampus"],
    ],
    load: () => import("./commands/train-seg.js"),
  },
  {
    name: "check",
    group: "Training and evaluation",
    operands: [["<data>", "labeled images as for train: directory, list, WebDataset shards"]],
    summary: "check labeled images before training: leaks, duplicates, unreadable files, suspect labels, outliers",
    flags: {
      Data: [
        ["--val-data <source>", "separate validation data, as for train (default: the data's own split, else a held-out fraction)"],
        ["--val-fraction <fraction>", "fraction held out for validation if the data has no validation split, as for train", "0.2"],
        ["--seed <n>", "random seed of the split, as for train, and of the folds", "1"],
      ],
      Model: [
        ["--model <model>", "model whose features show which labels are suspect (default: labels are not checked)"],
        WEIGHTS,
        CHECKPOINT,
        OPTION,
        PREPROCESSING,
        ALLOW_HTTPS,
      ],
      Method: [["--folds <n>", "with --model: folds of the cross-validation, 2 to 20 (default: 5)"]],
      Runtime: [...DEVICE, ...ISOLATE],
      Output: [
        ["--report <file>", "write an HTML page with the images side by side"],
        ["--write-list <file>", "write a list without leaks, copies and unreadable files for train: .csv or .jsonl"],
      ],
    },
    examples: [
      ["Find leaks, duplicates and unreadable files", "inception check photos/"],
      [
        "Also find suspect labels, and look at everything",
        "inception check photos/ --model googlenet.paper --weights bvlc_googlenet.safetensors --report check.html",
      ],
      ["Train on a cleaned list", "inception check photos/ --write-list clean.csv"],
    ],
    load: () => import("./commands/check.js"),
  },
  {
    name: "eval",
    group: "Training and evaluation",
    operands: [
      ["<model>", "run directory, .onnx file, or model id or custom network (a .js or .mjs module, which is executed) with --weights"],
      ["[data]", "labeled images as for train (default: the data of the run)"],
    ],
    summary: "evaluate a classifier on labeled images",
    flags: {
      Data: [
        ["--split <train|val>", "split to evaluate: train, val (default: val, or all images if the data has no val split)"],
        ["--crops <n>", "crops per image, averaged: 1, 10, 12, 144", "1"],
        ["--real-labels <file>", "ReaL labels of the ILSVRC-2012 validation set, to report ReaL accuracy as well"],
      ],
      Model: [WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS],
      Runtime: [["--batch-size <n>", "images per batch", "16"], ...DEVICE, WORKERS, ...ISOLATE],
      Output: [["--record <file>", "write one JSON line per image; run the same command again to resume from this file"]],
    },
    examples: [
      ["Evaluate a run on its validation data", "inception eval runs/photos"],
      ["Evaluate the last checkpoint on other data", "inception eval runs/photos other-photos --crops 144 --checkpoint last"],
      ["Evaluate pretrained weights on ImageNet", "inception eval inception_resnet_v2 imagenet/val --weights pretrained --json"],
      [
        "Report ReaL accuracy, and resume after an interruption",
        "inception eval inception_v3 imagenet/val --weights pretrained --crops 144 --record v3.jsonl --real-labels real.json",
      ],
    ],
    load: () => import("./commands/eval.js"),
  },
  {
    name: "eval-pairs",
    group: "Training and evaluation",
    operands: [
      ["<pairs>", "list of image pairs: pairs.txt of Labeled Faces in the Wild, or CSV with the columns first, second, same, fold"],
    ],
    summary: "compute the verification accuracy of embeddings by the ten-fold protocol of Labeled Faces in the Wild",
    flags: {
      Data: [["--images <dir>", "directory of the images (default: that of the list)"]],
      Model: [MODEL, WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, ALLOW_HTTPS],
      Method: [["--metric <metric>", "how embeddings are compared: cosine or euclidean", "cosine"]],
      Runtime: [BATCH_SIZE, ...DEVICE, ...ISOLATE],
      Output: [
        ["--report <file>", "also write a page with the ROC curve (.html)"],
        ["--csv <file>", "also write the score of each pair as CSV"],
      ],
    },
    examples: [
      [
        "Verify aligned faces with facenet",
        "inception eval-pairs pairs.txt --images lfw/ --model inception_resnet_v1 --weights 20180402-114759-vggface2.pt",
      ],
      ["Write the ROC curve of a trained model", "inception eval-pairs pairs.csv --model runs/flowers --report roc.html"],
    ],
    load: () => import("./commands/eval-pairs.js"),
  },
  {
    name: "eval-seg",
    group: "Training and evaluation",
    operands: [
      ["<prediction>", "predicted label map (NIfTI), or a directory of label maps"],
      ["<ground-truth>", "ground-truth label map (NIfTI), or a directory with equal file names"],
    ],
    summary: "score predicted label maps against ground truth: two files, or two directories matched by file name",
    flags: {
      Data: [["--labels <list>", "label values to score, e.g. 1,2 (default: all values above 0 that occur)"]],
      Method: [["--tolerance <mm>", "tolerance of the surface Dice in mm", "1"]],
      Output: [["--report <file>", "also write an HTML page with the Dice of each case and the means"]],
    },
    examples: [
      ["Score one case", "inception eval-seg prediction.nii.gz truth.nii.gz"],
      [
        "Score two labels of a directory with a tolerance of 2 mm",
        "inception eval-seg predictions/ Task04_Hippocampus/labelsTr --labels 1,2 --tolerance 2",
      ],
      ["Write a page of the scores", "inception eval-seg predictions/ labels/ --report scores.html"],
      ["Print the scores as JSON", "inception eval-seg predictions/ labels/ --json"],
    ],
    load: () => import("./commands/eval-seg.js"),
  },
  {
    name: "fid",
    group: "Training and evaluation",
    operands: [
      ["<a>", "directory of images (searched recursively) or .npz statistics"],
      ["[b]", "the set to compare with, in the same formats"],
    ],
    summary: "compute FID, KID and Inception Score of image sets",
    flags: {
      Model: [
        [
          "--weights <source>",
          "Inception weights: pretrained, or pytorch-fid's pt_inception-2015-12-05-6726825d.pth (required unless both sets are .npz)",
        ],
        ["--features <n>", "feature dimension: 64, 192, 768, 2048 (default: that of a given .npz, else 2048)"],
        ALLOW_HTTPS,
      ],
      Method: [
        [
          "--mode <mode>",
          "implementation to match: pytorch-fid, legacy-tensorflow, clean (default: that of a given .npz, else pytorch-fid)",
        ],
        ["--kid", "also compute the kernel inception distance (KID)"],
        ["--subsets <n>", "KID: number of subsets", "100"],
        ["--subset-size <n>", "KID: images per subset (default: 1000, or half of the smaller set)"],
        ["--inception-score", "also compute the Inception Score of each image set"],
        ["--splits <n>", "Inception Score: number of splits", "10"],
        ["--no-interval", "skip the 95% confidence interval, which needs ten more distance computations"],
        [
          "--epsilon <value>",
          "value added to both covariance diagonals; use 1e-6 to reproduce pytorch-fid results that reported a singular product",
          "0",
        ],
        ["--seed <n>", "random seed for jackknife groups, KID subsets and score splits", "0"],
      ],
      Runtime: [["--batch-size <n>", "images per batch", "16"], ...DEVICE],
      Output: [["--save-statistics <file>", "write the feature statistics of one image set to a .npz file; takes no second set"]],
    },
    examples: [
      ["Compute the FID of generated images", "inception fid generated/ photos/ --weights pt_inception-2015-12-05-6726825d.pth"],
      [
        "Compare with published statistics, and compute KID",
        "inception fid generated/ fid_stats_cifar10_train.npz --weights pt_inception-2015-12-05-6726825d.pth --kid --json",
      ],
      [
        "Save the statistics of a set",
        "inception fid photos/ --mode clean --weights pt_inception-2015-12-05-6726825d.pth --save-statistics photos.npz",
      ],
      ["Compare two files of statistics", "inception fid a.npz b.npz"],
    ],
    load: () => import("./commands/fid.js"),
  },
  {
    name: "export",
    group: "Export",
    operands: [
      ["<model>", "run directory, bundled model, or model id or custom network (a .js or .mjs module, which is executed) with --weights"],
    ],
    summary: "export a model as ONNX, safetensors or a timm directory, or its training step as ONNX",
    flags: {
      Model: [CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS],
      "Training step (only with --training-step)": [
        ["--training-step <file>", "export one training step as ONNX instead, with its initial state next to it as .safetensors"],
      ],
      Output: [
        ["--out <file>", "output file (.onnx or .safetensors), or a directory with --format timm (required unless --training-step)"],
        ["--format <format>", "onnx, safetensors, timm (default: from the extension of --out)"],
        ["--naming <scheme>", "safetensors: tensor naming scheme: inceptionkit, timm, torchvision, …", "inceptionkit"],
        ["--half", "safetensors: store weights as float16; biases and normalization parameters stay float32"],
        ["--dynamic-size", "ONNX: accept any height and width, and any depth for volumes"],
      ],
    },
    moreFlags: async () => {
      const [{ stepFlags }, { SETTINGS, STEP_SETTINGS }] = await Promise.all([
        import("./training-flags.js"),
        import("../train/settings.js"),
      ]);
      return stepFlags(SETTINGS, STEP_SETTINGS);
    },
    examples: [
      ["Export a run as a self-contained ONNX file", "inception export runs/photos --out photos.onnx"],
      ["Write a directory that timm loads", "inception export runs/photos --format timm --out photos-timm"],
      ["Convert published weights to ONNX", "inception export googlenet.paper --weights bvlc_googlenet.safetensors --out googlenet.onnx"],
      ["Store weights in half precision", "inception export runs/hippocampus --out hippocampus.safetensors --half"],
      ["Accept volumes of any size", "inception export hippocampus --out hippocampus.onnx --dynamic-size"],
      [
        "Rename tensors to timm's naming",
        "inception export inception_resnet_v2 --weights hf:timm/inception_resnet_v2.tf_in1k --out model.safetensors --naming timm",
      ],
      [
        "Export a training step",
        "inception export inception_resnet_v1 --option numClasses=10 --training-step step.onnx --batch-size 8 --optimizer sgd:momentum=0.9",
      ],
    ],
    load: () => import("./commands/export.js"),
  },
  {
    name: "calibrate",
    group: "Export",
    operands: [
      [
        "<model>",
        "run directory, exported .onnx file, or model id or custom network (a .js or .mjs module, which is executed) with --weights",
      ],
      ["<data>", "labeled images that the model was not trained on, as for train"],
    ],
    summary: "calibrate the probabilities of a classifier and choose a threshold for unknown images",
    flags: {
      Data: [["--split <train|val>", "split to use: train, val (default: val, or all images if the data has no val split)"]],
      Model: [WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS],
      Method: [
        ["--unknown <score>", "also choose a threshold below which an image is unknown: max-softmax, max-logit, energy"],
        [
          "--false-rejection <fraction>",
          "with --unknown: fraction of images of known classes that the threshold may reject (default: 0.05)",
        ],
        ["--seed <n>", "random seed of cross-fitting folds and bootstrap resamples", "0"],
      ],
      Runtime: [["--batch-size <n>", "images per batch", "16"], ...DEVICE],
      Output: [["--out <file>", "output file, .onnx (required)"]],
    },
    examples: [
      ["Calibrate a run on held-out images", "inception calibrate runs/photos held-out --out photos.onnx"],
      [
        "Also reject 2% of the known images and most others",
        "inception calibrate photos.onnx held-out --unknown energy --false-rejection 0.02 --out photos-calibrated.onnx",
      ],
    ],
    load: () => import("./commands/calibrate.js"),
  },
  {
    name: "quantize",
    group: "Export",
    operands: [["<model>", "run directory, bundled model, exported .onnx file, or model id with --weights"]],
    summary: "quantize a model to int8 ONNX; nothing is written if it misses the accuracy or speed threshold",
    flags: {
      Data: [
        ["--calibrate <dir>", "directory of representative images, or of volumes for a segmentation model (required)"],
        ["--evaluate <dir>", "directory of evaluation data (default: every fifth file of --calibrate)"],
        ["--calibration-size <n>", "maximum number of calibration samples (default: 128 images or 32 volumes)"],
      ],
      Model: [WEIGHTS, CHECKPOINT, OPTION, PREPROCESSING, CLASS_NAMES, ALLOW_HTTPS],
      Quantization: [
        ["--method <method>", "range calibration: minmax, percentile, entropy", "minmax"],
        ["--percentile <p>", "percentile: percentage of values inside the range", "99.99"],
        ["--keep-first", "keep the first layer in float32"],
        ["--keep-last", "keep the last layer in float32"],
        ["--keep-float <path>", "keep this layer or module in float32, repeatable"],
        ["--reduce-range", "quantize weights to 7 bits, for CPUs without VNNI"],
      ],
      Acceptance: [
        [
          "--min-agreement <fraction>",
          "reject below this agreement with the float32 model: top-1 agreement, cosine similarity or Dice",
          "0.97",
        ],
        ["--min-speedup <factor>", "reject below this speedup over float32; 0 disables the check", "1"],
      ],
      Runtime: [
        ["--batch-size <n>", "batch size for evaluation and timing (default: 8 images or 1 window)"],
        ["--timing-runs <n>", "timed runs per model", "7"],
        THREADS,
      ],
      Output: [["--out <file>", "output file (default: MODEL-int8.onnx)"]],
    },
    examples: [
      [
        "Quantize published weights",
        "inception quantize googlenet.paper --weights bvlc_googlenet.safetensors --calibrate photos --out googlenet-int8.onnx",
      ],
      [
        "Raise the thresholds and keep the classifier in float32",
        "inception quantize runs/photos --calibrate photos --keep-last --min-agreement 0.99 --min-speedup 1.5 --out photos-int8.onnx",
      ],
      ["Quantize a segmentation model", "inception quantize hippocampus --calibrate scans --out hippocampus-int8.onnx"],
    ],
    load: () => import("./commands/quantize.js"),
  },
  {
    name: "verify",
    group: "Export",
    operands: [["<files...>", "files with reference outputs (.json)"]],
    summary: "compare this machine's inference and training results with reference outputs",
    flags: { Runtime: DEVICE },
    examples: [
      ["Verify inference of all networks", "inception verify test/goldens/models/*.json"],
      ["Verify training", "inception verify test/goldens/train/*.json --json"],
    ],
    load: () => import("./commands/verify.js"),
  },
  {
    name: "models",
    group: "Inspection",
    operands: [],
    summary: "list the available networks, their published weights and the bundled models",
    flags: {},
    examples: [
      ["List the networks", "inception models"],
      ["Print their options as JSON", "inception models --json"],
    ],
    load: () => import("./commands/models.js"),
  },
  {
    name: "weights",
    group: "Inspection",
    operands: [
      ["<action>", "list, download or path"],
      ["[name]", 'model id for list, name of a weight file for download and path, see "inception weights list"'],
    ],
    summary: "list, download and locate published weights",
    flags: {},
    examples: [
      ["List all published weights", "inception weights list"],
      ["List those of one network", "inception weights list inception_v3 --json"],
      ["Download weights to the cache", "inception weights download inception_v3.tv_in1k"],
      ["Print where downloaded weights are", "inception weights path torchvision_googlenet"],
    ],
    load: () => import("./commands/weights.js"),
  },
  {
    name: "summary",
    group: "Inspection",
    operands: [
      [
        "<model>",
        'model id, see "inception models", run directory, bundled model, .onnx file or custom network (a .js or .mjs module, which is executed)',
      ],
    ],
    summary: "print layers, shapes, parameters, MACs and receptive fields of a network",
    flags: { Model: [OPTION, INPUT], Output: [["--stages", "print one row per stage instead of one per layer"]] },
    examples: [
      ["Print the layers of a network", "inception summary googlenet"],
      ["Print one row per stage", "inception summary inception_resnet_v2.spec --stages"],
      ["Change an option", "inception summary inception_resnet_v1 --option inputSize=299 --json"],
      ["Change the input of a 3-D network", "inception summary inception_resnet_3d.table --input 1x1x64x64x64"],
      ["Summarize a custom network", "inception summary ./my-network.js --option width=2"],
      ["Print the stages of an exported model", "inception summary examples/digits/digits.onnx --stages"],
    ],
    load: () => import("./commands/summary.js"),
  },
  {
    name: "diagram",
    group: "Inspection",
    operands: [
      [
        "<model>",
        'model id, see "inception models", run directory, bundled model, .onnx file or custom network (a .js or .mjs module, which is executed)',
      ],
    ],
    summary: "draw a network or one of its blocks",
    flags: {
      Model: [OPTION, INPUT, ["--block <path>", "draw only this module, e.g. mixed_5b"]],
      Output: [
        ["--format <format>", "output format: mermaid, dot, svg, json", "mermaid"],
        ["--out <file>", "output file (default: stdout)"],
      ],
    },
    examples: [
      ["Draw a network as Mermaid", "inception diagram inception_resnet_v2.spec"],
      ["Draw one block as SVG", "inception diagram inception_resnet_v2 --block repeat.0 --format svg --out block.svg"],
    ],
    load: () => import("./commands/diagram.js"),
  },
  {
    name: "diff",
    group: "Inspection",
    operands: [
      [
        "<a>",
        "model id with options (ID:name=value), .onnx file, run directory, bundled model or custom network (a .js or .mjs module, which is executed); with --tensors, weight files",
      ],
      ["<b>", "what to compare it with, in the same formats"],
    ],
    summary: "compare two networks or, with --tensors, two sets of weights; exit code 1 if they differ",
    flags: {
      Model: [
        ["--option <name=value>", "network option for both sides, repeatable; for one side write ID:name=value"],
        CHECKPOINT,
        ["--allow-https", "with --tensors: allow weights to be https: URLs"],
      ],
      Method: [
        ["--tensors", "compare weights instead of architectures: files, hf:OWNER/NAME, runs or bundled models"],
        ["--tolerance <t>", "with --tensors: treat elements as equal if |a - b| <= t * max(1, |a|, |b|)", "0"],
        ["--model <id>", "with --tensors: map both files to this model's tensor names and layouts first"],
        ["--ignore <kinds>", "difference kinds to ignore, comma-separated, e.g. name,parameters"],
      ],
      Output: [["--svg <file>", "also write a side-by-side drawing to this file"]],
    },
    examples: [
      ["Compare two variants", "inception diff googlenet.paper googlenet.public"],
      ["Draw them side by side", "inception diff inception_resnet_v2.paper inception_resnet_v2.public --svg v2.svg"],
      [
        "Compare a variant with itself under other options",
        "inception diff inception_resnet_v1.paper inception_resnet_v1.paper:repeats=10,20,10 --json",
      ],
      [
        "Compare a network with an exported model",
        "inception diff googlenet:numClasses=10:inputSize=64:widthMultiplier=0.25 examples/digits/digits.onnx",
      ],
      ["Compare two weight files", "inception diff --tensors a.safetensors b.pt --tolerance 1e-6"],
    ],
    load: () => import("./commands/diff.js"),
  },
  {
    name: "inspect",
    group: "Inspection",
    operands: [["<file>", "weight, ONNX, .npy or NIfTI file, or directory of DICOM slices"]],
    summary: "show the contents of a weight, ONNX, .npy or NIfTI file or a DICOM series, without executing anything",
    flags: { Data: [["--series <uid>", "DICOM series to read, if the directory contains several"]] },
    examples: [
      ["List the tensors of a weight file", "inception inspect model.safetensors"],
      ["Inspect a PyTorch checkpoint", "inception inspect checkpoint.pt --json"],
      ["Show the header of a volume", "inception inspect scan.nii.gz"],
      ["Show the series of a directory of DICOM slices", "inception inspect dicom-folder/"],
    ],
    load: () => import("./commands/inspect.js"),
  },
  {
    name: "serve",
    group: "Serving",
    operands: [["[models...]", "exported .onnx files, run directories, bundled models, or model ids with --weights"]],
    summary: "answer requests over HTTP: images, volumes or tensors in, predictions out",
    flags: {},
    moreFlags: async () => (await import("./server-package.js")).serveFlags(),
    examples: [
      ["Serve an exported model on this machine", "inception serve examples/digits/digits.onnx"],
      [
        "Serve two models, each under a name of its own",
        "inception serve --name digits=examples/digits/digits.onnx --name brain=hippocampus",
      ],
      ["Check a directory of models without serving them", "inception serve --model-dir models --check"],
      ["Serve other machines, which need a token", "inception serve model.onnx --host 0.0.0.0 --token-file token.txt"],
    ],
    load: () => import("./commands/serve.js"),
  },
  {
    name: "experiment",
    group: "Research",
    operands: [["<name>", "residual-scaling"]],
    summary: "reproduce a published experiment: residual-scaling",
    flags: {},
    moreFlags: async () => {
      const [{ optionFlag }, { RESIDUAL_SCALING_OPTIONS: options }] = await Promise.all([
        import("./training-flags.js"),
        import("../experiments/options.js"),
      ]);
      return {
        Optimization: [optionFlag("quick", options.quick), optionFlag("steps", options.steps), optionFlag("seed", options.seed)],
        Runtime: [optionFlag("threads", options.threads)],
        Output: [optionFlag("out", options.out)],
      };
    },
    examples: [
      ["Train four small networks", "inception experiment residual-scaling --quick --out sweep"],
      ["Train longer", "inception experiment residual-scaling --steps 1000 --json"],
    ],
    load: () => import("./commands/experiment.js"),
  },
];
