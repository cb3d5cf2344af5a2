import Notation

/// The clock of one program, which is a little ahead of the others' or behind.
struct SkewedClock: WallClock {
    let base: ManualClock
    let skew: Span

    var now: Instant { base.now + skew }
    func sleep(until deadline: Instant) async throws { try await base.sleep(until: deadline - skew) }
}
