/** The side of the worker thread: it opens models, then does one call after the other. */
import { carriedError, packTensors, type RealDevice, type Reply, type Request, type Tensors } from "./messages.js";

/** What runs the models. */
export interface Engine<Work, Ready extends { readonly device: RealDevice }> {
  readonly ready: Ready;
  /** What a call does, for messages: `run "model"`. */
  describe(work: Work): string;
  /** @returns tensors whose memory is the caller's */
  run(work: Work): Promise<Tensors>;
  close(): Promise<void>;
}

/** The worker's end of the connection. */
export interface ServerPort<Work, Ready> {
  post(reply: Reply<Ready>, buffers: ArrayBuffer[]): void;
  listen(listener: (request: Request<Work>) => void): void;
  /** No more will be said; ends the thread where the platform does not do so itself. */
  close(): void;
}

/** Calls the runtime; null, without the call, when it must not be called any more. */
type Guarded = <T>(call: () => Promise<T>) => Promise<T | null>;

/**
 * Open the engine and serve it until it is closed.
 *
 * @param name - how messages name what is opened
 * @param place - the device that was asked for, for messages before there is one
 */
export async function serve<Work, Ready extends { readonly device: RealDevice }>(
  name: string,
  place: RealDevice,
  port: ServerPort<Work, Ready>,
  guarded: Guarded,
  open: () => Promise<Engine<Work, Ready>>,
): Promise<void> {
  let engine: Engine<Work, Ready> | null;
  try {
    engine = await guarded(open);
    if (engine === null) return;
  } catch (thrown) {
    port.post({ kind: "refused", error: carriedError(thrown, `Cannot open "${name}" on ${place}`, { model: name, device: place }) }, []);
    return;
  }

  const opened = engine;
  let last = Promise.resolve();
  port.listen((request) => {
    last = last.then(async () => {
      if (request.kind === "run") return answer(name, opened, request.id, request.work, port, guarded);
      port.post(await closing(name, opened, guarded), []);
      port.close();
    });
  });
  port.post({ kind: "ready", ...opened.ready }, []);
}

async function answer<Work, Ready extends { readonly device: RealDevice }>(
  name: string,
  engine: Engine<Work, Ready>,
  id: number,
  work: Work,
  port: ServerPort<Work, Ready>,
  guarded: Guarded,
): Promise<void> {
  const { device } = engine.ready;
  try {
    const outputs = await guarded(() => engine.run(work));
    if (outputs === null) return;
    const packed = packTensors(outputs, true);
    port.post({ kind: "done", id, outputs: packed.tensors }, packed.buffers);
  } catch (thrown) {
    port.post(
      { kind: "failed", id, error: carriedError(thrown, `Cannot ${engine.describe(work)} on ${device}`, { model: name, device }) },
      [],
    );
  }
}

async function closing<Work, Ready extends { readonly device: RealDevice }>(
  name: string,
  engine: Engine<Work, Ready>,
  guarded: Guarded,
): Promise<Reply<Ready>> {
  try {
    await guarded(() => engine.close());
    return { kind: "closed" };
  } catch (thrown) {
    return { kind: "closed", error: carriedError(thrown, `Cannot close "${name}"`, { model: name }) };
  }
}
