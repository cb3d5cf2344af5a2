#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Synchronization

/// The machine's own clock.
public struct MachineClock: WallClock {
    public init() {}

    public var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    public func sleep(until deadline: Instant) async throws {
        let remaining = deadline - now
        if remaining > .zero { try await Task.sleep(for: remaining.duration) }
    }
}

/// The machine's randomness, fetched 256 numbers at a time: a system call for each would cost more than what uses it.
public final class MachineRandom: RandomSource {
    private let stock = Mutex<[UInt64]>([])

    public init() {}

    public func next() -> UInt64 {
        stock.withLock { stock in
            if stock.isEmpty { stock = MachineRandom.fetch(256) }
            return stock.removeLast()
        }
    }

    private static func fetch(_ count: Int) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: count) { numbers, filled in
            let bytes = UnsafeMutableRawBufferPointer(numbers)
            // A request of up to 256 bytes is answered whole (getrandom(2)).
            for start in stride(from: 0, to: bytes.count, by: 256) {
                let size = min(256, bytes.count - start)
                precondition(getentropy(bytes.baseAddress! + start, size) == 0, "the machine has no randomness")
            }
            filled = count
        }
    }
}
