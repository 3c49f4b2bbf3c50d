// Messages to Python, one after the other: each is about the table that the last one left.

import { follow, keyOf } from "./model.js";

/** Milliseconds until a message that nobody answers is given up. */
const PATIENCE = 15_000;

/**
 * @typedef {{trigger: "edit" | "select", message: import("./model.js").Message,
 *   complete?: (message: object) => object | null, wish?: (message: object) => object | null,
 *   from?: number[]}} Task
 * `complete` fills in, when its turn comes, what depends on the table then, or gives it up;
 * `wish` says which control has the focus afterwards.
 */
export class Queue {
  /**
   * @param {(trigger: string, message: object) => void} send
   * @param {() => void} givenUp called when a message stays without an answer
   */
  constructor(send, givenUp) {
    this.send = send;
    this.givenUp = givenUp;
    this.waiting = [];
    this.pending = null;
    this.count = Date.now();
  }

  /** @param {Task} task */
  add(task) {
    this.waiting.push(task);
    this.next();
  }

  next() {
    while (!this.pending && this.waiting.length) {
      const task = this.waiting.shift();
      const message = task.complete ? task.complete(task.message) : task.message;
      if (!message) continue;
      message.n = ++this.count;
      this.pending = { ...task, message, wish: task.wish?.(message) ?? null };
      this.timer = setTimeout(() => this.giveUp(), PATIENCE);
      this.send(task.trigger, message);
    }
  }

  /** The message that a run of Python answers, no longer pending; null if it answers none. */
  answered(number) {
    const found = this.pending?.message.n === number ? this.pending : null;
    if (found) this.stop();
    return found;
  }

  /** What waits is about rows that an edit has moved, or taken away. */
  follow(message, grown) {
    const shifted = (path) => path && follow(path, message, grown);
    this.waiting = this.waiting.filter((task) => {
      if (task.message.path?.length) task.message.path = shifted(task.message.path);
      task.from = shifted(task.from);
      return task.message.path !== null;
    });
  }

  /** Whether a row's text is on its way. */
  sends(path, text) {
    return [this.pending, ...this.waiting].some(
      (task) =>
        task?.message.do === "set" &&
        keyOf(task.message.path) === keyOf(path) &&
        task.message.text === text,
    );
  }

  stop() {
    clearTimeout(this.timer);
    this.pending = null;
  }

  giveUp() {
    this.stop();
    this.waiting = [];
    this.givenUp();
  }
}
