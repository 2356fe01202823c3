/**
 * The process of an isolated session. Its main thread passes messages on to the thread that runs the model, watches the
 * memory, and ends the process at once when the one that started it is gone: also in the middle of a call of the runtime,
 * which a thread that makes it could not.
 */
import { writeFileSync } from "node:fs";
import { packTensors, type Reply, type Request, type SessionWork } from "../runtime/messages.js";
import { GUARD_BYTES } from "./exit-guard.js";
import type { MemoryNotice, ProcessStart, SessionStart } from "./ort-messages.js";
import { startThread } from "./ort-thread.js";

const die = (): void => void process.kill(process.pid, "SIGKILL");

process.on("disconnect", die);
// A terminal sends these to all of its processes; the one that started this one decides what they mean.
for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
offerToOutOfMemoryKiller();
// Posted by ort-process.ts alone, with exactly this record.
process.once("message", (start) => begin(start as ProcessStart));

function begin({ memoryLimit, model, ...start }: ProcessStart): void {
  watchMemory(memoryLimit);
  const own = typeof model === "string" ? model : new Uint8Array(model);
  const opening: SessionStart = { ...start, model: own, cells: new SharedArrayBuffer(GUARD_BYTES) };
  const thread = startThread(new URL("./ort-worker.js", import.meta.url), opening, typeof own === "string" ? [] : [own.buffer]);
  const sent: Promise<void>[] = [];
  let [failure, finished] = ["", false];
  thread.hold(true);
  thread.listen({
    message: (message) => {
      // As in runtime/remote.ts.
      const reply = message as Reply<unknown>;
      finished ||= reply.kind === "refused" || reply.kind === "closed";
      sent.push(send(reply));
    },
    died: (cause) => {
      failure ||= cause;
    },
    ended: () => {
      if (!finished) process.stderr.write(`${failure}\n`);
      void Promise.all(sent).then(() => process.exit(finished ? 0 : 1));
    },
  });
  process.on("message", (message) => {
    const request = message as Request<SessionWork>;
    if (request.kind === "close") return thread.post(request, []);
    // The serializer puts the tensors of a message into one buffer; the thread takes each by itself.
    const { tensors, buffers } = packTensors(request.work.feeds, true);
    thread.post({ ...request, work: { ...request.work, feeds: tensors } }, buffers);
  });
}

/** Resolves when the message is on its way; a lost connection ends the process anyway. */
function send(message: Reply<unknown> | MemoryNotice): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}

/** Milliseconds between looks at the memory: one takes 0.02 ms, and a thread writes some 100 MB in the time. */
const MEMORY_INTERVAL = 20;

function watchMemory(limit: number): void {
  const timer = setInterval(() => {
    const bytes = process.memoryUsage.rss();
    if (bytes <= limit) return;
    clearInterval(timer);
    void send({ kind: "memory-limit", bytes }).then(die);
  }, MEMORY_INTERVAL);
}

/** Where Linux runs out of memory, this process is to be killed, not the one that started it. */
function offerToOutOfMemoryKiller(): void {
  if (process.platform !== "linux") return;
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Some containers do not allow it; then the kernel chooses by size, as always.
  }
}
