import Foundation
import Notation
import People
import Processes
import Scheduling
import Secrecy
import Storage
import StorageSQLite
import Workflows

/// What sealing takes of a booking: the same bookings in two clinics, of which one leaves its texts as they are. Their databases lie in
/// memory, and nobody speaks HTTP: there is nothing but the decision and its transaction, so this is the most it can be.
struct SealingCost {
    private static let bookings = 500
    private static let slices = 16
    private static let lanes = 32
    let rounds: Int

    func measure() async throws -> [Finding] {
        let folder = try TemporaryFolder("sealing", under: FolderInMemory.path)
        defer { folder.remove() }
        let databases = try ["sealed", "plain"].map { try SQLiteDatabase(SQLiteSettings(path: folder.file($0))) }
        let sealing = try await clinic(databases[0])
        let plain = try await clinic(databases[1], without: [.sealing])
        var rates: [(sealed: Double, plain: Double)] = []
        for round in 0...rounds {
            let rate = try await self.round(round, sealing, plain)
            // The first round warms up caches and is not counted.
            if round > 0 { rates.append(rate) }
            say(
                """
                sealing, round \(round): \(Int(rate.sealed)) bookings for a second of the processor, \(Int(rate.plain)) left plain, \
                ratio \(Finding.short(rate.sealed / rate.plain))
                """)
        }
        let ratios = rates.map { $0.sealed / $0.plain }.sorted()
        if let least = ratios.first, let most = ratios.last, most - least > 0.1 {
            say(
                "sealing: the rounds differ by more than a tenth (\(Finding.short(least)) to \(Finding.short(most))); measure again in quiet"
            )
        }
        try await requireDifference(sealing, plain)
        for database in databases { await database.close() }
        return [
            .ratio(
                "bookings for a second of the processor, sealed", rates.map(\.sealed).median, rates.map(\.plain).median,
                unit: "/s", with: "the same with texts left plain", atLeast: 0.85)
        ]
    }

    /// Bookings for each second of the processor, in slices by turns, so that whatever else the machine does meets both alike.
    private func round(_ round: Int, _ sealing: Clinic, _ plain: Clinic) async throws -> (sealed: Double, plain: Double) {
        var spent = (sealed: 0.0, plain: 0.0)
        for slice in 0..<Self.slices {
            let first = (round * Self.slices + slice) * Self.bookings
            // Whoever comes second finds the caches warm.
            if slice % 2 == 0 { spent.sealed += try await book(in: sealing, from: first) }
            spent.plain += try await book(in: plain, from: first)
            if slice % 2 == 1 { spent.sealed += try await book(in: sealing, from: first) }
        }
        let count = Double(Self.slices * Self.bookings)
        return (sealed: count / spent.sealed, plain: count / spent.plain)
    }

    /// Books for callers of whom each waits for the answer before asking again; returns the seconds of the processor that took.
    private func book(in clinic: Clinic, from first: Int) async throws -> Double {
        let plan = Plan(now: clinic.surroundings.clock.now)
        let began = Self.processorSeconds
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<Self.lanes {
                group.addTask {
                    for number in stride(from: first + lane, to: first + Self.bookings, by: Self.lanes) {
                        try await Self.book(number, plan, in: clinic)
                    }
                }
            }
            try await group.waitForAll()
        }
        return Self.processorSeconds - began
    }

    /// Of this process; POSIX counts them in millionths.
    private static var processorSeconds: Double { Double(clock()) / 1_000_000 }

    private static func book(_ number: Int, _ plan: Plan, in clinic: Clinic) async throws {
        let values = plan.values(number)
        let request = BookingRequest(
            visitType: BenchClinic.short, practitioner: values.practitioner.of(), start: values.start,
            patients: [values.patient.of()], content: Array(repeating: 7, count: 32))
        let attempt = Attempt(key: "sealing-\(number)", operation: "bookAppointment", fingerprint: request.content)
        let caller = Caller(role: .patient, subject: values.patient.of())
        let call = Call(
            caller: caller, requestID: attempt.key, attempt: attempt, operation: "bookAppointment", address: "203.0.113.9")
        _ = try await clinic.book(request, call: call, wording: SampleBooking.wording(for: caller)).value()
    }

    private func clinic(_ database: SQLiteDatabase, without omissions: Set<Omission> = []) async throws -> Clinic {
        let surroundings = Surroundings.machine()
        try await Migrator(database, migrations: Schema.migrations, clock: surroundings.clock).up()
        guard let master = LocalMasterKeys([[UInt8](repeating: 5, count: 32)]) else { throw SecrecyFault.dataKeysGone }
        let clinic = Clinic(
            database: database, surroundings: surroundings, master: master, settings: ClinicSettings(),
            observer: NobodyWatches(), without: omissions)
        _ = try await clinic.importClinic(BenchClinic.document())
        try await clinic.open()
        return clinic
    }

    /// Two clinics that keep the same would measure nothing.
    private func requireDifference(_ sealing: Clinic, _ plain: Clinic) async throws {
        let (sealed, left) = (try await sealing.sealedFields(), try await plain.sealedFields())
        precondition(sealed[0] == nil && Set(left.keys) == [0], "what is measured is not what is meant: \(sealed), \(left)")
    }
}
