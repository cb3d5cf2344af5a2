import Foundation
import LoopbackClient
import Notation
import Scheduling
import Synchronization

/// Writes years of appointments as the product would have left them, by copying what it really left of one: straight into
/// the file, in one transaction, in the order of time, so that every tree grows at its end.
struct Filler {
    let patterns: [RowPattern]

    /// Calls `each` for every booking in the order of their times.
    func fill(_ house: DataFolder, _ bookings: some Sequence<BookingValues>) throws {
        let file = try PlainFile(house.databasePath, readOnly: false)
        // Should the machine stop now, the file is thrown away and made again: nothing is worth a synchronization.
        try file.execute(
            """
            PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA cache_size = -1000000; PRAGMA foreign_keys = OFF
            """)
        let triggers = try file.texts("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'claim'")
        for name in try file.texts("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'claim'") {
            try file.execute("DROP TRIGGER \(name)")
        }
        let clock = SetClock()
        let identifiers = Version7Identifiers(clock: clock, random: MachineRandom())
        let writer = try PatternWriter(file, patterns, identifiers: identifiers)
        let tomorrow = BenchClinic.midnight(of: MachineClock().now, plus: 1)
        try file.execute("BEGIN")
        for var values in bookings {
            clock.set(values.now)
            values.appointment = identifiers.next(Any.self)
            try writer.write(values, deliveredUntil: tomorrow)
        }
        try file.execute("COMMIT")
        for trigger in triggers { try file.execute(trigger) }
    }
}

/// A clock that shows what it was last set to.
private final class SetClock: WallClock {
    private let time = Mutex(Instant(microseconds: 0))
    var now: Instant { time.withLock { $0 } }
    func set(_ instant: Instant) { time.withLock { $0 = instant } }
    func sleep(until deadline: Instant) async throws {}
}

extension BenchRig {
    /// Half a million appointments in the ninety days ahead, with rooms and devices. In the first thirty days every room is
    /// taken at every hour, although a fifth of the practitioners is free: the search finds nothing there, but has to look.
    func clinicAhead() async throws -> DataFolder {
        let today = BenchClinic.midnight(of: MachineClock().now, plus: 0)
        return try await cached(
            "ahead-\(today.secondsSince1970 / 86_400)", family: "ahead-", of: BenchClinic.full, keeping: .ahead
        ) {
            house, filler in
            let slots = BenchClinic.hours * 2
            let visits = (0..<90 * slots).lazy.flatMap { slot in
                (0..<(slot < 30 * slots ? BenchClinic.rooms : BenchClinic.rooms * 4 / 5)).lazy.map {
                    examination(slot, $0, slots, today)
                }
            }
            try filler.fill(house, visits)
        }
    }

    private func examination(_ slot: Int, _ place: Int, _ slots: Int, _ today: Instant) -> BookingValues {
        let (people, patients) = (BenchClinic.practitioners, BenchClinic.patients)
        let minute = BenchClinic.firstHour * 60 + slot % slots * 30
        return BookingValues(
            appointment: ID(high: 0, low: 0), practitioner: BenchClinic.id(.practitioner, 1 + (slot * 37 + place) % people),
            patient: BenchClinic.id(.patient, 1 + (slot * 401 + place) % patients), room: BenchClinic.id(.room, 1 + place),
            device: BenchClinic.id(.device, 1 + (place + slot) % BenchClinic.rooms),
            start: today + .days(slot / slots) + .minutes(minute), now: today - .days(30) + .seconds(slot))
    }

    /// So many visits in the past, sixteen a day for each practitioner.
    func clinicBehind(_ count: Int) async throws -> DataFolder {
        let start = BenchClinic.midnight(of: Instant("2026-01-01T00:00:00Z")!, plus: 0)
        let name = "behind-\(count)"
        return try await cached(name, family: "\(name)-", of: BenchClinic.short, keeping: .behind) { house, filler in
            let (slots, people) = (BenchClinic.hours * 2, BenchClinic.practitioners)
            let days = (count / people + slots - 1) / slots
            let visits = (0..<count).lazy.map { number in
                let slot = number / people
                let minute = BenchClinic.firstHour * 60 + slot % slots * 30
                let visit = start - .days(days - slot / slots) + .minutes(minute)
                return BookingValues(
                    appointment: ID(high: 0, low: 0), practitioner: BenchClinic.id(.practitioner, 1 + number % people),
                    patient: BenchClinic.id(.patient, 1 + number % BenchClinic.patients), room: ID(high: 0, low: 1),
                    device: ID(high: 0, low: 2), start: visit, now: visit - .days(14))
            }
            try filler.fill(house, visits)
        }
    }

    /// A filled clinic from the cache; made when it is missing, or when the schema has changed since.
    private func cached(
        _ name: String, family: String, of visitType: ID<VisitType>, keeping age: SampleBooking.Age,
        _ fill: (DataFolder, Filler) throws -> Void
    ) async throws -> DataFolder {
        let empty = try await emptyClinic()
        let schema = try PlainFile(empty.databasePath).texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        let house = DataFolder(path: "\(cache)/\(name)-\(hash(schema.joined()))")
        if FileManager.default.fileExists(atPath: house.path + "/complete") { return house }
        say("filling \(name) …")
        let began = ContinuousClock.now
        // Those of another day or an older schema are of no use to anybody any more, and large.
        for old in try FileManager.default.contentsOfDirectory(atPath: cache) where old.hasPrefix(family) {
            try FileManager.default.removeItem(atPath: "\(cache)/\(old)")
        }
        try house.copy(from: empty)
        let sample = try await SampleBooking.make(visitType, in: empty, under: folder, delivered: true)
        try fill(house, Filler(patterns: sample.patterns(of: age)))
        _ = FileManager.default.createFile(atPath: house.path + "/complete", contents: nil)
        say("filled in \(Int((ContinuousClock.now - began) / .seconds(1))) s")
        return house
    }

    /// FNV-1a: stable from run to run, which `Hasher` is not.
    private func hash(_ text: String) -> String {
        String(text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 36)
    }
}
