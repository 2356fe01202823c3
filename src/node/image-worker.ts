/** A thread for images; `null` ends it once it has answered. */
import { parentPort } from "node:worker_threads";
import { serveCalls } from "../runtime/calls.js";
import { closeParentPort } from "./close-port.js";
import { IMAGE_TABLE, type ImageResults, type ImageTasks } from "./image-tasks.js";

const port = parentPort;
if (port === null) throw new Error("A thread for images is started as a worker thread");
const answer = serveCalls<ImageTasks, ImageResults>(
  IMAGE_TABLE,
  () => "Cannot preprocess an image",
  (reply, moved) => port.postMessage(reply, moved),
);
port.on("message", (message: unknown) => (message === null ? closeParentPort(port) : answer(message)));
