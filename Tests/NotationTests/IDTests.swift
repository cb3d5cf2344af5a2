import Notation
import Synchronization
import Testing

private enum Chair {}

@Suite struct IDTests {
    @Test func `an identifier is written in lower case and read in any`() throws {
        let text = "01939f3a-7b2c-7def-8123-456789abcdef"
        let id = try #require(ID<Chair>(text))
        #expect(id.description == text && ID<Chair>(text.uppercased()) == id && id.version == 7)
        #expect(id.high == 0x0193_9F3A_7B2C_7DEF && id.low == 0x8123_4567_89AB_CDEF)
    }

    @Test(arguments: [
        "", "01939f3a7b2c7def8123456789abcdef", "01939f3a-7b2c-7def-8123-456789abcde", "01939f3a-7b2c-7def-8123-456789abcdef0",
        "{01939f3a-7b2c-7def-8123-456789abcdef}", "urn:uuid:01939f3a-7b2c-7def-8123-456789abcdef",
        "g1939f3a-7b2c-7def-8123-456789abcdef",
        "01939f3a_7b2c-7def-8123-456789abcdef", "０1939f3a-7b2c-7def-8123-456789abc",
    ])
    func `what is no UUID is refused`(text: String) { #expect(ID<Chair>(text) == nil) }

    @Test func `identifiers compare as their text does`() {
        let ids: [ID<Chair>] = [ID(high: 0, low: .max), ID(high: 1, low: 0), ID(high: 1, low: 1), ID(high: .max, low: 0)]
        #expect(ids.shuffled().sorted() == ids && ids.map(\.description) == ids.map(\.description).sorted())
    }

    /// A clock somebody sets.
    private final class SetClock: WallClock {
        private let time: Mutex<Instant>
        init(_ time: Instant) { self.time = Mutex(time) }
        var now: Instant { time.withLock { $0 } }
        func set(_ instant: Instant) { time.withLock { $0 = instant } }
        func sleep(until deadline: Instant) async throws {}
    }

    private struct Ones: RandomSource { func next() -> UInt64 { .max } }

    @Test func `new identifiers carry the time, the version and the variant`() {
        let source = Version7Identifiers(clock: SetClock(Instant("2026-03-01T09:00:00.123456Z")!), random: MachineRandom())
        let id = source.next(Chair.self)
        #expect(id.high >> 16 == UInt64(Instant("2026-03-01T09:00:00.123Z")!.microseconds / 1000))
        #expect(id.version == 7 && id.low >> 62 == 0b10)
    }

    @Test func `new identifiers ascend within a millisecond, beyond its count, and when the clock is set back`() {
        let clock = SetClock(Instant("2026-03-01T09:00:00Z")!)
        let source = Version7Identifiers(clock: clock, random: Ones())
        var last = source.next(Chair.self)
        for count in 0..<20_000 {
            if count == 10_000 { clock.set(Instant("2025-01-01T00:00:00Z")!) }
            let next = source.next(Chair.self)
            guard next > last, next.version == 7, next.low >> 62 == 0b10 else {
                Issue.record("\(next) does not follow \(last)")
                return
            }
            last = next
        }
    }

    @Test func `many threads never get the same identifier`() async {
        let source = Version7Identifiers(clock: SetClock(Instant("2026-03-01T09:00:00Z")!), random: Ones())
        let all = await withTaskGroup(of: [ID<Chair>].self) { group in
            for _ in 0..<8 { group.addTask { (0..<5000).map { _ in source.next(Chair.self) } } }
            return await group.reduce(into: Set<ID<Chair>>()) { $0.formUnion($1) }
        }
        #expect(all.count == 40_000)
    }

    @Test func `a unit number is at least zero and less than one`() {
        #expect(Ones().unit() < 1)
        #expect((0..<1000).allSatisfy { _ in (0..<1).contains(MachineRandom().unit()) })
    }
}
