/** What the server counts and measures, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ModelService } from "./model-service.js";
import type { BatchRecord } from "./scheduler.js";

export interface Metrics {
  readonly onBatch: (model: string, batch: BatchRecord) => void;
  /** @param code - of the problem; null for a request that succeeded */
  readonly onRequest: (route: string, model: string, code: string | null, seconds: number) => void;
  readonly onEncode: (model: string, seconds: number) => void;
  readonly onReplace: (model: string) => void;
  /** From now on the queue of a model is shown. */
  readonly watch: (model: ModelService) => void;
  /** The text that a scrape gets, and its content type. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** From a millisecond to half a minute; a run of a network takes 10 to 200 ms on a CPU. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const services = new Map<string, ModelService>();
  const histogram = (name: string, help: string, buckets = SECONDS) =>
    new Histogram({ name: `inception_${name}`, help, labelNames: ["model"], buckets, registers });
  const gauge = (name: string, help: string, read: (service: ModelService) => number) =>
    new Gauge({
      name: `inception_${name}`,
      help,
      labelNames: ["model"],
      registers,
      collect() {
        for (const [model, service] of services) this.set({ model }, read(service));
      },
    });
  const prepared = histogram("prepare_seconds", "Time to decode and preprocess one input");
  const waited = histogram("wait_seconds", "Time that one request waited in the queue");
  const run = histogram("run_seconds", "Time of one run of the network, with all inputs of its batch");
  const encode = histogram("encode_seconds", "Time to encode one answer");
  const size = histogram("batch_size", "Inputs in one run", SIZES);
  gauge("queue_length", "Requests that wait", ({ queue }) => queue.queued());
  gauge("running", "Requests that run", ({ queue }) => queue.running());
  gauge("queue_age_seconds", "How long the oldest request has waited", ({ queue }) => queue.oldestAge());
  const info = new Gauge({ name: "inception_model_info", help: "Models", labelNames: ["model", "network", "task", "device"], registers });
  const replaced = new Counter({
    name: "inception_sessions_replaced_total",
    help: "Sessions that ended by themselves",
    labelNames: ["model"],
    registers,
  });
  const requests = new Counter({
    name: "inception_requests_total",
    help: "Requests by outcome; code is that of the problem, or OK",
    labelNames: ["route", "model", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "inception_request_seconds",
    help: "Time from the head of a request to the end of its answer",
    labelNames: ["route", "model"],
    buckets: SECONDS,
    registers,
  });
  return {
    onBatch: (model, batch) => {
      size.observe({ model }, batch.size);
      run.observe({ model }, batch.runSeconds);
      for (const value of batch.prepared) prepared.observe({ model }, value);
      for (const value of batch.waited) waited.observe({ model }, value);
    },
    onRequest: (route, model, code, time) => {
      requests.inc({ route, model, code: code ?? "OK" });
      seconds.observe({ route, model }, time);
    },
    onReplace: (model) => replaced.inc({ model }),
    onEncode: (model, time) => encode.observe({ model }, time),
    watch: (service) => {
      const { name, model: network, task, device } = service.facts;
      services.set(name, service);
      info.set({ model: name, network, task, device }, 1);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
