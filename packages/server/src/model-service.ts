/** A served model: its sessions behind a queue. No transport is known here. */
import { availableParallelism } from "node:os";
import {
  type Embedder,
  type Explanation,
  type ExplanationName,
  InceptionError,
  type Prediction,
  type Predictions,
  type PreparedImage,
  type SegmentedVolume,
} from "inceptionkit";
import type { Tensor } from "inceptionkit/core";
import type { Clock } from "./clock.js";
import { type Handle, isDead, openHandle, reopenHandle } from "./handle.js";
import type { ModelSpec } from "./model-specs.js";
import { type BatchRecord, createScheduler, type Scheduler } from "./scheduler.js";
import { joinFeeds, joinKey, splitOutputs } from "./tensor-batch.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** How a request goes. */
export interface RequestOptions {
  /** Milliseconds within which it must start to run. Default: the model's. */
  readonly deadline?: number;
  readonly signal: AbortSignal;
}

/** What is asked of a model. */
type Work =
  | { readonly kind: "classify"; readonly image: Uint8Array; readonly top: number }
  | { readonly kind: "embed"; readonly image: Uint8Array; readonly normalize: boolean }
  | { readonly kind: "explain"; readonly image: Uint8Array; readonly method: ExplanationName; readonly target: string | undefined }
  | { readonly kind: "segment"; readonly volume: Uint8Array }
  | { readonly kind: "infer"; readonly feeds: Tensors; readonly fetches: readonly string[] };

interface Request {
  readonly work: Work;
  readonly signal: AbortSignal;
}

/** A request with its image, where it has one. */
interface Prepared extends Request {
  readonly image: PreparedImage | null;
  /** Requests with equal keys run together; null for one that runs by itself. */
  readonly key: string | null;
}

type Answer =
  | { readonly kind: "classify"; readonly top: readonly Prediction[]; readonly unknown: Predictions["unknown"] }
  | { readonly kind: "embed"; readonly vector: Float32Array }
  | { readonly kind: "explain"; readonly explanation: Explanation }
  | { readonly kind: "segment"; readonly segmented: SegmentedVolume }
  | { readonly kind: "infer"; readonly outputs: Tensors };
type AnswerTo<K extends Answer["kind"]> = Extract<Answer, { readonly kind: K }>;

/** Facts about a model, for whoever asks over the network: nothing says where its files are. */
export interface ModelFacts {
  readonly name: string;
  /** Id of the network. */
  readonly model: string;
  readonly task: Handle["task"];
  readonly device: string;
  readonly classNames: readonly string[] | null;
  readonly inputs: Embedder["session"]["inputs"];
  readonly outputs: Embedder["session"]["outputs"];
}

export interface ModelService {
  readonly spec: ModelSpec;
  readonly facts: ModelFacts;
  readonly queue: Pick<Scheduler<unknown, unknown>, "queued" | "running" | "oldestAge">;
  /** Runs a request. @throws ServiceError, InceptionError */
  ask<K extends Answer["kind"]>(work: Extract<Work, { readonly kind: K }>, options: RequestOptions): Promise<AnswerTo<K>>;
  /** Accepts nothing more and resolves when everything accepted has been answered. */
  drain(): Promise<void>;
  /** Rejects what waits and releases the model. */
  close(): Promise<void>;
}

interface ServiceHost {
  readonly clock: Clock;
  readonly onBatch: (model: string, batch: BatchRecord) => void;
  /** Called when a session ended by itself and another takes its place. */
  readonly onReplace: (model: string) => void;
}

/**
 * Opens the sessions of a model.
 *
 * @throws InceptionError as `openClassifier`
 */
export async function openModelService(spec: ModelSpec, { clock, onBatch, onReplace }: ServiceHost): Promise<ModelService> {
  const { first, sessions, close } = await openSessions(spec, onReplace);
  const facts = factsOf(spec.name, first);
  const { maxBatch, queueDelay, queueSize, deadline } = spec.options;
  const scheduler = createScheduler<Request, Prepared, Answer>({
    prepare: async (request) => {
      const image = await prepareImage(first, request);
      return { ...request, image, key: keyOf(facts, request.work, image) };
    },
    run: (batch) => sessions.use((handle) => runBatch(handle, batch)),
    keyOf: ({ key }) => key,
    clock,
    maxBatch,
    queueDelay,
    queueSize,
    concurrency: spec.options.sessions,
    preparations: availableParallelism(),
    onBatch: (batch) => onBatch(spec.name, batch),
  });
  return {
    spec,
    facts,
    queue: scheduler,
    ask: async (work, options) => {
      checkTask(facts, work.kind);
      const limit = options.deadline ?? (deadline === null ? undefined : deadline * 1000);
      const answer = await scheduler.submit(
        { work, signal: options.signal },
        { ...(limit === undefined ? {} : { deadline: limit }), signal: options.signal },
      );
      return answerTo(work.kind, answer);
    },
    drain: () => scheduler.drain(),
    close: async () => {
      await scheduler.close();
      await close();
    },
  };
}

/** Sessions of one model, each used by one batch at a time. */
interface Sessions {
  use<T>(work: (handle: Handle) => Promise<T>): Promise<T>;
}

/**
 * Opens the sessions of a model. One that ends by itself (its process crashed, or was ended by the time limit) is replaced; the batch
 * that used it fails.
 */
async function openSessions(spec: ModelSpec, onReplace: ServiceHost["onReplace"]) {
  const handles = new Set<Promise<Handle>>();
  const add = (opening: Promise<Handle>): Promise<Handle> => {
    handles.add(opening);
    // Whoever uses it next hears of a failure.
    opening.catch(() => handles.delete(opening));
    return opening;
  };
  const close = async (): Promise<void> => {
    const opened = await Promise.allSettled(handles);
    await Promise.all(opened.flatMap((result) => (result.status === "fulfilled" ? [result.value.model.close()] : [])));
  };
  try {
    const first = await add(openHandle(spec));
    const free = [...handles];
    while (free.length < spec.options.sessions) {
      const next = add(openHandle(spec));
      await next;
      free.push(next);
    }
    /** Releases what is left of a session; the first one stays, since it prepares images. */
    const forget = async (ended: Promise<Handle>): Promise<void> => {
      const handle = await ended.catch(() => first);
      if (handle === first) return;
      handles.delete(ended);
      await handle.model.close().catch(() => {});
    };
    const sessions: Sessions = {
      use: async (work) => {
        const taken = free.pop();
        if (taken === undefined) throw new RangeError("Cannot run a batch: every session is busy");
        let next = taken;
        try {
          return await work(await taken);
        } catch (thrown) {
          if (isDead(thrown)) {
            onReplace(spec.name);
            await forget(taken);
            next = add(reopenHandle(spec));
          }
          throw thrown;
        } finally {
          free.push(next);
        }
      },
    };
    return { first, sessions, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The answer as that to a kind of work, which it is: `runBatch` answers each with its own kind. */
function answerTo<K extends Answer["kind"]>(kind: K, answer: Answer): AnswerTo<K> {
  if (isAnswerTo(kind, answer)) return answer;
  throw new RangeError(`Cannot answer ${kind}: the model computed ${answer.kind}`);
}

function isAnswerTo<K extends Answer["kind"]>(kind: K, answer: Answer): answer is AnswerTo<K> {
  return answer.kind === kind;
}

function factsOf(name: string, handle: Handle): ModelFacts {
  const { model, task } = handle;
  const common = { name, task, device: model.device };
  if (task === "segment") {
    const { metadata } = model;
    return { ...common, model: metadata.model, classNames: metadata.labels, inputs: [], outputs: [] };
  }
  return { ...common, model: model.model, classNames: model.classNames, inputs: model.session.inputs, outputs: model.session.outputs };
}

/** Kinds of work by what a model can do. */
const WORK: Readonly<Record<Handle["task"], readonly Work["kind"][]>> = {
  classify: ["classify", "embed", "explain", "infer"],
  embed: ["embed", "infer"],
  segment: ["segment"],
};

/** @throws InceptionError OPTION_INVALID */
function checkTask({ name, task }: ModelFacts, kind: Work["kind"]): void {
  if (WORK[task].includes(kind)) return;
  const message = `Cannot ${kind} with model "${name}": it supports ${WORK[task].join(", ")}`;
  throw new InceptionError("OPTION_INVALID", message, { model: name, task });
}

async function prepareImage(handle: Handle, { work, signal }: Request): Promise<PreparedImage | null> {
  if (!("image" in work) || handle.task === "segment") return null;
  return handle.model.prepare(work.image, { signal });
}

/** What requests of one batch have in common; null for work that runs by itself. */
function keyOf(facts: ModelFacts, work: Work, image: PreparedImage | null): string | null {
  if (work.kind === "infer") return joinKey(facts, work);
  if (work.kind !== "classify" && work.kind !== "embed") return null;
  const how = work.kind === "embed" ? `embed ${work.normalize}` : "classify";
  return `${how} ${image?.input.shape.join("x")}`;
}

/** Runs requests with tensors that belong together. What one client's leaving would stop, the others wait for. */
async function inferred(session: Embedder["session"], fetches: readonly string[], batch: readonly Prepared[]): Promise<readonly Answer[]> {
  const feeds = batch.flatMap(({ work }) => (work.kind === "infer" ? [work.feeds] : []));
  const [only] = feeds;
  if (only !== undefined && feeds.length === 1) {
    const outputs = await session.run(only, { fetches, transfer: true, ...(batch[0] === undefined ? {} : { signal: batch[0].signal }) });
    return [{ kind: "infer", outputs }];
  }
  const joined = await session.run(joinFeeds(feeds), { fetches, transfer: true });
  return splitOutputs(joined, feeds.length).map((outputs) => ({ kind: "infer", outputs }));
}

/** Runs requests of one key. An image with which the network computes NaN fails alone. */
async function runBatch(handle: Handle, batch: readonly Prepared[]): Promise<readonly (Answer | Error)[]> {
  try {
    return await answers(handle, batch);
  } catch (thrown) {
    if (batch.length === 1 || !(thrown instanceof InceptionError) || thrown.code !== "NOT_FINITE") throw thrown;
    const outcomes: (Answer | Error)[] = [];
    for (const each of batch) outcomes.push(await answers(handle, [each]).then(([answer]) => answer ?? thrown, toError));
    return outcomes;
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new RangeError(`A run failed: ${String(thrown)}`);
}

async function answers(handle: Handle, batch: readonly Prepared[]): Promise<readonly Answer[]> {
  const [first] = batch;
  if (first === undefined) return [];
  const { work, signal, image } = first;
  const images = batch.flatMap((each) => (each.image === null ? [] : [each.image]));
  const how = { batchSize: batch.length };
  if (handle.task === "segment") {
    if (work.kind === "segment") return [{ kind: "segment", segmented: await handle.model.segment(work.volume, { signal }) }];
  } else if (work.kind === "infer") {
    return inferred(handle.model.session, work.fetches, batch);
  } else if (work.kind === "embed") {
    const vectors = await handle.model.embed(images, { ...how, normalize: work.normalize });
    return vectors.map((vector) => ({ kind: "embed", vector }));
  } else if (handle.task === "classify") {
    if (work.kind === "explain" && image !== null) {
      const { method, target } = work;
      const explanation = await handle.model.explain(image, { method, ...(target === undefined ? {} : { target }), signal });
      return [{ kind: "explain", explanation }];
    }
    const tops = batch.map((each) => (each.work.kind === "classify" ? each.work.top : 1));
    // Predictions are sorted: those for fewer classes are the first of those for more.
    const all = await handle.model.classify(images, { ...how, top: Math.max(...tops) });
    return all.map((predictions, index) => ({ kind: "classify", top: predictions.slice(0, tops[index]), unknown: predictions.unknown }));
  }
  throw new RangeError(`Cannot ${work.kind}: the model is opened to ${handle.task}`);
}
