// A clock that tests move themselves.

/** Lets all promises go on that can. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

export class VirtualClock {
  time = 0;
  /** Wall-clock time that went by without this clock: sleep. */
  slept = 0;
  chance = 1;
  timers = new Set();

  now = () => this.time;
  date = () => 1_000_000 + this.time + this.slept;
  random = () => this.chance;
  after = (ms, run) => {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  /** Moves on, and runs what is due, in order. */
  async pass(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.timers].filter((timer) => timer.at <= end).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.run();
      await settle();
    }
    this.time = end;
  }
}
