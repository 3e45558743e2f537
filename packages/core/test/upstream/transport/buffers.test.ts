import { describe, expect, it } from "@jest/globals";
import { BufferLeases, buffersPerStream, ReadBuffers } from "../../../src/upstream/transport/buffers.ts";

const mebibyte = 1024 * 1024;
const budget = 32 * mebibyte;

/** What each of so many streams is lent, all it can get. */
function lentTo(buffers: ReadBuffers, streams: number): Buffer[] {
  for (let stream = 0; stream < streams; stream += 1) {
    buffers.begin();
  }
  return Array.from({ length: streams * buffersPerStream }, () => buffers.take(500 * mebibyte)).flatMap(
    (buffer) => buffer ?? [],
  );
}

describe("the buffers for large reads", () => {
  it.each([
    [1, mebibyte],
    [8, mebibyte],
    [16, mebibyte / 2],
    [60, mebibyte / 8],
  ])("are of the same size for each of %d streams, and within the budget", (streams, size) => {
    const buffers = new ReadBuffers(budget);

    const lent = lentTo(buffers, streams);

    expect(lent.length).toBe(streams * buffersPerStream);
    expect(new Set(lent.map(({ length }) => length))).toEqual(new Set([size]));
    expect(buffers.held).toBe(lent.length * size);
    expect(buffers.held).toBeLessThanOrEqual(budget);
  });

  it("are not lent where they would be no larger than Node's own", () => {
    expect(lentTo(new ReadBuffers(budget), 200)).toEqual([]);
  });

  it("become smaller for streams that come later, and never exceed the budget", () => {
    const buffers = new ReadBuffers(budget);
    const first = lentTo(buffers, 8);

    const later = lentTo(buffers, 52);

    expect(buffers.held).toBeLessThanOrEqual(budget);
    expect(later.length).toBeGreaterThan(0);
    for (const buffer of first) {
      buffers.giveBack(buffer);
    }
    const small = buffers.take(500 * mebibyte);
    expect(small?.length).toBe(mebibyte / 8);
    expect(buffers.held).toBeLessThanOrEqual(budget);
  });

  it("are lent again after they are returned, and no larger than is useful", () => {
    const buffers = new ReadBuffers(budget);
    buffers.begin();
    const first = buffers.take(mebibyte);
    buffers.giveBack(first ?? Buffer.alloc(0));

    expect(buffers.take(mebibyte)).toBe(first);
    expect(buffers.take(mebibyte / 2 - 1)?.length).toBe(mebibyte / 2);
    expect(buffers.take(1000)).toBeUndefined();
  });
});

describe("the buffers of one stream", () => {
  /** Reads so many bytes, as the socket would. */
  function read(leases: BufferLeases, length: number): void {
    const room = leases.room ?? Buffer.alloc(0);
    expect(leases.fill(Buffer.from(room.buffer, room.byteOffset, length))).toBe(true);
  }

  it("are reused only when all of their bytes are released", () => {
    const buffers = new ReadBuffers(budget);
    const leases = new BufferLeases(buffers);
    leases.prepare(mebibyte);
    const first = leases.room?.buffer;
    read(leases, mebibyte / 2);
    const one = leases.give();
    read(leases, mebibyte / 2);
    const other = leases.give();
    leases.prepare(mebibyte);
    expect(leases.room?.buffer).not.toBe(first);

    leases.release(one);
    expect(buffers.take(mebibyte)?.buffer).not.toBe(first);

    leases.release(other);
    expect(buffers.take(mebibyte)?.buffer).toBe(first);
  });

  it("are three at most, even if none is released", () => {
    const leases = new BufferLeases(new ReadBuffers(budget));

    for (let index = 0; index < buffersPerStream; index += 1) {
      leases.prepare(mebibyte);
      read(leases, mebibyte);
      leases.give();
    }
    leases.prepare(mebibyte);

    expect(leases.room).toBeUndefined();
    expect(leases.fill(Buffer.alloc(10))).toBe(false);
  });

  it("are neither counted nor lent again when they will never be released", () => {
    const buffers = new ReadBuffers(budget);
    const leases = new BufferLeases(buffers);
    leases.prepare(mebibyte);
    const first = leases.room?.buffer;
    read(leases, mebibyte);
    const piece = leases.give();

    leases.abandon();
    leases.release(piece);

    expect(buffers.held).toBe(0);
    expect(buffers.take(mebibyte)?.buffer).not.toBe(first);
  });

  it("keep the bytes read until they are taken", () => {
    const leases = new BufferLeases(new ReadBuffers(budget));
    leases.prepare(mebibyte);
    read(leases, mebibyte);

    expect([leases.holds, leases.prepare(mebibyte)]).toEqual([true, false]);
    expect(leases.give().length).toBe(mebibyte);
    expect([leases.holds, leases.prepare(mebibyte)]).toEqual([false, true]);
  });
});
