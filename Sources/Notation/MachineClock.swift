#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

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
