/** The benchmark of inference: this package beside PyTorch and TensorFlow.js, one forward pass each in turn (see bench/README.md). */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileInference } from "../src/compile/compile.js";
import { describeModel } from "../src/models/index.js";
import { writeFileAtomic } from "../src/node/write-file.js";
import { goldenParameters } from "../src/weights/golden.js";
import type { InferenceOptions } from "./options.js";
import { type LoadRequest, nodeProgram, type Peer, type PeerProgram, peerPrograms, startPeer } from "./peer.js";
import { type ModelName, NETWORKS, sidesOf } from "./peers/networks.js";
import { median, range } from "./results.js";

const THREADS = Math.min(2, cpus().length);

/** One network in one size and batch, and the programs beside ours; ours runs with and without rewrites where `plain` is set. */
export interface ForwardPlan {
  readonly model: ModelName;
  readonly batch: number;
  readonly size: number;
  readonly rounds: number;
  readonly threads: number;
  readonly programs: readonly string[];
  readonly plain?: boolean;
}

interface Timing {
  readonly program: string;
  readonly form: string;
  readonly threads: number;
  readonly times: readonly number[];
  readonly peakMb: number;
}

function plans(quick: boolean): readonly ForwardPlan[] {
  const rounds = quick ? 3 : 9;
  return [
    { model: "inception_resnet_v2", batch: 1, size: 299, rounds, threads: THREADS, programs: ["pytorch", "tfjs-wasm"] },
    {
      model: "inception_resnet_v2",
      batch: 8,
      size: 299,
      rounds,
      threads: THREADS,
      programs: quick ? ["pytorch"] : ["pytorch", "tfjs-wasm"],
    },
    // TensorFlow.js has one thread under Node: the same number of ours.
    { model: "inception_resnet_v2", batch: 8, size: 299, rounds: quick ? 1 : 3, threads: 1, programs: ["tfjs-wasm"] },
    { model: "googlenet", batch: 1, size: 224, rounds, threads: THREADS, programs: ["pytorch", "tfjs-wasm"] },
    { model: "googlenet", batch: 8, size: 224, rounds, threads: THREADS, programs: quick ? ["pytorch"] : ["pytorch", "tfjs-wasm"] },
  ];
}

const OURS = nodeProgram("inceptionkit", fileURLToPath(new URL("./peers/inceptionkit.js", import.meta.url)));

/** How a run prints: each line as soon as it is known. */
type Print = (line: string) => void;

/** Runs the whole comparison and prints it as Markdown. `root` is the folder of the package's sources. */
export async function compareInference(root: string, { quick }: InferenceOptions, machine: string, print: Print): Promise<void> {
  print("# Results");
  print("");
  print(machine);
  print(
    "Made by `npm run bench`; how it compares is in [README.md](README.md). Each row has the median of alternating runs in milliseconds, the fastest and slowest,",
  );
  print("and how many times as fast inceptionkit is: the ratio of the medians.");
  for (const plan of plans(quick)) {
    const { model, batch, size, threads } = plan;
    print("");
    print(`## ${model}, ${sidesOf(NETWORKS[model], size)}, batch ${batch}${threads === 1 ? ", one thread" : ""}`);
    print("");
    await compareForward(root, plan, print);
  }
  await coldStarts(root, quick, print);
}

/** Prints the table of one plan, without a heading. */
export async function compareForward(root: string, plan: ForwardPlan, print: Print): Promise<void> {
  const programs = [OURS, ...peerPrograms(root).filter(({ name }) => plan.programs.includes(name))];
  const peers: { readonly peer: Peer; readonly form: LoadRequest["form"] }[] = [];
  try {
    for (const program of programs) {
      for (const [index, form] of formsOf(program, plan).entries()) {
        const start = await startPeer(program);
        if (start.kind === "ready") peers.push({ peer: start.peer, form });
        else if (index === 0) print(`Skipped ${start.name}: ${start.reason}.`);
      }
    }
    printTable(plan, await alternate(plan, peers), print);
  } finally {
    for (const { peer } of peers) await peer.close();
  }
}

/** PyTorch's faster forms are shown beside the one that is compared. */
function formsOf({ name }: PeerProgram, { plain = false }: ForwardPlan): readonly LoadRequest["form"][] {
  if (name === "pytorch") return ["eager", "channels_last", "frozen"];
  return name === OURS.name && plain ? [undefined, "plain"] : [undefined];
}

async function alternate(
  plan: ForwardPlan,
  peers: readonly { readonly peer: Peer; readonly form: LoadRequest["form"] }[],
): Promise<readonly Timing[]> {
  const used: number[] = [];
  for (const { peer, form } of peers) {
    const { threads } = await peer.load({
      model: plan.model,
      batch: plan.batch,
      size: plan.size,
      threads: plan.threads,
      ...(form ? { form } : {}),
    });
    used.push(threads);
  }
  await checkSameNetwork(peers.map(({ peer }) => peer));
  const times = peers.map((): number[] => []);
  for (let round = 0; round < plan.rounds; round++) {
    for (const [index, { peer }] of peers.entries()) times[index]?.push(await peer.run());
  }
  return Promise.all(
    peers.map(async ({ peer, form }, index) => ({
      program: `${peer.name} ${peer.version}`,
      form: form ?? "",
      threads: used[index] ?? 0,
      times: times[index] ?? [],
      peakMb: (await peer.memory()).peakMb,
    })),
  );
}

/** All programs must give the same logits before their times mean anything. */
async function checkSameNetwork(peers: readonly Peer[]): Promise<void> {
  const [first, ...others] = peers;
  const expected = (await first?.check()) ?? [];
  for (const peer of others) {
    const actual = await peer.check();
    const worst = expected.reduce((most, value, index) => Math.max(most, Math.abs(value - (actual[index] ?? Number.NaN))), 0);
    // Logits spread over 2 to 5; float32 of other libraries differs by a few millionths of that.
    if (!(worst < 1e-3)) throw new Error(`Cannot compare: ${peer.name} gives other logits (largest difference ${worst})`);
  }
}

function printTable(plan: ForwardPlan, timings: readonly Timing[], print: Print): void {
  const [ours] = timings;
  print("| program | threads | median ms | fastest – slowest | peak MB | inceptionkit is |");
  print("|---|---:|---:|---:|---:|---:|");
  for (const timing of timings) {
    const middle = median(timing.times);
    const ratio = ours && timing !== ours ? `${(middle / median(ours.times)).toFixed(2)} × as fast` : "–";
    print(
      `| ${timing.program} ${timing.form} | ${timing.threads} | ${middle.toFixed(0)} | ${range(timing.times)} | ${timing.peakMb.toFixed(0)} | ${ratio} |`,
    );
  }
  print("");
  print(`${plan.rounds} rounds.`);
}

async function coldStarts(root: string, quick: boolean, print: Print): Promise<void> {
  print("");
  print("## Cold start: from the start of the process to the first prediction of a picture, model read from an .onnx file");
  print("");
  print("| network | file MB | median ms | fastest – slowest | peak MB |");
  print("|---|---:|---:|---:|---:|");
  const folder = mkdtempSync(path.join(tmpdir(), "inception-bench-"));
  try {
    const image = path.join(root, "examples/digits/images/7-a.png");
    for (const [model, preprocessing] of [
      ["inception_resnet_v2", "timm_inception_resnet_v2"],
      ["googlenet", "torchvision_googlenet"],
    ] as const) {
      const file = path.join(folder, `${model}.onnx`);
      const graph = describeModel(model);
      const { chunks, byteLength } = compileInference(graph, goldenParameters(graph));
      await writeFileAtomic(file, chunks);
      const starts: { ms: number; peakMb: number }[] = [];
      for (let i = 0; i < (quick ? 2 : 5); i++) starts.push(await coldStart(file, image, preprocessing));
      const times = starts.map(({ ms }) => ms);
      print(
        `| ${model} | ${(byteLength / 1e6).toFixed(0)} | ${median(times).toFixed(0)} | ${range(times)} | ${Math.max(...starts.map(({ peakMb }) => peakMb)).toFixed(0)} |`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function coldStart(model: string, image: string, preprocessing: string): Promise<{ ms: number; peakMb: number }> {
  const program = fileURLToPath(new URL("./cold-start.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, model, image, preprocessing]);
  const value: unknown = JSON.parse(stdout);
  const read = (key: string): number => (typeof value === "object" && value !== null ? Number(Reflect.get(value, key)) : Number.NaN);
  return { ms: read("ms"), peakMb: read("peakMb") };
}
