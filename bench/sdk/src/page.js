// What is done in the page. It measures by the page's own clock.

let subject;

window.bench = {
  /** Imports a bundle and has its SDK start. Milliseconds until that is ready to send. */
  async begin(bundle, server) {
    const began = performance.now();
    subject = await import(bundle);
    await subject.init(server);
    return performance.now() - began;
  },

  /**
   * Tracks so many events, one after the other, but no longer than `limit` milliseconds. Tells the site how many, and in how many
   * milliseconds all calls returned. It tells it then and there: some SDKs keep the page busy for a long time afterwards.
   */
  track(events, limit) {
    // A mark in each, by which the server knows which have arrived. It is made before, so that it costs the SDK nothing.
    const mark = (number) => `bench${String(number).padStart(5, "0")}`;
    const all = Array.from({ length: events }, (_, number) => ({ product: mark(number), price: 18, quantity: 2, gift: false }));
    let number = 0;
    const began = performance.now();
    for (const properties of all) {
      subject.track("added_to_basket", properties);
      number += 1;
      if (number % 10 === 0 && performance.now() - began > limit) break;
    }
    navigator.sendBeacon("/calls", JSON.stringify({ number, milliseconds: performance.now() - began }));
  },

  /**
   * Tracks so many events in turns, with messages held and without, so many rounds. Microseconds of a call in the middle round of each,
   * without messages first. What the server answers to an event of that name is the messages.
   */
  async choose(events, rounds) {
    const time = () => {
      const began = performance.now();
      for (let number = 0; number < events; number++) subject.track("added_to_basket", { number });
      return ((performance.now() - began) * 1000) / events;
    };
    const times = [[], []];
    for (let round = 0; round < rounds; round++) {
      for (const [held, name] of ["hold_nothing", "hold_messages"].entries()) {
        subject.track(name, {});
        await subject.flush();
        times[held].push(time());
        await subject.flush();
      }
    }
    return times.map((of) => of.sort((a, b) => a - b)[rounds >> 1]);
  },
};
